import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openScratchStore, type ScratchStore } from '../scratch-store.ts'
import { insertSpans, type SpanFixture } from '../span-fixture.ts'
import { createMeasurementJob } from './measure-settled-traces.ts'

const START_MS = Date.UTC(2026, 10, 21, 12)
const MINUTE_MS = 60_000
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const ENTRY = '00000000000000e1'

let scratch: ScratchStore
beforeEach(async () => {
  scratch = await openScratchStore({ nowUnixMs: START_MS })
})
afterEach(() => scratch[Symbol.asyncDispose]())

const entry: SpanFixture = { traceId: TRACE, spanId: ENTRY, startUnixMs: START_MS, durationMs: 100 }

let lastSpan = 0
function child(
  category: 'db' | 'render' | 'external' | 'other',
  fromMs: number,
  toMs: number,
  more: Partial<SpanFixture> = {},
): SpanFixture {
  lastSpan += 1
  return {
    traceId: TRACE,
    spanId: lastSpan.toString(16).padStart(16, 'c'),
    entrySpanId: ENTRY,
    isEntry: false,
    category,
    startUnixMs: START_MS + fromMs,
    durationMs: toMs - fromMs,
    receivedUnixMs: START_MS + 100,
    ...(category === 'db' && { statement: 'ab' }),
    ...more,
  }
}

async function measured(): Promise<readonly Record<string, number>[]> {
  const rows = await scratch.store.engine.query(
    `SELECT toUInt32(query_count) AS queries, total_ns / 1e6 AS total, db_ns / 1e6 AS db, render_ns / 1e6 AS render,
       external_ns / 1e6 AS external, self_ns / 1e6 AS self
     FROM measurements ORDER BY start_unix_ns, span_id`,
    {},
  )
  return rows as readonly Record<string, number>[]
}

async function measureAll() {
  scratch.setNow(START_MS + 10 * MINUTE_MS)
  return createMeasurementJob(scratch.store).run()
}

describe('the measurement job', () => {
  it('counts time in which two statements run at once only once', async () => {
    await insertSpans(scratch.store.engine, [entry, child('db', 10, 30), child('db', 20, 40)])
    await measureAll()
    expect(await measured()).toEqual([
      { queries: 2, total: 100, db: 30, render: 0, external: 0, self: 70 },
    ])
  })

  it('splits the total into db, external, render and self, which add up to it', async () => {
    await insertSpans(scratch.store.engine, [
      entry,
      child('render', 10, 60),
      child('db', 20, 30),
      child('external', 25, 45),
      child('other', 0, 100),
    ])
    await measureAll()
    expect(await measured()).toEqual([
      { queries: 1, total: 100, db: 10, external: 15, render: 25, self: 50 },
    ])
  })

  it('clips children that outlast their entry', async () => {
    await insertSpans(scratch.store.engine, [
      entry,
      child('db', 90, 150),
      child('external', 200, 300),
    ])
    await measureAll()
    expect(await measured()).toMatchObject([{ total: 100, db: 10, external: 0, self: 90 }])
  })

  it('measures an execution without children as all its own', async () => {
    await insertSpans(scratch.store.engine, [entry])
    await measureAll()
    expect(await measured()).toEqual([
      { queries: 0, total: 100, db: 0, render: 0, external: 0, self: 100 },
    ])
  })

  it('does not count a statement twice that two layers report, nor calls without a statement', async () => {
    await insertSpans(scratch.store.engine, [
      entry,
      child('db', 10, 30),
      child('db', 11, 29, { isRepeatedLayer: true }),
      child('db', 40, 50, { statement: '' }),
    ])
    await measureAll()
    expect(await measured()).toMatchObject([{ queries: 1, db: 30 }])
  })

  it('gives children whose batch did not tell to their parent, else to the latest entry around them', async () => {
    const NONE = '0000000000000000'
    const inner = {
      ...entry,
      spanId: '00000000000000e2',
      startUnixMs: START_MS + 40,
      durationMs: 20,
    }
    await insertSpans(scratch.store.engine, [
      entry,
      inner,
      child('db', 45, 50, { entrySpanId: NONE, parentSpanId: ENTRY }),
      child('db', 50, 53, { entrySpanId: NONE }),
      child('db', 10, 11, { entrySpanId: NONE }),
      child('db', 12, 19, { entrySpanId: NONE, service: 'billing' }),
    ])
    await measureAll()
    expect(await measured()).toMatchObject([
      { total: 100, queries: 2, db: 6 },
      { total: 20, queries: 1, db: 3 },
    ])
  })

  it('finds the children of a job that ran for an hour', async () => {
    const HOUR_MS = 3_600_000
    await insertSpans(scratch.store.engine, [
      { ...entry, durationMs: HOUR_MS },
      child('db', 1_000, 3_000, { receivedUnixMs: START_MS + 5_000 }),
      child('db', 1_000_000, 1_001_000, { receivedUnixMs: START_MS + 1_002_000 }),
      // A short execution in the same window must not be slowed down or miscounted by it.
      {
        ...entry,
        traceId: TRACE.replace('0', '1'),
        spanId: '00000000000000e3',
        startUnixMs: START_MS + HOUR_MS - 50,
      },
    ])
    scratch.setNow(START_MS + HOUR_MS + MINUTE_MS)
    expect(await createMeasurementJob(scratch.store).run()).toMatchObject({ executions: 2 })
    expect(await measured()).toMatchObject([
      { total: HOUR_MS, queries: 2, db: 3_000 },
      { total: 100, queries: 0 },
    ])
  })

  it('waits until a trace has settled, and says how far behind it is', async () => {
    await insertSpans(scratch.store.engine, [entry])
    const job = createMeasurementJob(scratch.store)
    scratch.setNow(START_MS + 2_000)
    expect(await job.run()).toMatchObject({ executions: 0, lagMs: 5_000 })
    scratch.setNow(START_MS + 7_000)
    expect(await job.run()).toMatchObject({ executions: 1, lagMs: 5_000 })
    expect(await job.run()).toMatchObject({ executions: 0 })
    expect(await measured()).toHaveLength(1)
  })

  it('does not pass by what the loader has yet to bring', async () => {
    let loadedUntilMs = START_MS - MINUTE_MS
    const job = createMeasurementJob(scratch.store, () => loadedUntilMs)
    scratch.setNow(START_MS + MINUTE_MS)
    expect(await job.run()).toMatchObject({ executions: 0, lagMs: 2 * MINUTE_MS + 5_000 })

    await insertSpans(scratch.store.engine, [entry])
    loadedUntilMs = START_MS + MINUTE_MS
    expect(await job.run()).toMatchObject({ executions: 1 })
  })

  it('works off a backlog in pieces, each execution once', async () => {
    const spans = Array.from({ length: 300 }, (_, index) => ({
      ...entry,
      traceId: index.toString(16).padStart(32, '0'),
      spanId: (index + 1).toString(16).padStart(16, '0'),
      startUnixMs: START_MS + index * 1_000,
    }))
    await insertSpans(scratch.store.engine, spans)
    expect(await measureAll()).toMatchObject({ executions: 300 })
    expect(await measured()).toHaveLength(300)
    const [sums] = await scratch.store.engine.query(
      `SELECT sum(executions) AS executions, sum(total_ns) / 1e6 AS total, sum(self_ns) / 1e6 AS self,
         sum(load_ns) / 1e6 AS load FROM measurements_hour`,
      {},
    )
    expect(sums).toEqual({ executions: 300, total: 30_000, self: 30_000, load: 30_000 })
  })

  it('waits for a longer window when there is much to measure', async () => {
    const insertMany = (secondsAfter: number) =>
      scratch.store.engine.execute(
        `INSERT INTO spans (environment, service, operation, kind, is_entry, trace_id, ids, start_unix_ns,
           duration_ns, weight, received_at, retention_days)
         SELECT 'production', 'shop', 'GET /', 'server', 1, randomFixedString(16), randomFixedString(24),
           {start_s:UInt32} * 1000000000 + number, 1000, 1, toDateTime({start_s:UInt32}, 'UTC'), 7 FROM numbers(6000)`,
        { start_s: START_MS / 1_000 + secondsAfter },
      )
    await insertMany(0)
    await insertMany(10)
    const job = createMeasurementJob(scratch.store)
    scratch.setNow(START_MS + 12_000)
    expect(await job.run()).toMatchObject({ executions: 0, measuredUntilUnixMs: START_MS })
    scratch.setNow(START_MS + 20_000)
    expect(await job.run()).toMatchObject({ executions: 12_000 })
  })

  it('measures each execution once when it is killed between the note and the insert, or after it', async () => {
    await insertSpans(scratch.store.engine, [entry, child('db', 10, 30)])
    await measureAll()
    // Whoever starts anew cannot know whether the noted window was inserted, and repeats it.
    await scratch.reopen()
    await measureAll()
    await measureAll()
    expect(await measured()).toHaveLength(1)

    await scratch.store.engine.execute('TRUNCATE TABLE measurements')
    await scratch.store.engine.execute(
      `INSERT INTO watermarks (job, from_s, to_s) SELECT 'measurements', {from_s:UInt32}, {to_s:UInt32}`,
      { from_s: START_MS / 1_000 - 1, to_s: START_MS / 1_000 + 1 },
    )
    await measureAll()
    expect(await measured()).toHaveLength(1)
  })

  it('goes on when the clock was set back', async () => {
    const laterMs = START_MS + 60 * MINUTE_MS
    await insertSpans(scratch.store.engine, [{ ...entry, receivedUnixMs: laterMs }])
    const job = createMeasurementJob(scratch.store)
    scratch.setNow(laterMs + MINUTE_MS)
    expect(await job.run()).toMatchObject({ executions: 1 })
    scratch.setNow(START_MS + MINUTE_MS)
    expect(await job.run()).toMatchObject({ executions: 0 })
    const receivedUnixMs = START_MS + MINUTE_MS
    await insertSpans(scratch.store.engine, [
      { ...entry, spanId: 'e2'.padStart(16, '0'), receivedUnixMs },
    ])
    scratch.setNow(START_MS + 2 * MINUTE_MS)
    expect(await job.run()).toMatchObject({ executions: 1 })
  })

  it('repeats its window when the store dies under it', async () => {
    await insertSpans(scratch.store.engine, [entry, child('db', 10, 30)])
    scratch.setNow(START_MS + MINUTE_MS)
    const job = createMeasurementJob(scratch.store)
    const running = job.run()
    const pid = await scratch.store.storePid()
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    await running.catch(() => {})
    await job.run()
    expect(await measured()).toHaveLength(1)
    expect(scratch.store.storeRestarts()).toBe(1)
  })
})
