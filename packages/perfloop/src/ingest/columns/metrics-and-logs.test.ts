import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  NOW_MS,
  START_NS,
  sentAttributes,
  sentLogs,
  sentMetrics,
  sentSpanId,
  TRACE_ID,
} from '../decode/otlp-fixture.ts'
import type { IngestBuffer } from '../ingest-buffer.ts'
import { type AnyRow, ScratchEngine, scratchBuffer, sendProtobuf } from './scratch-engine.ts'

let engine: ScratchEngine
let buffer: IngestBuffer

beforeAll(() => {
  engine = new ScratchEngine()
})

afterAll(() => engine[Symbol.dispose]())

beforeEach(() => {
  engine.truncate()
  buffer = scratchBuffer()
})

function stored(table: string, order = 'name'): AnyRow[] {
  expect(engine.load(buffer.take(NOW_MS / 1000))).toEqual([])
  return engine.query(`SELECT * FROM ${table} ORDER BY ${order}`)
}

const time = { startTimeUnixNano: String(START_NS - 1n), timeUnixNano: String(START_NS) }

describe('metrics', () => {
  it('are scalars with their type, unit and attributes', () => {
    const dataPoints = [{ ...time, asDouble: 2.5, attributes: sentAttributes({ pool: 'a' }) }]
    const sum = (aggregationTemporality: number, isMonotonic: boolean) => ({
      sum: { dataPoints: [{ ...time, asInt: '7' }], aggregationTemporality, isMonotonic },
    })
    sendProtobuf(
      buffer,
      'metrics',
      sentMetrics([
        { name: 'a', unit: 'By', gauge: { dataPoints } },
        { name: 'b', ...sum(2, true) },
        { name: 'c', ...sum(2, false) },
        { name: 'd', ...sum(1, true) },
      ]),
    )
    const rows = stored('performance_metrics')
    expect(rows.map(row => [row.name, row.type, row.value])).toEqual([
      ['a', 'gauge', 2.5],
      ['b', 'counter', 7],
      ['c', 'updown', 7],
      ['d', 'delta', 7],
    ])
    expect(rows[0]).toMatchObject({ timestamp: '2026-01-15 11:59:50.000000000', service: 'shop' })
    expect(new Set(rows.map(row => row.id)).size).toBe(4)
    const [resource] = engine.query('SELECT resource FROM resources')
    expect(JSON.parse(rows[0]?.metadata)).toEqual({
      unit: 'By',
      resource: resource?.resource,
      attributes: { pool: 'a' },
    })
    expect(buffer.statistics().pointsAccepted).toBe(4)
  })

  it('are distributions with their buckets', () => {
    const common = { ...time, count: '18446744073709551615', sum: 9 }
    sendProtobuf(
      buffer,
      'metrics',
      sentMetrics([
        {
          name: 'explicit',
          unit: 's',
          histogram: {
            aggregationTemporality: 1,
            dataPoints: [
              {
                ...common,
                bucketCounts: [1, 2, 3],
                explicitBounds: [0.1, 1],
                min: 0.05,
                attributes: sentAttributes({ route: '/x', n: 1 }),
              },
            ],
          },
        },
        {
          name: 'exponential',
          exponentialHistogram: {
            aggregationTemporality: 2,
            dataPoints: [
              {
                ...common,
                scale: 0,
                zeroCount: 5,
                positive: { offset: 1, bucketCounts: [7, 8] },
                negative: { offset: 0, bucketCounts: [3] },
              },
            ],
          },
        },
        {
          name: 'summary',
          summary: { dataPoints: [{ ...common, quantileValues: [{ quantile: 0.9, value: 4 }] }] },
        },
      ]),
    )
    const [explicit, exponential, summary] = stored(
      'metric_points',
      "indexOf(['explicit', 'exponential', 'summary'], toString(name))",
    )
    expect(explicit).toMatchObject({
      type: 'histogram',
      temporality: 'delta',
      unit: 's',
      attributes: { route: '"/x"', n: '1' },
      start_unix_ns: String(START_NS - 1n),
      time_unix_ns: String(START_NS),
      count: '18446744073709551615',
      sum: 9,
      min: 0.05,
      max: null,
      bounds: [0.1, 1],
      counts: [1, 2, 3],
    })
    expect(exponential).toMatchObject({
      type: 'exponential_histogram',
      temporality: 'cumulative',
      bounds: [-1, 0, 2, 4, 8],
      counts: [3, 5, 0, 7, 8, 0],
    })
    expect(summary).toMatchObject({ type: 'summary', temporality: '', bounds: [0.9], counts: [4] })
  })

  it('that are no numbers are refused, counted, and never stored', () => {
    const values = ['NaN', 'Infinity', '-Infinity', 1]
    const dataPoints = values.map(asDouble => ({ ...time, asDouble }))
    const nameless = { name: 'e', gauge: { dataPoints: [{ ...time }] } }
    const outcome = sendProtobuf(
      buffer,
      'metrics',
      sentMetrics([
        { name: 'g', gauge: { dataPoints } },
        nameless,
        { name: 'h', histogram: { dataPoints: [{ ...time, count: 1, sum: 'NaN' }] } },
        { name: 's', summary: { dataPoints: [{ ...time, quantileValues: [{ value: 'NaN' }] }] } },
        { name: 't', gauge: { dataPoints: [{ asDouble: 1 }] } },
        { name: 'o', gauge: { dataPoints: [{ asDouble: 1, timeUnixNano: '1' }] } },
        {
          name: 'f',
          gauge: { dataPoints: [{ asDouble: 1, timeUnixNano: String(START_NS * 2n) }] },
        },
        { name: 'nothing' },
      ]),
    )
    expect(outcome).toMatchObject({ accepted: 1, rejected: 9 })
    expect(buffer.statistics().rejected).toEqual({
      invalid_number: 6,
      invalid_time: 1,
      too_old: 1,
      too_new: 1,
    })
    expect(stored('performance_metrics').map(row => row.value)).toEqual([1])
  })

  it('of which a point says that nothing was recorded are passed over', () => {
    const dataPoints = [{ ...time, flags: 1 }]
    const outcome = sendProtobuf(
      buffer,
      'metrics',
      sentMetrics([{ name: 'g', gauge: { dataPoints } }]),
    )
    expect(outcome).toEqual({ accepted: 0, rejected: 0, message: '' })
  })
})

describe('log records', () => {
  it('are stored with body, severity, trace and attributes', () => {
    sendProtobuf(
      buffer,
      'logs',
      sentLogs([
        {
          timeUnixNano: String(START_NS),
          severityNumber: 'SEVERITY_NUMBER_ERROR',
          severityText: 'ERROR',
          eventName: 'checkout.failed',
          body: { stringValue: 'it broke' },
          traceId: TRACE_ID,
          spanId: sentSpanId(5),
          attributes: sentAttributes({ code: 7 }),
        },
        {
          observedTimeUnixNano: String(START_NS + 1n),
          body: { kvlistValue: { values: sentAttributes({ a: 1 }) } },
        },
        { body: {} },
      ]),
    )
    const [first, second, third] = stored('logs', 'time_unix_ns')
    expect(first).toMatchObject({
      service: 'shop',
      time_unix_ns: String(START_NS),
      severity_number: 17,
      severity_text: 'ERROR',
      event_name: 'checkout.failed',
      body: 'it broke',
      scope_name: 'logger',
      attributes: { code: '7' },
    })
    expect(engine.query('SELECT hex(trace_id) t FROM logs LIMIT 1')).toEqual([
      { t: TRACE_ID.toUpperCase() },
    ])
    expect(second).toMatchObject({ time_unix_ns: String(START_NS + 1n), body: '{"a":1}' })
    expect(third).toMatchObject({ time_unix_ns: String(BigInt(NOW_MS) * 1_000_000n), body: '' })
    expect(buffer.statistics().logsAccepted).toBe(3)
  })

  it('with ids of a wrong length or a time out of range are refused alone', () => {
    const outcome = sendProtobuf(
      buffer,
      'logs',
      sentLogs([
        { timeUnixNano: String(START_NS), traceId: 'abcd' },
        { timeUnixNano: String(START_NS), spanId: 'ab' },
        { timeUnixNano: '1000000000' },
        { timeUnixNano: String(START_NS * 2n) },
        { timeUnixNano: String(START_NS) },
      ]),
    )
    expect(outcome).toMatchObject({ accepted: 1, rejected: 4 })
  })
})
