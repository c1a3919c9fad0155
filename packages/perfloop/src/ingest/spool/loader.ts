import { mkdir, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { type Clock, systemClock } from '../../domain/clock.ts'
import type { Logger } from '../../domain/logger.ts'
import { ERRORS, PerfloopError } from '../../domain/perfloop-error.ts'
import { defaultSettings } from '../../settings/settings.ts'
import type { TelemetryEngine } from '../../store/telemetry/engine.ts'
import { LoadedBatches } from './loaded-batches.ts'
import { quarantine } from './quarantine.ts'
import { listSegments, type SegmentFile, segmentName } from './segment-name.ts'
import { type StagedFrame, type StagedTable, stageSegment } from './stage-segment.ts'
import { isStoreState } from './store-failure.ts'
import { syncDirectory } from './sync-directory.ts'

export interface LoaderOptions {
  readonly spoolDirectory: string
  readonly quarantineDirectory: string
  /** For the files that the store reads. Default: `tmp/load` beside the spool. */
  readonly temporaryDirectory?: string
  readonly engine: TelemetryEngine
  readonly logger: Logger
  /** After each segment that is in the store for good. */
  readonly onLoaded?: (loaded: LoadedSegment) => void
  /** After a frame was set aside: rows that others refer to may have been in it. */
  readonly onSetAside?: () => void
  /** How many batches are recognized when repeated (`ingest.rememberedBatches`). */
  readonly rememberedBatches?: number
  readonly clock?: Clock
  /** Waits between attempts while the store is away. */
  readonly backoff?: { readonly firstMs: number; readonly longestMs: number }
}

export interface LoadedSegment {
  readonly segment: number
  readonly rows: number
  readonly bytes: number
  readonly tables: readonly { readonly table: string; readonly rows: number }[]
}

export interface LoaderStatistics {
  /** What waits to be loaded. */
  readonly lag: {
    readonly segments: number
    readonly bytes: number
    readonly oldestAgeMs: number
  }
  readonly loadedSegments: number
  readonly loadedRows: number
  readonly loadedBytes: number
  /** Over the last one to two minutes. */
  readonly rowsPerSecond: number
  readonly bytesPerSecond: number
  readonly quarantinedFrames: number
  /** Attempts that failed because of the store's state. */
  readonly retries: number
  /** Why the loader waits now; undefined when it does not. */
  readonly waitingFor: string | undefined
}

export interface Loader {
  /** There may be something to load: call it when a segment closed. The loader also looks by itself. */
  wake(): void
  /** Resolves when every segment that was closed before the call is in the store. */
  drain(): Promise<void>
  statistics(): Promise<LoaderStatistics>
  /** Finishes the insert under way and stops. */
  close(): Promise<void>
}

/** Whoever closes a segment wakes us; this is for what was put into the spool in another way. */
const LOOK_INTERVAL_MS = 5_000
const DEFAULT_BACKOFF = { firstMs: 250, longestMs: 15_000 }
/** An error that is neither clearly the store's nor clearly the rows' is tried so often before the rows are blamed. */
const ATTEMPTS_BEFORE_BLAMING_ROWS = 3
/**
 * A bad frame comes alone. When so many in a row are refused, something is wrong with the table or with us, and
 * setting aside all that arrives would be losing it: the loader then waits, loudly, and the spool keeps it.
 */
const MOST_REFUSED_IN_A_ROW = 8
const RATE_WINDOW_MS = 60_000
const US_PER_MS = 1_000

/** Moves closed segments into the store, oldest first, each exactly once. */
export function startLoader(options: LoaderOptions): Loader {
  return new SegmentLoader(options)
}

class SegmentLoader implements Loader {
  readonly #options: LoaderOptions
  readonly #clock: Clock
  readonly #temporaryDirectory: string
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>
  #loadedBatches: LoadedBatches | undefined
  readonly #refusedInARow = new Map<string, number>()
  #wake: () => void = () => {}
  #woken = false
  readonly #drains: { readonly upTo: number; resolve(): void }[] = []
  #counters = { loadedSegments: 0, loadedRows: 0, loadedBytes: 0, quarantinedFrames: 0, retries: 0 }
  #waitingFor: string | undefined
  #rate = { sinceUnixMs: 0, rows: 0, bytes: 0 }
  #formerRate = { rows: 0, bytes: 0, ms: 0 }

  constructor(options: LoaderOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#temporaryDirectory =
      options.temporaryDirectory ?? resolve(dirname(options.spoolDirectory), 'tmp', 'load')
    this.#rate.sinceUnixMs = this.#clock.nowUnixMs()
    this.#running = this.#run()
  }

  wake(): void {
    this.#woken = true
    this.#wake()
  }

  async drain(): Promise<void> {
    const closed = await listSegments(this.#options.spoolDirectory, 'closed')
    const newest = closed.at(-1)
    if (newest === undefined) return
    await new Promise<void>(resolve => {
      this.#drains.push({ upTo: newest.number, resolve })
      this.wake()
    })
  }

  async statistics(): Promise<LoaderStatistics> {
    const closed = await listSegments(this.#options.spoolDirectory, 'closed')
    const nowUnixMs = this.#clock.nowUnixMs()
    const oldest = closed[0]
    let bytes = 0
    for (const segment of closed) bytes += await sizeOf(segment)
    this.#turnRate(nowUnixMs)
    const ms = Math.max(1, this.#formerRate.ms + nowUnixMs - this.#rate.sinceUnixMs)
    return {
      lag: {
        segments: closed.length,
        bytes,
        oldestAgeMs: oldest === undefined ? 0 : Math.max(0, nowUnixMs - oldest.number / US_PER_MS),
      },
      ...this.#counters,
      rowsPerSecond: ((this.#formerRate.rows + this.#rate.rows) / ms) * 1_000,
      bytesPerSecond: ((this.#formerRate.bytes + this.#rate.bytes) / ms) * 1_000,
      waitingFor: this.#waitingFor,
    }
  }

  async close(): Promise<void> {
    this.#stopped.abort()
    this.#wake()
    await this.#running
    for (const drain of this.#drains.splice(0)) drain.resolve()
  }

  async #run(): Promise<void> {
    await this.#persist('prepare', async () => {
      await rm(this.#temporaryDirectory, { recursive: true, force: true })
      await mkdir(this.#temporaryDirectory, { recursive: true })
      await mkdir(this.#options.spoolDirectory, { recursive: true })
      const remembered =
        this.#options.rememberedBatches ?? defaultSettings().ingest.rememberedBatches
      this.#loadedBatches = await LoadedBatches.open(this.#options.spoolDirectory, remembered)
    })

    while (!this.#stopped.signal.aborted) {
      this.#woken = false
      let segments: readonly SegmentFile[] = []
      await this.#persist('list', async () => {
        segments = await listSegments(this.#options.spoolDirectory, 'closed')
      })
      for (const segment of segments) {
        await this.#persist(segmentName(segment.number), () => this.#load(segment))
        if (this.#stopped.signal.aborted) return
      }
      this.#settleDrains(segments.at(-1)?.number ?? Number.MAX_SAFE_INTEGER)
      if (!this.#woken) await this.#rest()
    }
  }

  /** Tries until it succeeds or we are stopped: nothing acknowledged is given up because something is away. */
  async #persist(what: string, attempt: () => Promise<void>): Promise<void> {
    const { firstMs, longestMs } = this.#options.backoff ?? DEFAULT_BACKOFF
    for (let waitMs = firstMs; !this.#stopped.signal.aborted; ) {
      try {
        await attempt()
        this.#waitingFor = undefined
        return
      } catch (error) {
        this.#counters.retries++
        this.#waitingFor = describe(error)
        this.#options.logger.warn({ error, what, waitMs }, 'cannot load now; trying again')
        await this.#pause(waitMs)
        waitMs = Math.min(waitMs * 2, longestMs)
      }
    }
  }

  async #load(segment: SegmentFile): Promise<void> {
    const bytes = await sizeOf(segment)
    const staged = await stageSegment(segment, this.#temporaryDirectory)
    try {
      // Closing cut every half-written end, so whatever is damaged here had been acknowledged.
      for (const part of staged.damaged) {
        const reason = part.kind === 'torn' ? 'the segment ends within a frame' : part.reason
        await this.#setAside(segment, part, reason)
      }
      for (const table of staged.tables) await this.#insertTable(segment, table, staged.frames)
    } finally {
      await removeAll(staged.tables)
    }

    await this.#loadedBatches?.append(segment.number, staged.batches)
    await unlink(segment.path)
    await syncDirectory(this.#options.spoolDirectory)
    this.#count(segment, staged.tables, bytes)
  }

  /**
   * The whole table of a segment in one insert. When the store refuses the rows themselves, halves, until
   * the bad frame is alone; it is set aside and the rest is loaded. Tokens name segment, table and frames:
   * after a crash the same halves are tried again, and what was inserted before is recognized.
   */
  async #insertTable(
    segment: SegmentFile,
    table: StagedTable,
    frames: readonly StagedFrame[],
  ): Promise<void> {
    const error = await this.#tryInsert(segment, table, frames)
    if (error === undefined) return

    const [only] = frames
    if (only === undefined) return
    if (frames.length === 1) {
      const refused = (this.#refusedInARow.get(table.table) ?? 0) + 1
      if (refused > MOST_REFUSED_IN_A_ROW) throw error
      this.#refusedInARow.set(table.table, refused)
      await this.#setAside(segment, only, describe(error), table.table)
      return
    }
    const middle = Math.ceil(frames.length / 2)
    for (const half of [frames.slice(0, middle), frames.slice(middle)]) {
      const offsets = new Set(half.map(frame => frame.offset))
      const range = { table: table.table, offsets }
      const directory = join(this.#temporaryDirectory, `${half[0]?.offset ?? 0}-${half.length}`)
      const staged = await stageSegment(segment, directory, range)
      try {
        for (const part of staged.tables) {
          const isSame = part.columns.join() === table.columns.join()
          if (isSame) await this.#insertTable(segment, part, half)
        }
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    }
  }

  /** The error that says the rows are bad; undefined when they are in the store. Throws on anything else. */
  async #tryInsert(
    segment: SegmentFile,
    { table, file, columns }: StagedTable,
    frames: readonly StagedFrame[],
  ): Promise<unknown> {
    const place = `${frames[0]?.offset ?? 0}-${frames.at(-1)?.offset ?? 0}`
    const layout = crc32(columns.join()).toString(16)
    const deduplicationToken = `${segmentName(segment.number)}/${table}/${layout}/${place}`
    // Halving is a second attempt already; only before a frame is set aside it must be certain.
    const attempts = frames.length === 1 ? ATTEMPTS_BEFORE_BLAMING_ROWS : 1
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#options.engine.insertNative({ table, file, columns, deduplicationToken })
        this.#refusedInARow.delete(table)
        return undefined
      } catch (error) {
        if (isStoreState(error)) throw error
        if (attempt >= attempts) return error
        await this.#pause((this.#options.backoff ?? DEFAULT_BACKOFF).firstMs)
        if (this.#stopped.signal.aborted) throw error
      }
    }
  }

  async #setAside(
    segment: SegmentFile,
    { offset, length }: StagedFrame,
    reason: string,
    table?: string,
  ): Promise<void> {
    const report = { segment: segment.number, offset, length, reason }
    const path = await quarantine(
      this.#options.quarantineDirectory,
      segment.path,
      table === undefined ? report : { ...report, table },
    )
    this.#counters.quarantinedFrames++
    this.#options.onSetAside?.()
    this.#options.logger.error(
      { code: 'SPOOL_FRAME_CORRUPT', ...report, table, path },
      ERRORS.SPOOL_FRAME_CORRUPT.message,
    )
  }

  #count(segment: SegmentFile, tables: readonly StagedTable[], bytes: number): void {
    const rows = tables.reduce((sum, table) => sum + table.rows, 0)
    this.#counters.loadedSegments++
    this.#counters.loadedRows += rows
    this.#counters.loadedBytes += bytes
    this.#turnRate(this.#clock.nowUnixMs())
    this.#rate.rows += rows
    this.#rate.bytes += bytes
    this.#settleDrains(segment.number)
    this.#options.onLoaded?.({
      segment: segment.number,
      rows,
      bytes,
      tables: tables.map(({ table, rows: tableRows }) => ({ table, rows: tableRows })),
    })
  }

  #turnRate(nowUnixMs: number): void {
    const ms = nowUnixMs - this.#rate.sinceUnixMs
    if (ms < RATE_WINDOW_MS) return
    const { rows, bytes } = this.#rate
    this.#formerRate = ms < 2 * RATE_WINDOW_MS ? { rows, bytes, ms } : { rows: 0, bytes: 0, ms: 0 }
    this.#rate = { sinceUnixMs: nowUnixMs, rows: 0, bytes: 0 }
  }

  #settleDrains(upTo: number): void {
    for (let index = this.#drains.length - 1; index >= 0; index--) {
      const drain = this.#drains[index]
      if (drain === undefined || drain.upTo > upTo) continue
      this.#drains.splice(index, 1)
      drain.resolve()
    }
  }

  /** Until somebody wakes us, or it is time to look anyway. */
  #rest(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, LOOK_INTERVAL_MS)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Only stopping cuts it short: a new segment is no reason to ask a dead store again. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopped.signal }).catch(() => {})
  }
}

async function removeAll(tables: readonly StagedTable[]): Promise<void> {
  for (const { file } of tables) await rm(file, { force: true })
}

async function sizeOf(segment: SegmentFile): Promise<number> {
  try {
    return (await stat(segment.path)).size
  } catch {
    return 0
  }
}

/** With details and causes: the store's own words are usually there. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const details = error instanceof PerfloopError ? Object.values(error.details) : []
  const words = [error.message, ...details.filter(detail => typeof detail === 'string')].join(' ')
  return error.cause === undefined ? words : `${words} (${describe(error.cause)})`
}
