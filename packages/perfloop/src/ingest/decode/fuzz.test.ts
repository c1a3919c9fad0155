import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import { scratchBuffer } from '../columns/scratch-engine.ts'
import type { BodyEncoding, Signal } from '../ingest-buffer.ts'
import {
  NOW_MS,
  START_NS,
  sentAttributes,
  sentLogs,
  sentMetrics,
  sentSpan,
  sentTraces,
} from './otlp-fixture.ts'
import { otlpJsonToProtobuf } from './otlp-json.ts'

const point = { timeUnixNano: String(START_NS), attributes: sentAttributes({ a: 1 }) }
const requests: Readonly<Record<Signal, object>> = {
  traces: sentTraces([
    sentSpan({
      id: 1,
      kind: 2,
      attributes: {
        'http.request.method': 'GET',
        'url.path': '/a/1',
        n: -1,
        d: 0.5,
        list: { arrayValue: { values: [{ boolValue: true }] } },
      },
      events: [
        {
          timeUnixNano: String(START_NS),
          name: 'e',
          attributes: sentAttributes({ 'exception.message': 'no' }),
        },
      ],
      links: [{ traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) }],
      status: { code: 2, message: 'bad' },
      traceState: 'ot=th:8',
    }),
    sentSpan({
      id: 2,
      parent: 1,
      kind: 3,
      attributes: { 'db.system': 'mysql', 'db.statement': "SELECT 'x'" },
    }),
  ]),
  metrics: sentMetrics([
    { name: 'g', gauge: { dataPoints: [{ ...point, asDouble: 1 }] } },
    {
      name: 'h',
      histogram: {
        dataPoints: [{ ...point, count: 3, bucketCounts: [1, 2], explicitBounds: [1] }],
      },
    },
    {
      name: 'e',
      exponentialHistogram: {
        dataPoints: [{ ...point, scale: 2, positive: { offset: 1, bucketCounts: [1] } }],
      },
    },
    {
      name: 's',
      summary: { dataPoints: [{ ...point, quantileValues: [{ quantile: 1, value: 2 }] }] },
    },
  ]),
  logs: sentLogs([
    {
      timeUnixNano: String(START_NS),
      body: { stringValue: 'x' },
      attributes: sentAttributes({ b: 2 }),
    },
  ]),
}
const bodies = (Object.keys(requests) as Signal[]).map(signal => ({
  signal,
  json: Buffer.from(JSON.stringify(requests[signal])),
  protobuf: otlpJsonToProtobuf(signal, Buffer.from(JSON.stringify(requests[signal]))),
}))
const context = { receivedUnixMs: NOW_MS }

/** Either it is taken, or it is refused as unreadable and nothing of it stays. */
function addFuzzed(
  buffer: ReturnType<typeof scratchBuffer>,
  signal: Signal,
  encoding: BodyEncoding,
  body: Uint8Array,
): void {
  const before = buffer.rows
  const accepted = buffer.statistics().spansAccepted
  try {
    buffer.add(signal, encoding, body, context)
  } catch (error) {
    expect(error).toBeInstanceOf(PerfloopError)
    expect(error).toMatchObject({ code: 'OTLP_BODY_UNREADABLE' })
    expect(buffer.rows).toBe(before)
    expect(buffer.statistics().spansAccepted).toBe(accepted)
  }
}

const signals = fc.constantFrom(...bodies)

describe('a body that is not OTLP', () => {
  it('cut anywhere is refused with the place, or is a shorter request', () => {
    const buffer = scratchBuffer()
    for (const { signal, protobuf, json } of bodies) {
      for (let end = 0; end < protobuf.length; end++) {
        addFuzzed(buffer, signal, 'protobuf', protobuf.subarray(0, end))
      }
      for (let end = 0; end < json.length; end += 7) {
        addFuzzed(buffer, signal, 'json', json.subarray(0, end))
      }
    }
  })

  it('with bytes changed is taken or refused, and leaves nothing when refused', () => {
    const buffer = scratchBuffer()
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    })
    fc.assert(
      fc.property(signals, changes, fc.boolean(), ({ signal, protobuf, json }, edits, asJson) => {
        const body = Buffer.from(asJson ? json : protobuf)
        for (const [at, byte] of edits) body[at % body.length] = byte
        addFuzzed(buffer, signal, asJson ? 'json' : 'protobuf', body)
        if (buffer.rows > 5_000) buffer.take(1)
      }),
      { numRuns: 4_000 },
    )
  })

  it('of random bytes is refused or taken', () => {
    const buffer = scratchBuffer()
    fc.assert(
      fc.property(signals, fc.uint8Array({ maxLength: 200 }), ({ signal }, body) => {
        addFuzzed(buffer, signal, 'protobuf', body)
        addFuzzed(buffer, signal, 'json', body)
      }),
      { numRuns: 2_000 },
    )
  })

  it('of any JSON is refused with the path, or taken', () => {
    const buffer = scratchBuffer()
    const anything = fc.json({ maxDepth: 6 })
    fc.assert(
      fc.property(signals, anything, ({ signal }, text) => {
        addFuzzed(buffer, signal, 'json', Buffer.from(text))
        const key = `resource${signal === 'traces' ? 'Spans' : signal === 'logs' ? 'Logs' : 'Metrics'}`
        addFuzzed(buffer, signal, 'json', Buffer.from(`{"${key}":[${text}]}`))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('the answer to a malformed body', () => {
  function detailsOf(signal: Signal, encoding: BodyEncoding, body: Uint8Array): unknown {
    try {
      scratchBuffer().add(signal, encoding, body, context)
    } catch (error) {
      if (error instanceof PerfloopError) return error.details
      throw error
    }
    return undefined
  }

  it('names resource, scope, span and attribute, and the byte', () => {
    const sound = requests.traces
    const body = Buffer.from(otlpJsonToProtobuf('traces', Buffer.from(JSON.stringify(sound))))
    const at = body.indexOf('db.statement')
    // The length of the key, just before it, is made longer than its attribute.
    body[at - 1] = 0x7f
    expect(detailsOf('traces', 'protobuf', body)).toMatchObject({
      offset: at - 1,
      path: 'resourceSpans[0].scopeSpans[0].spans[1].attributes[1]',
      expected: expect.stringContaining('127 bytes'),
    })
  })

  it('names the path in JSON', () => {
    const wrong = sentTraces([sentSpan(), sentSpan({ attributes: {}, kind: 'SPAN_KIND_SPECIAL' })])
    expect(detailsOf('traces', 'json', Buffer.from(JSON.stringify(wrong)))).toMatchObject({
      path: 'resourceSpans[0].scopeSpans[0].spans[1].kind',
      expected: expect.stringContaining('SPAN_KIND_SERVER'),
    })
    expect(detailsOf('logs', 'json', Buffer.from('{"resourceLogs": 5}'))).toMatchObject({
      path: 'resourceLogs',
      expected: 'an array',
    })
    expect(detailsOf('logs', 'json', Buffer.from('[]'))).toMatchObject({ expected: 'an object' })
    expect(detailsOf('logs', 'json', Buffer.from('{"resourceLogs": }'))).toMatchObject({
      expected: expect.stringContaining('JSON: '),
    })
    expect(detailsOf('logs', 'json', Uint8Array.of(0xff, 0xfe))).toMatchObject({
      expected: 'UTF-8 text',
    })
  })

  it('refuses groups and wrong wire types, and skips fields nobody knows', () => {
    expect(detailsOf('traces', 'protobuf', Uint8Array.of(0x0b))).toMatchObject({
      path: '',
      offset: 1,
    })
    expect(detailsOf('traces', 'protobuf', Uint8Array.of(0x08, 1))).toMatchObject({ offset: 1 })
    expect(detailsOf('traces', 'protobuf', Uint8Array.of(0x00))).toMatchObject({ offset: 0 })
    expect(
      detailsOf('traces', 'protobuf', Uint8Array.of(0x7a, 1, 65, 0x7d, 0, 0, 0, 0)),
    ).toBeUndefined()
    const endless = new Uint8Array(20).fill(0xff)
    expect(detailsOf('traces', 'protobuf', endless)).toMatchObject({ offset: 0 })
  })
})
