import { afterEach, describe, expect, it } from 'vitest'
import type { Settings } from '../../../settings/settings.ts'
import { openScratchStore, type ScratchStore } from '../scratch-store.ts'
import { insertSpans, type SpanFixture } from '../span-fixture.ts'
import { keepTraces } from './keep-traces.ts'
import { createMeasurementJob } from './measure-settled-traces.ts'
import { createSamplingJob } from './sample-traces.ts'
import { rejectionThreshold } from './sampling-threshold.ts'

const START_MS = Date.UTC(2026, 10, 21, 12)
const MINUTE_MS = 60_000

let scratch: ScratchStore
afterEach(() => scratch[Symbol.asyncDispose]())

async function open(sampling: Partial<Settings['sampling']> = {}): Promise<void> {
  scratch = await openScratchStore({
    nowUnixMs: START_MS,
    settings: settings => ({ ...settings, sampling: { ...settings.sampling, ...sampling } }),
  })
}

/** Measures and samples as the loop does, at an instant. */
async function sampleAt(unixMs: number, job = createSamplingJob(scratch.store)) {
  scratch.setNow(unixMs)
  const { measuredUntilUnixMs } = await createMeasurementJob(scratch.store).run()
  return job.run(measuredUntilUnixMs)
}

async function number(sql: string): Promise<number> {
  const [row] = await scratch.store.engine.query(`SELECT toFloat64((${sql})) AS number`, {})
  return Number(Object(row).number)
}

const traces = (where = '1') => number(`SELECT uniqExact(trace_id) FROM spans WHERE ${where}`)

/** Traces of an entry and two children, ids as random as real ones. */
async function insertTraces(
  count: number,
  options: { environment?: string; operation?: string; durationMs?: number; seed?: number } = {},
): Promise<void> {
  await scratch.store.engine.execute(
    `INSERT INTO spans (environment, service, operation, kind, category, status, is_entry, trace_id, ids,
       start_unix_ns, duration_ns, statement, weight, received_at, retention_days)
     SELECT {environment:String}, 'shop', if(number % 3 = 0, {operation:String}, 'SELECT orders'),
       if(number % 3 = 0, 'server', 'client'), if(number % 3 = 0, 'other', 'db'), 'unset', number % 3 = 0,
       reinterpretAsFixedString(sipHash128(intDiv(number, 3), {seed:UInt32})),
       concat(
         reinterpretAsFixedString(sipHash64(number, {seed:UInt32})),
         toFixedString('', 8),
         reinterpretAsFixedString(sipHash64(number - number % 3, {seed:UInt32}))
       ),
       {start_ns:UInt64} + number, {duration_ns:UInt64}, if(number % 3 = 0, '', 'ab'), 1,
       toDateTime({start_ns:UInt64} / 1000000000, 'UTC'), 7
     FROM numbers({spans:UInt32})`,
    {
      environment: options.environment ?? 'production',
      operation: options.operation ?? 'GET /orders/:id',
      seed: options.seed ?? 1,
      start_ns: BigInt(START_MS) * 1_000_000n,
      duration_ns: BigInt((options.durationMs ?? 20) * 1_000_000),
      spans: count * 3,
    },
  )
}

/** The last 56 bits decide: zeros are rejected at any rate below 1. */
const REJECTED = '0af7651916cd43dd8400000000000000'
const ACCEPTED = '0af7651916cd43dd84ffffffffffffff'
const span = (traceId: string, index: number, more: Partial<SpanFixture> = {}): SpanFixture => ({
  traceId,
  spanId: index.toString(16).padStart(16, '0'),
  startUnixMs: START_MS,
  ...more,
})

describe('the sampling job', () => {
  it('keeps about a tenth of the ordinary traces of production, and all of development', async () => {
    await open()
    await insertTraces(10_000)
    await insertTraces(1_000, { environment: 'development', seed: 2 })
    const { droppedTraces } = await sampleAt(START_MS + 5 * MINUTE_MS)

    const kept = await traces(`environment = 'production'`)
    expect(Math.abs(kept - 1_000)).toBeLessThanOrEqual(90)
    expect(droppedTraces).toBe(10_000 - kept)
    expect(await traces(`environment = 'development'`)).toBe(1_000)
  })

  it('keeps or drops a trace as a whole, and counts everything all the same', async () => {
    await open()
    await insertTraces(2_000)
    await sampleAt(START_MS + 5 * MINUTE_MS)

    expect(
      await number(
        'SELECT count() FROM (SELECT trace_id FROM spans GROUP BY trace_id HAVING count() != 3)',
      ),
    ).toBe(0)
    expect(await number(`SELECT sum(calls) FROM operations_day WHERE kind = 'server'`)).toBe(2_000)
    expect(await number('SELECT count() FROM measurements')).toBe(2_000)
    expect(await number('SELECT sum(query_count) FROM measurements')).toBe(4_000)
  })

  it('keeps every trace of a critical operation, named by operation or by route', async () => {
    await open({
      criticalOperations: [{ operation: '/login' }, { service: 'shop', operation: 'GET /pay' }],
    })
    await insertTraces(500, { operation: 'POST /login', seed: 1 })
    await insertTraces(500, { operation: 'GET /pay', seed: 2 })
    await insertTraces(500, { operation: 'GET /other', seed: 3 })
    await sampleAt(START_MS + 5 * MINUTE_MS)

    expect(await traces(`operation = 'POST /login'`)).toBe(500)
    expect(await traces(`operation = 'GET /pay'`)).toBe(500)
    expect(await traces(`operation = 'GET /other'`)).toBeLessThan(100)
  })

  it('keeps slow traces, failed ones and those that findings point at', async () => {
    await open()
    const reject = (digit: string) => REJECTED.replace('0', digit)
    await insertSpans(scratch.store.engine, [
      span(reject('1'), 1, { durationMs: 501 }),
      span(reject('2'), 2),
      span(reject('2'), 3, { isEntry: false, status: 'error' }),
      span(reject('3'), 4, { status: 'error' }),
      span(reject('4'), 5),
      span(reject('5'), 6),
      span(ACCEPTED, 7),
    ])
    await keepTraces(scratch.store, [reject('4')])
    await keepTraces(scratch.store, [])
    await sampleAt(START_MS + 5 * MINUTE_MS)

    const left = await scratch.store.engine.query(
      'SELECT DISTINCT lower(hex(trace_id)) AS id FROM spans ORDER BY id',
      {},
    )
    expect(left.map(row => Object(row).id)).toEqual(
      [ACCEPTED, reject('1'), reject('2'), reject('3'), reject('4')].sort(),
    )
    expect(await number(`SELECT count() FROM kept_traces WHERE reason = 'failed'`)).toBe(2)
  })

  it('follows an explicit randomness rather than the trace id', async () => {
    await open()
    await insertSpans(scratch.store.engine, [
      span(REJECTED, 1, { randomness: 2n ** 56n - 1n }),
      span(ACCEPTED, 2, { randomness: 0n }),
    ])
    await sampleAt(START_MS + 5 * MINUTE_MS)
    expect(
      await number(
        'SELECT count() FROM spans WHERE trace_id = unhex({id:String})'.replace(
          '{id:String}',
          `'${REJECTED}'`,
        ),
      ),
    ).toBe(1)
    expect(await traces()).toBe(1)
  })

  it('leaves a trace alone until it has been quiet, and one without an entry for longer', async () => {
    await open()
    await insertSpans(scratch.store.engine, [
      span(REJECTED, 1),
      span(REJECTED.replace('0', '1'), 2, { isEntry: false }),
    ])
    const job = createSamplingJob(scratch.store)
    await sampleAt(START_MS + 50_000, job)
    expect(await traces()).toBe(2)
    await sampleAt(START_MS + 2 * MINUTE_MS, job)
    expect(await traces()).toBe(1)
    await sampleAt(START_MS + 14 * MINUTE_MS, job)
    expect(await traces()).toBe(1)
    await sampleAt(START_MS + 16 * MINUTE_MS, job)
    expect(await traces()).toBe(0)
  })

  it('treats late spans as their trace was treated', async () => {
    await open()
    const slow = REJECTED.replace('0', '1')
    await insertSpans(scratch.store.engine, [span(REJECTED, 1), span(slow, 2, { durationMs: 900 })])
    const job = createSamplingJob(scratch.store)
    await sampleAt(START_MS + 3 * MINUTE_MS, job)

    // Late, and failed at that: but the rest of its trace is gone.
    const lateMs = START_MS + 4 * MINUTE_MS
    await insertSpans(scratch.store.engine, [
      span(REJECTED, 3, { isEntry: false, status: 'error', receivedUnixMs: lateMs }),
      span(slow, 4, { isEntry: false, receivedUnixMs: lateMs }),
    ])
    expect(await sampleAt(START_MS + 40 * MINUTE_MS, job)).toMatchObject({ lateSpans: 2 })
    expect(await sampleAt(START_MS + 41 * MINUTE_MS, job)).toMatchObject({ lateSpans: 0 })
    expect(await number(`SELECT count() FROM spans WHERE trace_id = unhex('${REJECTED}')`)).toBe(0)
    expect(await number(`SELECT count() FROM spans WHERE trace_id = unhex('${slow}')`)).toBe(2)
  })

  it('comes to the same end when it is killed half-way and started anew', async () => {
    await open()
    await insertTraces(3_000)
    scratch.setNow(START_MS + 5 * MINUTE_MS)
    const { measuredUntilUnixMs } = await createMeasurementJob(scratch.store).run()
    const running = createSamplingJob(scratch.store).run(measuredUntilUnixMs)
    const pid = await scratch.store.storePid()
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    await running.catch(() => {})

    await sampleAt(START_MS + 6 * MINUTE_MS)
    const kept = await traces()
    expect(Math.abs(kept - 300)).toBeLessThanOrEqual(50)
    await sampleAt(START_MS + 7 * MINUTE_MS)
    expect(await traces()).toBe(kept)
  })

  it('gives the disk of dropped spans back once their hour is over', async () => {
    await open()
    await insertTraces(5_000)
    await sampleAt(START_MS + 5 * MINUTE_MS)
    await sampleAt(START_MS + 90 * MINUTE_MS)
    expect(
      await number(
        `SELECT sum(rows) FROM system.parts WHERE active AND table = 'spans' AND database = currentDatabase()`,
      ),
    ).toBe(await number('SELECT count() FROM spans'))
  })

  it('asks nothing of the store when every rate is 1', async () => {
    await open({ rates: { production: 1 } })
    await insertSpans(scratch.store.engine, [span(REJECTED, 1)])
    const before = scratch.store.queryCount()
    await createSamplingJob(scratch.store).run(START_MS + 90 * MINUTE_MS)
    expect(scratch.store.queryCount()).toBe(before)
    expect(await traces()).toBe(1)
  })

  it('applies the default rate to environments that no rate names', async () => {
    await open({ defaultRate: 0.1 })
    await insertSpans(scratch.store.engine, [
      span(REJECTED, 1, { environment: 'qa' }),
      span(REJECTED.replace('0', '1'), 2, { environment: 'development' }),
    ])
    await sampleAt(START_MS + 5 * MINUTE_MS)
    expect(await number('SELECT count() FROM spans')).toBe(1)
  })
})

describe('the rejection threshold', () => {
  it('is OpenTelemetry’s', () => {
    expect(rejectionThreshold(1)).toBe(0n)
    expect(rejectionThreshold(0)).toBe(2n ** 56n)
    expect(rejectionThreshold(0.5)).toBe(2n ** 55n)
  })
})
