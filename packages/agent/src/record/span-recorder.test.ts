import { expect, it } from 'vitest'
import { ActiveSpan } from './active-span.ts'
import { attributeSchema, PASSING_TEXT, TEXT } from './attribute-schema.ts'
import { CostBudget } from './cost-budget.ts'
import { PLACE_SIZES, SpanBatch } from './span-batch.ts'
import { SpanRecorder } from './span-recorder.ts'

const SCHEMA = attributeSchema('test', {}, { statement: TEXT, path: PASSING_TEXT })

it.each(['exceptions', 'texts', 'passing texts'])(
  'hands over a batch before its %s are more than the exporting thread can hold',
  what => {
    const sentRows: number[] = []
    const recorder = new SpanRecorder(
      {
        takeBuffer: () => new SpanBatch().buffer,
        send(batch, texts) {
          sentRows.push(batch.rows)
          texts.takeNew()
        },
        wake() {},
      },
      new CostBudget(1, () => {}),
    )
    const span = new ActiveSpan(undefined)
    const long = 'x'.repeat(8_000)
    for (let n = 0; n < 2_000; n++) {
      recorder.beginChild(SCHEMA, 'name', 1, false, span, 0, 1)
      if (what === 'exceptions')
        recorder.exception({ type: 'Error', message: long, stack: long }, 0)
      recorder.text(what === 'texts' ? `${long}${n}` : 'select 1')
      recorder.passingText(what === 'passing texts' ? `${n}${long}` : '/')
      recorder.end()
    }
    // A million characters, of which each span has two thousand at least.
    expect(Math.max(...sentRows)).toBeLessThan(530)
    expect(sentRows.length).toBeGreaterThan(2)
  },
)

it('sends a passing text once that comes with one span after another, such as the name of the host', () => {
  const sent: SpanBatch[] = []
  const recorder = new SpanRecorder(
    {
      takeBuffer: () => new SpanBatch().buffer,
      send: batch => sent.push(batch),
      wake() {},
    },
    new CostBudget(1, () => {}),
  )
  const span = new ActiveSpan(undefined)
  for (const path of ['/a', '/a', '/b', undefined, '/b']) {
    recorder.beginChild(SCHEMA, 'name', 1, false, span, 0, 1)
    recorder.text('select 1')
    recorder.passingText(path)
    recorder.end()
  }
  recorder.flush()
  const [batch] = sent
  expect(textsOf(batch)).toEqual(['/a', '/a', '/b', undefined, '/b'])
  expect(batch?.textBytes).toBe(4)
})

it('never mixes a row with one that begins within it', () => {
  const sent: SpanBatch[] = []
  const dropped: number[] = []
  const recorder = new SpanRecorder(
    {
      takeBuffer: () => new SpanBatch().buffer,
      send: (batch, _texts, lost) => {
        sent.push(batch)
        dropped.push(lost)
      },
      wake() {},
    },
    new CostBudget(1, () => {}),
  )
  const span = new ActiveSpan(undefined)
  const write = (statement: string, path: string, within = () => {}) => {
    recorder.beginChild(SCHEMA, 'name', 1, false, span, 0, 1)
    recorder.text(statement)
    within()
    recorder.passingText(path)
    recorder.end()
  }
  write('a', '/a')
  write('b', '/b', () => write('c', '/c'))
  write('d', '/d')
  recorder.flush()
  const [batch] = sent
  expect([batch?.rows, textsOf(batch), dropped]).toEqual([3, ['/a', '/c', '/d'], [1]])
})

it.each([
  ['none', ''],
  ['one with an umlaut', '/früh'],
  ['one with a fruit', '/🍎'],
  ['a long one', `/${'x'.repeat(2_047)}`],
])('keeps a passing text as it is: %s', (_, text) => {
  const batch = new SpanBatch()
  batch.addText('/before')
  const place = batch.addText(text)
  batch.addText('/after')
  expect(textAt(batch, place)).toBe(text)
})

/** Of spans of `SCHEMA`. */
function textsOf(batch: SpanBatch | undefined): (string | undefined)[] {
  if (batch === undefined) return []
  return Array.from({ length: batch.rows }, (_, row) => textAt(batch, batch.values[row * 2 + 1]))
}

function textAt({ texts }: SpanBatch, place = Number.NaN): string | undefined {
  if (Number.isNaN(place)) return undefined
  const start = Math.floor(place / PLACE_SIZES)
  return texts.toString('utf8', start, start + (place % PLACE_SIZES))
}
