import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { resourcesBlock, spansBlock } from '../../../../../tests/ingest/row-buffer.ts'
import { systemClock } from '../../domain/clock.ts'
import { silentLogger } from '../../domain/logger.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import { defaultSettings } from '../../settings/settings.ts'
import type { TelemetryEngine } from '../../store/telemetry/engine.ts'
import {
  type OpenTelemetryStore,
  openTelemetryStore,
} from '../../store/telemetry/open-telemetry-store.ts'
import type { NativeBlock } from '../ingest-buffer.ts'
import { readLoadedBatches } from './loaded-batches.ts'
import { type LoadedSegment, type Loader, type LoaderOptions, startLoader } from './loader.ts'
import { listSegments } from './segment-name.ts'
import { Spool } from './spool.ts'
import { encodeFrame, FRAME_MAGIC } from './spool-frame.ts'
import { isStoreState } from './store-failure.ts'

const settings = defaultSettings()
const PATIENCE = { timeout: 30_000 }
const RECEIVED_UNIX_SECONDS = Math.floor(Date.now() / 1_000)
let data: string
let store: OpenTelemetryStore
let directory: string
let spoolDirectory: string
let lastId = 0n
const running: Loader[] = []

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'perfloop-loader-store-'))
  store = await openTelemetryStore({ dataDirectory: data, settings })
})
afterAll(async () => {
  await store.close()
  await rm(data, { recursive: true, force: true })
})
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'perfloop-loader-'))
  spoolDirectory = join(directory, 'spool')
})
afterEach(async () => {
  for (const loader of running.splice(0)) await loader.close()
  await rm(directory, { recursive: true, force: true })
})

function load(changes: Partial<LoaderOptions> = {}): Loader {
  const loader = startLoader({
    spoolDirectory,
    quarantineDirectory: join(directory, 'quarantine'),
    engine: store.engine,
    logger: silentLogger,
    backoff: { firstMs: 5, longestMs: 20 },
    ...changes,
  })
  running.push(loader)
  return loader
}

/** One frame a list; closed. */
async function writeSegment(...frames: readonly (readonly NativeBlock[])[]): Promise<string> {
  const { spool } = await Spool.open({
    directory: spoolDirectory,
    settings: settings.ingest.spool,
    logger: silentLogger,
    clock: systemClock,
  })
  for (const [index, blocks] of frames.entries()) {
    await spool.append(encodeFrame(blocks, [`batch ${index}`]))
  }
  await spool.close()
  return (await listSegments(spoolDirectory, 'closed')).at(-1)?.path ?? ''
}

function newIds(count: number): bigint[] {
  return Array.from({ length: count }, () => ++lastId)
}

const spans = (ids: readonly bigint[]) => spansBlock(ids, [], RECEIVED_UNIX_SECONDS)

/** How many of the ids are stored, all copies counted, in spans and in all rollups by the minute. */
async function stored(ids: readonly bigint[]): Promise<{ spans: number; rolledUp: number }> {
  const names = ids.map(id => id.toString(16).padStart(16, '0').toUpperCase())
  const [row] = await store.engine.query(
    'SELECT toUInt32(count()) AS spans FROM spans WHERE has({names:Array(String)}, hex(span_id))',
    { names },
  )
  const [all] = await store.engine.query('SELECT sum(calls) AS calls FROM operations_minute', {})
  return { spans: numberOf(row, 'spans'), rolledUp: numberOf(all, 'calls') }
}

function numberOf(row: unknown, name: string): number {
  return Number(Object.entries(row ?? {}).find(([key]) => key === name)?.[1])
}

describe('the loader', () => {
  it('moves closed segments into spans and rollups, and removes them', async () => {
    const ids = newIds(1_000)
    const before = await stored(ids)
    await writeSegment([resourcesBlock(), spans(ids.slice(0, 600))], [spans(ids.slice(600))])
    const loaded: LoadedSegment[] = []
    const loader = load({ onLoaded: segment => void loaded.push(segment) })
    await loader.drain()

    const after = await stored(ids)
    expect(after.spans).toBe(1_000)
    expect(after.rolledUp - before.rolledUp).toBe(1_000)
    expect(await listSegments(spoolDirectory, 'closed')).toEqual([])
    expect(await readLoadedBatches(spoolDirectory)).toMatchObject({
      batches: ['batch 0', 'batch 1'],
    })
    expect(loaded[0]?.tables).toEqual([
      { table: 'resources', rows: 1 },
      { table: 'spans', rows: 1_000 },
    ])
    const statistics = await loader.statistics()
    expect(statistics).toMatchObject({ loadedSegments: 1, loadedRows: 1_001, quarantinedFrames: 0 })
    expect(statistics.lag).toEqual({ segments: 0, bytes: 0, oldestAgeMs: 0 })
    expect(statistics.rowsPerSecond).toBeGreaterThan(0)
    expect(await readdir(join(directory, 'tmp', 'load'))).toEqual([])
  })

  it('counts a segment once that was loaded before a crash kept it from being removed', async () => {
    const ids = newIds(500)
    const before = await stored(ids)
    const path = await writeSegment([spans(ids)])
    const bytes = await readFile(path)
    await load().drain()
    await writeFile(path, bytes)
    await load().drain()

    const after = await stored(ids)
    expect(after.spans).toBe(500)
    expect(after.rolledUp - before.rolledUp).toBe(500)
  })

  it('sets a damaged frame aside with a report and loads the others', async () => {
    const ids = newIds(3)
    const path = await writeSegment(...ids.map(id => [spans([id])]))
    const bytes = await readFile(path)
    const last = bytes.lastIndexOf(FRAME_MAGIC)
    bytes.writeUInt8(bytes.readUInt8(last - 3) ^ 1, last - 3)
    await writeFile(path, bytes)

    const errors: object[] = []
    const logger = { ...silentLogger, error: (fields: object) => void errors.push(fields) }
    const loader = load({ logger })
    await loader.drain()

    expect((await stored(ids)).spans).toBe(2)
    expect((await loader.statistics()).quarantinedFrames).toBe(1)
    expect(errors).toMatchObject([{ code: 'SPOOL_FRAME_CORRUPT' }])
    const files = await readdir(join(directory, 'quarantine'))
    expect(files.map(name => name.split('.').at(-1)).sort()).toEqual(['frame', 'json'])
    const report = files.find(name => name.endsWith('.json')) ?? ''
    expect(JSON.parse(await readFile(join(directory, 'quarantine', report), 'utf8'))).toMatchObject(
      {
        code: 'SPOOL_FRAME_CORRUPT',
        reason: 'the checksum of the payload does not match',
      },
    )
    const recovered = files.find(name => name.endsWith('.frame')) ?? ''
    const kept = await readFile(join(directory, 'quarantine', recovered))
    expect(kept.subarray(0, 8).equals(FRAME_MAGIC)).toBe(true)
  })

  it('finds the frame whose rows the store refuses, and loads everything else once', async () => {
    const ids = newIds(7)
    const before = await stored(ids)
    const bad: NativeBlock = {
      ...spans([1n]),
      bytes: Buffer.from('\x0a\x01garbage that is no block'),
    }
    const frames = ids.map(id => [spans([id])])
    frames.splice(4, 0, [bad])
    await writeSegment(...frames)
    const loader = load()
    await loader.drain()

    const after = await stored(ids)
    expect(after.spans).toBe(7)
    expect(after.rolledUp - before.rolledUp).toBe(7)
    expect((await loader.statistics()).quarantinedFrames).toBe(1)
    const files = await readdir(join(directory, 'quarantine'))
    expect(files.every(name => name.includes('-spans.'))).toBe(true)
    const report = files.find(name => name.endsWith('.json')) ?? ''
    expect(await readFile(join(directory, 'quarantine', report), 'utf8')).toMatch(/Code: \d+/)
  })

  it('waits instead of setting everything aside when every frame is refused', async () => {
    const bad: NativeBlock = {
      ...spans([1n]),
      bytes: Buffer.from('\x0a\x01garbage that is no block'),
    }
    await writeSegment(...Array.from({ length: 12 }, () => [bad]))
    const loader = load()
    await expect.poll(async () => (await loader.statistics()).retries, PATIENCE).toBeGreaterThan(1)
    const statistics = await loader.statistics()
    expect(statistics.quarantinedFrames).toBe(8)
    expect(statistics.waitingFor).toMatch(/Code: \d+/)
    expect(statistics.lag.segments).toBe(1)
  })

  it('loads frames of different versions of a table apart', async () => {
    const ids = newIds(2)
    const [first, second] = ids.map(id => spans([id]))
    if (first === undefined || second === undefined) throw new Error('expected two blocks')
    const older: NativeBlock = {
      ...second,
      columns: second.columns.slice(0, -1),
      bytes: withoutLastColumn(Buffer.from(second.bytes)),
    }
    await writeSegment([first], [older])
    await load().drain()
    expect((await stored(ids)).spans).toBe(2)
  })

  it('waits while the store is away, loses nothing, and says what it waits for', async () => {
    const ids = newIds(10)
    const before = await stored(ids)
    await writeSegment([spans(ids)])
    let away = true
    const engine: TelemetryEngine = {
      query: (sql, params, limits) => store.engine.query(sql, params, limits),
      execute: (sql, params) => store.engine.execute(sql, params),
      close: () => Promise.resolve(),
      // The worst moment: the store has the rows, and dies before it says so.
      async insertNative(insert) {
        await store.engine.insertNative(insert)
        if (away) throw new PerfloopError('STORE_UNREACHABLE')
      },
    }
    const loader = load({ engine })
    await expect.poll(async () => (await loader.statistics()).retries, PATIENCE).toBeGreaterThan(2)
    const waiting = await loader.statistics()
    expect(waiting.waitingFor).toMatch(/did not answer/)
    expect(waiting.lag.segments).toBe(1)
    expect(waiting.lag.bytes).toBeGreaterThan(0)
    away = false
    await loader.drain()

    const after = await stored(ids)
    expect(after.spans).toBe(10)
    expect(after.rolledUp - before.rolledUp).toBe(10)
    expect((await loader.statistics()).waitingFor).toBeUndefined()
  })

  it('does nothing and stops at once when there is nothing to load', async () => {
    const loader = load()
    await loader.drain()
    loader.wake()
    await loader.close()
    expect((await loader.statistics()).loadedSegments).toBe(0)
  })
})

describe('a failed insert', () => {
  it('is the store’s where its state is named, and the rows’ else', () => {
    const refused = (text: string) => new PerfloopError('STORE_QUERY_FAILED', { reason: text })
    expect(isStoreState(new PerfloopError('STORE_UNREACHABLE'))).toBe(true)
    expect(isStoreState(refused('Code: 241. DB::Exception: Memory limit exceeded'))).toBe(true)
    expect(
      isStoreState(new Error('failed', { cause: new Error('Code: 243. Cannot reserve') })),
    ).toBe(true)
    expect(isStoreState(refused('Code: 33. DB::Exception: Cannot read all data'))).toBe(false)
    expect(isStoreState('?')).toBe(false)
  })
})

/** Of a block of one row whose last column is a UInt16. */
function withoutLastColumn(block: Buffer): Buffer {
  const last = block.lastIndexOf('retention_days') - 1
  const bytes = Buffer.from(block.subarray(0, last))
  bytes.writeUInt8(bytes.readUInt8(0) - 1, 0)
  return bytes
}
