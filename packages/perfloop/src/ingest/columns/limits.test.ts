import { describe, expect, it } from 'vitest'
import {
  NOW_MS,
  START_NS,
  sentLogs,
  sentMetrics,
  sentSpan,
  sentSpanId,
  sentTraces,
} from '../decode/otlp-fixture.ts'
import { otlpJsonToProtobuf } from '../decode/otlp-json.ts'
import { scratchBuffer, sendProtobuf } from './scratch-engine.ts'

const DAY_NS = 86_400_000_000_000n
const time = (offsetNs: bigint) => String(BigInt(NOW_MS) * 1_000_000n + offsetNs)

function tables(buffer: ReturnType<typeof scratchBuffer>): Record<string, number> {
  return Object.fromEntries(buffer.take(NOW_MS / 1000).map(block => [block.table, block.rows]))
}

describe('one bad span', () => {
  const bad: readonly (readonly [string, object, string])[] = [
    ['a trace id of zeros', { traceId: '0'.repeat(32) }, 'invalid_id'],
    ['a short trace id', { traceId: 'abcd' }, 'invalid_id'],
    ['no span id', { spanId: '' }, 'invalid_id'],
    ['a span id that is text', { spanId: 'not hex!' }, 'invalid_id'],
    ['a long parent id', { parentSpanId: '00'.repeat(9) }, 'invalid_id'],
    ['no start', { startTimeUnixNano: '0' }, 'invalid_time'],
    ['an end before its start', { endTimeUnixNano: String(START_NS - 1n) }, 'invalid_time'],
    [
      'a start eight days ago',
      { startTimeUnixNano: time(-8n * DAY_NS), endTimeUnixNano: time(-8n * DAY_NS) },
      'too_old',
    ],
    ['an end tomorrow', { endTimeUnixNano: time(DAY_NS) }, 'too_new'],
    ['a time beyond all clocks', { endTimeUnixNano: '18446744073709551615' }, 'too_new'],
  ]

  it.each(bad)('with %s is refused alone, with the reason', (_, change, reason) => {
    const buffer = scratchBuffer()
    const spans = [sentSpan({ id: 1 }), sentSpan({ id: 2, ...change }), sentSpan({ id: 3 })]
    const outcome = sendProtobuf(buffer, 'traces', sentTraces(spans))
    expect(outcome).toMatchObject({ accepted: 2, rejected: 1 })
    expect(outcome.message).toMatch(/^1 refused: 1 /)
    expect(buffer.statistics().rejected).toEqual({ [reason]: 1 })
    expect(tables(buffer)).toMatchObject({ spans: 2 })
  })
})

describe('limits', () => {
  it('drop attributes beyond the number, and say so in the span', () => {
    const buffer = scratchBuffer({ maxAttributesPerSpan: 2 })
    const values = { a: 1, b: 2, c: 3, d: 4 }
    sendProtobuf(buffer, 'traces', sentTraces([sentSpan({ attributes: values })]))
    expect(buffer.statistics().limited).toEqual({ attributes_over_limit: 2 })
    const shapes = buffer.take(1).find(block => block.table === 'shapes')
    expect(Buffer.from(shapes?.bytes ?? []).toString()).toContain('"attributes":2')
  })

  it('cut long values between characters', () => {
    const buffer = scratchBuffer({ maxAttributeValueBytes: 5 })
    const values = { text: 'ääää', deep: { bytesValue: 'AAAAAAAAAAAA' } }
    sendProtobuf(buffer, 'traces', sentTraces([sentSpan({ attributes: values })]))
    expect(buffer.statistics().limited.value_cut).toBe(2)
    const text = Buffer.from(buffer.take(1).find(b => b.table === 'shapes')?.bytes ?? [])
    expect(text.includes('ää')).toBe(true)
    expect(text.includes('äää')).toBe(false)
  })

  it('stop at the depth of nesting, also of an attack', () => {
    let value: object = { stringValue: 'deep' }
    for (let i = 0; i < 150; i++) value = { arrayValue: { values: [value] } }
    const buffer = scratchBuffer()
    const outcome = sendProtobuf(
      buffer,
      'traces',
      sentTraces([sentSpan({ attributes: { nested: value } })]),
    )
    expect(outcome.accepted).toBe(1)
    expect(buffer.statistics().limited.depth_over_limit).toBe(1)
  })

  it('drop events and links beyond the number', () => {
    const event = { timeUnixNano: String(START_NS), name: 'e' }
    const link = { traceId: 'ab'.repeat(16), spanId: sentSpanId(1) }
    const buffer = scratchBuffer({ maxEventsPerSpan: 1 })
    const span = sentSpan({ events: [event, event, event], links: [link, link] })
    sendProtobuf(buffer, 'traces', sentTraces([span]))
    expect(buffer.statistics().limited).toEqual({ events_over_limit: 2, links_over_limit: 1 })
  })

  it('refuse what is beyond the number of items of a request', () => {
    const buffer = scratchBuffer({ maxSpansPerRequest: 2 })
    const spans = [1, 2, 3].map(id => sentSpan({ id }))
    expect(sendProtobuf(buffer, 'traces', sentTraces(spans))).toMatchObject({ rejected: 1 })
    const dataPoints = [1, 2, 3].map(asInt => ({ timeUnixNano: String(START_NS), asInt }))
    const metrics = sentMetrics([{ name: 'm', gauge: { dataPoints } }])
    expect(sendProtobuf(buffer, 'metrics', metrics)).toMatchObject({ accepted: 2, rejected: 1 })
    const records = [1, 2, 3].map(() => ({ timeUnixNano: String(START_NS) }))
    expect(sendProtobuf(buffer, 'logs', sentLogs(records))).toMatchObject({ rejected: 1 })
  })

  it('count operations, statements and services beyond theirs as _other', () => {
    const buffer = scratchBuffer({
      maxOperationsPerService: 2,
      maxStatementsPerService: 2,
      maxServices: 1,
    })
    const spans = ['a', 'b', 'c', 'd'].map((table, id) =>
      sentSpan({
        id: id + 1,
        kind: 3,
        attributes: { 'db.system': 'sqlite', 'db.statement': `SELECT x FROM ${table}` },
      }),
    )
    sendProtobuf(buffer, 'traces', sentTraces(spans))
    sendProtobuf(buffer, 'traces', sentTraces([sentSpan()], { 'service.name': 'second' }))
    const { limited, operations } = buffer.statistics()
    expect(limited).toMatchObject({ operation_other: 2, statement_other: 2 })
    expect(operations.map(entry => [entry.service, entry.operation, entry.calls])).toEqual([
      ['shop', 'SELECT a', 1],
      ['shop', 'SELECT b', 1],
      ['shop', '_other', 2],
      ['_other', 'work', 1],
    ])
  })
})

describe('requests of nothing', () => {
  it.each(['traces', 'metrics', 'logs'] as const)('are taken: %s', signal => {
    const buffer = scratchBuffer()
    const context = { receivedUnixMs: NOW_MS }
    const nothing = { accepted: 0, rejected: 0, message: '' }
    expect(buffer.add(signal, 'protobuf', new Uint8Array(0), context)).toEqual(nothing)
    expect(buffer.add(signal, 'json', Buffer.from('{}'), context)).toEqual(nothing)
    expect(buffer.rows).toBe(0)
    expect(buffer.take(1)).toEqual([])
  })
})

describe('rows that spans refer to', () => {
  it('are given out once, and again after an hour', () => {
    let nowMs = NOW_MS
    const buffer = scratchBuffer({}, () => nowMs)
    const request = () =>
      sentTraces([
        sentSpan({
          kind: 3,
          attributes: { 'db.system': 'sqlite', 'db.statement': 'SELECT 1' },
          startTimeUnixNano: String(BigInt(nowMs) * 1_000_000n),
          endTimeUnixNano: String(BigInt(nowMs) * 1_000_000n),
        }),
      ])
    const all = { spans: 1, resources: 1, shapes: 1, patterns: 1 }
    sendProtobuf(buffer, 'traces', request())
    expect(tables(buffer)).toEqual(all)
    sendProtobuf(buffer, 'traces', request())
    expect(tables(buffer)).toEqual({ spans: 1 })
    nowMs += 3_601_000
    sendProtobuf(buffer, 'traces', request())
    expect(tables(buffer)).toEqual(all)
    buffer.forgetMentions()
    sendProtobuf(buffer, 'traces', request())
    expect(tables(buffer)).toEqual(all)
  })

  it('are due again when the request that brought them was malformed', () => {
    const buffer = scratchBuffer()
    const body = otlpJsonToProtobuf('traces', Buffer.from(JSON.stringify(sentTraces([sentSpan()]))))
    const context = { receivedUnixMs: NOW_MS }
    const broken = Buffer.concat([body, Uint8Array.of(0x0a, 0x7f)])
    expect(() => buffer.add('traces', 'protobuf', broken, context)).toThrow()
    expect(buffer.rows).toBe(0)
    expect(buffer.statistics().operations).toEqual([])
    buffer.add('traces', 'protobuf', body, context)
    expect(tables(buffer)).toEqual({ spans: 1, resources: 1, shapes: 1 })
  })
})

describe('the environment', () => {
  it('is that of the token, whatever the sender says', () => {
    const buffer = scratchBuffer()
    const request = sentTraces([sentSpan()], { 'deployment.environment.name': 'production' })
    const body = otlpJsonToProtobuf('traces', Buffer.from(JSON.stringify(request)))
    buffer.add('traces', 'protobuf', body, { receivedUnixMs: NOW_MS, environment: 'staging' })
    buffer.add('traces', 'protobuf', body, { receivedUnixMs: NOW_MS })
    expect(buffer.statistics().operations.map(entry => entry.environment)).toEqual([
      'staging',
      'production',
    ])
  })
})

describe('watching', () => {
  it('shows accepted spans, or only entries', () => {
    const buffer = scratchBuffer()
    const seen: unknown[] = []
    const spans = [sentSpan({ id: 1, kind: 2, name: 'tick' }), sentSpan({ id: 2, parent: 1 })]
    const onSpans = (live: readonly unknown[]) => seen.push(...live)
    buffer.watch({ entriesOnly: true, onSpans })
    sendProtobuf(buffer, 'traces', sentTraces(spans))
    expect(seen).toEqual([
      {
        traceId: '0af7651916cd43dd8448eb211c80319c',
        spanId: '0000000000000001',
        environment: 'development',
        service: 'shop',
        operation: 'tick',
        kind: 'server',
        category: 'other',
        isEntry: true,
        failed: false,
        durationNs: 5_000_000,
        receivedUnixMs: NOW_MS,
      },
    ])
    buffer.watch({ entriesOnly: false, onSpans })
    sendProtobuf(buffer, 'traces', sentTraces(spans))
    expect(seen).toHaveLength(3)
    buffer.watch(undefined)
    sendProtobuf(buffer, 'traces', sentTraces(spans))
    expect(seen).toHaveLength(3)
  })
})

describe('RED counters', () => {
  it('weigh sampled spans and fill cumulative buckets', () => {
    const buffer = scratchBuffer()
    const end = (ms: number) => String(START_NS + BigInt(ms * 1e6))
    const spans = [1, 30, 20_000].map((ms, i) =>
      sentSpan({
        id: 1,
        startTimeUnixNano: String(START_NS),
        endTimeUnixNano: end(ms),
        traceState: 'ot=th:8',
        status: { code: i },
      }),
    )
    sendProtobuf(buffer, 'traces', sentTraces(spans))
    const [counters] = buffer.statistics().operations
    expect(counters).toMatchObject({ calls: 6, errors: 2 })
    expect(counters?.durationSecondsSum).toBeCloseTo(2 * 20.031, 6)
    expect(counters?.buckets).toEqual([2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4])
  })
})
