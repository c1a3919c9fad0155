import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bucketOf, quantileNs } from '../../domain/latency-histogram.ts'
import { openScratchStore, type ScratchStore } from './scratch-store.ts'
import { insertSpans, type SpanFixture } from './span-fixture.ts'

const DAY_MS = 86_400_000
/** A Monday, 00:00 UTC. */
const WEEK_START_MS = Date.UTC(2026, 10, 16)

let scratch: ScratchStore
beforeAll(async () => {
  scratch = await openScratchStore({ nowUnixMs: WEEK_START_MS + 7 * DAY_MS })
})
afterAll(() => scratch[Symbol.asyncDispose]())

async function rows(sql: string): Promise<readonly Record<string, unknown>[]> {
  return (await scratch.store.engine.query(sql, {})) as readonly Record<string, unknown>[]
}

function id(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0')
}

describe('rollups', () => {
  it('put a duration in the bucket that the domain puts it in', async () => {
    const durations = [0, 1, 2, 3, 49, 50, 999, 1_000, 123_456_789, 2 ** 40, 10 ** 15 + 7]
    const spans = durations.map(
      (duration, index): SpanFixture => ({
        traceId: id(index + 1, 32),
        spanId: id(index + 1, 16),
        startUnixMs: WEEK_START_MS,
        durationMs: 0,
        operation: `bucket ${duration}`,
      }),
    )
    await insertSpans(scratch.store.engine, spans)
    // The fixture has microseconds; the rollup's own expression is asked for the exact values.
    const [view] = await rows(
      `SELECT as_select AS text FROM system.tables WHERE name = 'fill_operations'`,
    )
    const expression = /sumMap\(map\((?<bucket>toInt16\(.*?\)\)\)), weight\)\)/s
      .exec(String(view?.text))
      ?.groups?.bucket?.replaceAll(/\w+\.duration_ns/g, 'duration_ns')
    const buckets = await rows(
      `SELECT ${expression} AS bucket FROM (SELECT arrayJoin([${durations.join(', ')}]) AS duration_ns)`,
    )
    expect(buckets.map(({ bucket }) => bucket)).toEqual(durations.map(bucketOf))
  })

  it('count each span once however often its segment is loaded, also after reopening', async () => {
    const spans = Array.from(
      { length: 50 },
      (_, index): SpanFixture => ({
        service: 'once',
        traceId: id(index + 100, 32),
        spanId: id(index + 100, 16),
        startUnixMs: WEEK_START_MS + index * 1_000,
        statement: '0123456789abcdef',
        rowCount: 2,
        status: index % 10 === 0 ? 'error' : 'unset',
      }),
    )
    await insertSpans(scratch.store.engine, spans, 'segment-1')
    await insertSpans(scratch.store.engine, spans, 'segment-1')
    await scratch.reopen()
    await insertSpans(scratch.store.engine, spans, 'segment-1')

    expect(
      await rows(`SELECT toUInt32(count()) AS spans FROM spans WHERE service = 'once'`),
    ).toEqual([{ spans: 50 }])
    for (const step of ['minute', 'hour', 'day']) {
      expect(
        await rows(
          `SELECT sum(calls) AS calls, sum(errors) AS errors, sum(arraySum(mapValues(histogram))) AS counted
           FROM operations_${step} WHERE service = 'once'`,
        ),
      ).toEqual([{ calls: 50, errors: 5, counted: 50 }])
      expect(
        await rows(
          `SELECT sum(calls) AS calls, sum(rows) AS rows FROM statements_${step} WHERE service = 'once'`,
        ),
      ).toEqual([{ calls: 50, rows: 100 }])
    }
  })

  it('counts two loads of equal spans under different tokens as two', async () => {
    const span: SpanFixture = {
      service: 'twice',
      traceId: id(7, 32),
      spanId: id(7, 16),
      startUnixMs: WEEK_START_MS,
    }
    await insertSpans(scratch.store.engine, [span], 'segment-2')
    await insertSpans(scratch.store.engine, [span], 'segment-3')
    expect(
      await rows(`SELECT sum(calls) AS calls FROM operations_day WHERE service = 'twice'`),
    ).toEqual([{ calls: 2 }])
  })

  it('count a statement once that two layers report', async () => {
    const layer = {
      service: 'layers',
      traceId: id(8, 32),
      startUnixMs: WEEK_START_MS,
      statement: 'ab',
    }
    await insertSpans(scratch.store.engine, [
      { ...layer, spanId: id(8, 16) },
      { ...layer, spanId: id(9, 16), isRepeatedLayer: true },
    ])
    expect(
      await rows(`SELECT sum(calls) AS calls FROM statements_minute WHERE service = 'layers'`),
    ).toEqual([{ calls: 1 }])
  })

  it('weigh the spans of a head-sampled stream', async () => {
    await insertSpans(scratch.store.engine, [
      {
        service: 'sampled',
        traceId: id(10, 32),
        spanId: id(10, 16),
        startUnixMs: WEEK_START_MS,
        durationMs: 4,
        weight: 10,
      },
    ])
    expect(
      await rows(
        `SELECT sum(calls) AS calls, sum(duration_ns) AS duration_ns FROM operations_hour WHERE service = 'sampled'`,
      ),
    ).toEqual([{ calls: 10, duration_ns: 40_000_000 }])
  })

  it('give the percentiles of a skewed week from hours within the error of the histogram', async () => {
    // Seven days, each slower and rarer than the last: the mean of the days' p95 is far from the week's.
    for (let day = 0; day < 7; day++) {
      await scratch.store.engine.execute(
        `INSERT INTO spans (environment, service, operation, kind, is_entry, trace_id, ids, start_unix_ns,
           duration_ns, weight, received_at, retention_days)
         SELECT 'production', 'skewed', 'GET /', 'server', 1, toString(number), toString(number),
           {start_ns:UInt64} + number * 1000000, toUInt64(exp(sipHash64(number, {day:UInt8}) / 18446744073709551616 * 9 + {day:UInt8}) * 1000),
           1, toDateTime({start_ns:UInt64} / 1000000000, 'UTC'), 7
         FROM numbers({spans:UInt32})`,
        { day, start_ns: BigInt(WEEK_START_MS + day * DAY_MS) * 1_000_000n, spans: 40_000 >> day },
      )
    }
    const exact = await rows(
      `SELECT quantilesExactInclusive(0.5, 0.95, 0.99)(duration_ns) AS ns FROM spans WHERE service = 'skewed'`,
    )
    const [rollup] = await rows(
      `SELECT sumMap(histogram) AS histogram FROM operations_hour WHERE service = 'skewed'`,
    )
    const histogram = new Map(
      Object.entries(Object(rollup?.histogram)).map(([bucket, count]) => [
        Number(bucket),
        Number(count),
      ]),
    )
    const [{ ns } = { ns: [] }] = exact as readonly { readonly ns: readonly number[] }[]
    for (const [index, q] of [0.5, 0.95, 0.99].entries()) {
      const truth = ns[index] ?? 0
      expect(Math.abs((quantileNs(histogram, q) ?? 0) / truth - 1)).toBeLessThan(0.0105)
    }
  })

  it('tell the models of statements', async () => {
    await scratch.store.engine.execute(
      `INSERT INTO patterns SELECT 'cd', 'postgresql', 'SELECT 1', 'SELECT orders', 'SELECT', ['orders', 'items'], now()`,
    )
    await insertSpans(scratch.store.engine, [
      {
        service: 'models',
        traceId: id(11, 32),
        spanId: id(11, 16),
        startUnixMs: WEEK_START_MS,
        statement: 'cd',
      },
    ])
    expect(
      await rows(`SELECT model, calls FROM models_day WHERE service = 'models' ORDER BY model`),
    ).toEqual([
      { model: 'items', calls: 1 },
      { model: 'orders', calls: 1 },
    ])
  })
})
