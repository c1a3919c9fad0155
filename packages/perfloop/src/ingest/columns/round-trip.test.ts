import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NOW_MS, sentSpan, sentTraces } from '../decode/otlp-fixture.ts'
import type { IngestBuffer } from '../ingest-buffer.ts'
import { ScratchEngine, scratchBuffer, sendProtobuf } from './scratch-engine.ts'

let engine: ScratchEngine

beforeAll(() => {
  engine = new ScratchEngine()
})

afterAll(() => engine[Symbol.dispose]())

const BATCH = 40

/** What it is sent as, and what it must be read back as. */
const value = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }).map(text => [text, text] as const),
  fc.integer().map(number => [number, number] as const),
  fc.boolean().map(truth => [truth, truth] as const),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .map(number => [{ doubleValue: number }, number === 0 ? 0 : number] as const),
  fc
    .array(fc.string({ maxLength: 4 }), { maxLength: 3 })
    .map(
      list =>
        [{ arrayValue: { values: list.map(stringValue => ({ stringValue })) } }, list] as const,
    ),
)
const key = fc.oneof(
  fc.constantFrom('a', 'b', 'user.id', 'thread.name', 'enabled', '__proto__x'),
  fc.stringMatching(/^[a-z]{1,3}\.x$/),
)
const span = fc.record({
  values: fc.dictionary(key, value, { maxKeys: 8 }),
  parent: fc.nat({ max: BATCH }),
  message: fc.option(fc.constantFrom('it broke', 'no way'), { nil: undefined }),
})

function storedAttributes(buffer: IngestBuffer): Record<string, unknown>[] {
  expect(engine.load(buffer.take(NOW_MS / 1000))).toEqual([])
  return engine.spans().map(row => {
    const { attributes, statusMessage } = engine.rebuilt(row)
    return { attributes, statusMessage }
  })
}

describe('any tree of spans', () => {
  it.each([true, false])(
    'is rebuilt from shapes and values as it was sent (pattern compression %s)',
    patternCompression => {
      fc.assert(
        fc.property(fc.array(span, { minLength: 1, maxLength: BATCH }), spans => {
          engine.truncate()
          const buffer = scratchBuffer({ patternCompression })
          const request = spans.map(({ values, parent, message }, i) =>
            sentSpan({
              id: i + 1,
              ...(parent > 0 && parent <= i ? { parent } : {}),
              attributes: Object.fromEntries(
                Object.entries(values).map(([k, [sent]]) => [k, sent]),
              ),
              ...(message === undefined ? {} : { status: { code: 2, message } }),
            }),
          )
          expect(sendProtobuf(buffer, 'traces', sentTraces(request)).rejected).toBe(0)
          expect(storedAttributes(buffer)).toEqual(
            spans.map(({ values, message }) => ({
              attributes: Object.fromEntries(
                Object.entries(values).map(([k, [, read]]) => [k, read]),
              ),
              statusMessage: message,
            })),
          )
          const broken = engine.query(
            `SELECT count() n FROM spans s LEFT JOIN spans e ON e.span_id = s.entry_span_id
             WHERE e.is_entry = 0`,
          )
          expect(broken).toEqual([{ n: '0' }])
        }),
        { numRuns: 12 },
      )
    },
  )

  it('is rebuilt after its attributes have turned out to vary', () => {
    engine.truncate()
    const buffer = scratchBuffer()
    const sent = Array.from({ length: 3_000 }, (_, i) => ({
      host: 'db',
      session: `s${i}`,
      shard: i % 7,
      path: `/p/${i % 900}`,
    }))
    for (let from = 0; from < sent.length; from += 500) {
      const spans = sent
        .slice(from, from + 500)
        .map((attributes, i) => sentSpan({ id: from + i + 1, attributes }))
      sendProtobuf(buffer, 'traces', sentTraces(spans))
    }
    engine.load(buffer.take(NOW_MS / 1000))
    const shapes = new Map(engine.query('SELECT * FROM shapes').map(row => [row.shape, row]))
    expect(shapes.size).toBeLessThan(2_000)
    const rows = engine.spans()
    const every = [0, 1, 511, 512, 513, 514, 1_100, 2_999]
    for (const i of every) expect(engine.rebuilt(rows[i] ?? {}).attributes).toEqual(sent[i])
  })
})
