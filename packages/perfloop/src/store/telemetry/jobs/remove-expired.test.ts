import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openScratchStore, type ScratchStore } from '../scratch-store.ts'
import { insertSpans, type SpanFixture } from '../span-fixture.ts'
import { limitDisk } from './limit-disk.ts'
import { createMeasurementJob } from './measure-settled-traces.ts'
import { removeExpired } from './remove-expired.ts'

const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 10, 21, 12)

let scratch: ScratchStore
beforeEach(async () => {
  scratch = await openScratchStore({ nowUnixMs: NOW_MS })
})
afterEach(() => scratch[Symbol.asyncDispose]())

/** One trace a given number of days old, under an operation of that name, measured. */
async function insertAged(days: number, more: Partial<SpanFixture> = {}): Promise<void> {
  const id = (days * 10 + (more.retentionDays ?? 0)).toString(16)
  await insertSpans(scratch.store.engine, [
    {
      traceId: id.padStart(32, '0'),
      spanId: id.padStart(16, '0'),
      startUnixMs: NOW_MS - days * DAY_MS,
      operation: `${days} days`,
      statement: 'ab',
      ...more,
    },
  ])
  const job = createMeasurementJob(scratch.store)
  scratch.setNow(NOW_MS - days * DAY_MS + 60_000)
  await job.run()
  scratch.setNow(NOW_MS)
}

async function operations(table: string): Promise<readonly string[]> {
  const rows = await scratch.store.engine.query(
    `SELECT DISTINCT operation FROM ${table} ORDER BY toUInt32(extract(operation, '\\\\d+'))`,
    {},
  )
  return rows.map(row => String(Object(row).operation))
}

function diskUsage(): number {
  return Number(execFileSync('du', ['-sk', scratch.directory], { encoding: 'utf8' }).split('\t')[0])
}

describe('removal of what is expired', () => {
  it('leaves exactly the younger of each pair around 7, 30 and 365 days', async () => {
    for (const days of [366, 364, 31, 29, 8, 6]) await insertAged(days)
    const outcome = await removeExpired(scratch.store)

    expect(await operations('spans')).toEqual(['6 days'])
    expect(await operations('measurements')).toEqual(['6 days'])
    for (const rollup of ['operations', 'measurements']) {
      expect(await operations(`${rollup}_minute`)).toEqual(['6 days', '8 days', '29 days'])
      expect(await operations(`${rollup}_hour`)).toEqual(['6 days', '8 days', '29 days'])
      expect(await operations(`${rollup}_day`)).toEqual([
        '6 days',
        '8 days',
        '29 days',
        '31 days',
        '364 days',
      ])
    }
    expect(outcome.rowsRemoved).toBeGreaterThan(0)
    expect(outcome.partitionsDropped).toContainEqual({
      table: 'spans',
      partition: `(7,'2026-11-13 12:00:00')`,
    })
    expect(await removeExpired(scratch.store)).toMatchObject({
      rowsRemoved: 0,
      partitionsDropped: [],
    })
  })

  it('keeps spans as long as the class they came with says', async () => {
    await insertAged(8)
    await insertAged(40, { retentionDays: 365 })
    await removeExpired(scratch.store)
    expect(await operations('spans')).toEqual(['40 days'])
  })

  it('frees the disk', async () => {
    await scratch.store.engine.execute(
      `INSERT INTO spans (environment, service, operation, trace_id, ids, start_unix_ns, received_at, retention_days, weight)
       SELECT 'production', 'shop', 'GET /', randomFixedString(16), randomFixedString(24), {start_ns:UInt64}, toDateTime({start_ns:UInt64} / 1e9, 'UTC'), 7, 1
       FROM numbers(200000)`,
      { start_ns: BigInt(NOW_MS - 8 * DAY_MS) * 1_000_000n },
    )
    const before = diskUsage()
    const outcome = await removeExpired(scratch.store)
    expect(outcome.bytesFreed).toBeGreaterThan(4_000_000)
    expect(before - diskUsage()).toBeGreaterThan(4_000)
  })

  it('deletes patterns that no statement has used for the longest retention', async () => {
    await scratch.store.engine.execute(
      `INSERT INTO patterns SELECT toString(days), 'sqlite', '', '', '', [], toDateTime({now_s:UInt32}, 'UTC') - INTERVAL days DAY
       FROM (SELECT arrayJoin([364, 366]) AS days)`,
      { now_s: NOW_MS / 1_000 },
    )
    await removeExpired(scratch.store)
    expect(await scratch.store.engine.query('SELECT statement FROM patterns', {})).toEqual([
      { statement: '364' },
    ])
  })
})

describe('the limit of disk', () => {
  async function limit(maxDiskBytes: number | null) {
    const settings = {
      ...scratch.store.settings,
      store: { ...scratch.store.settings.store, maxDiskBytes },
    }
    return limitDisk({ ...scratch.store, settings })
  }

  it('drops the oldest spans first and leaves rollups alone', async () => {
    for (const days of [3, 2, 1]) await insertAged(days)
    const all = await limit(Number.MAX_SAFE_INTEGER)
    expect(all.dropped).toEqual([])

    const some = await limit(all.sizeBytes - 1)
    expect(some.dropped).toMatchObject([
      { table: 'spans', partition: `(7,'2026-11-18 12:00:00')`, rows: 1 },
    ])
    expect(await operations('spans')).toEqual(['1 days', '2 days'])
    expect(await operations('operations_minute')).toEqual(['1 days', '2 days', '3 days'])
  })

  it('drops all that can be spared when it must, but not the hour that is being written', async () => {
    for (const days of [2, 1, 0]) await insertAged(days)
    await limit(0)
    expect(await operations('spans')).toEqual(['0 days'])
    expect(await operations('measurements')).toEqual(['0 days'])
    expect(await operations('operations_day')).toEqual(['0 days', '1 days', '2 days'])
  })

  it('does nothing where there is no limit', async () => {
    expect(await limit(null)).toEqual({ sizeBytes: 0, dropped: [] })
  })
})
