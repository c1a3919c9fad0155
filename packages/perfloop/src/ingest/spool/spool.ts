import { mkdir, rename, stat, unlink } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import type { Clock } from '../../domain/clock.ts'
import type { Logger } from '../../domain/logger.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Settings } from '../../settings/settings.ts'
import type { BatchDigest } from './batch-digest.ts'
import { recoverSpool } from './recover-spool.ts'
import { listSegments, segmentPath } from './segment-name.ts'
import { type SpoolDisk, spoolDisk } from './spool-disk.ts'
import { type EncodedFrame, SEGMENT_HEAD_BYTES, segmentHead } from './spool-frame.ts'
import { syncDirectory } from './sync-directory.ts'

export interface SpoolOptions {
  readonly directory: string
  readonly settings: Settings['ingest']['spool']
  readonly logger: Logger
  readonly clock: Clock
  readonly onSegmentClosed?: (segment: number) => void
  readonly disk?: SpoolDisk
}

interface OpenSegment {
  readonly number: number
  readonly path: string
  readonly fd: number
  bytes: number
  rows: number
  /** Since when there is something in it that should be loaded soon; undefined while there is not. */
  pressingSinceMs: number | undefined
  ageTimer: NodeJS.Timeout | undefined
}

/** How soon the rows of a frame should be loaded. */
export type Urgency = 'soon' | 'can-wait'

const US_PER_MS = 1_000
/** How often a full spool looks whether the loader has made room. */
const MEASURE_INTERVAL_MS = 200

/** The durable log between acknowledgement and store: appends frames to segments, syncs, rotates. */
export class Spool {
  readonly tornTails: number
  readonly #options: SpoolOptions
  readonly #disk: SpoolDisk
  #segment: OpenSegment | undefined
  #newestSegment: number
  /** Writing, rotating and closing take turns. */
  #turn: Promise<unknown> = Promise.resolve()
  #closedBytes = 0
  #closedSegments = 0
  #measuredUnixMs = 0
  #measuring: Promise<void> | undefined

  private constructor(options: SpoolOptions, newestSegment: number, tornTails: number) {
    this.#options = options
    this.#disk = options.disk ?? spoolDisk
    this.#newestSegment = newestSegment
    this.tornTails = tornTails
  }

  /** Recovers what a former process left, and tells which batches are in it. */
  static async open(
    options: SpoolOptions,
  ): Promise<{ readonly spool: Spool; readonly batches: readonly BatchDigest[] }> {
    await mkdir(options.directory, { recursive: true })
    const recovered = await recoverSpool(options.directory, options.logger)
    const spool = new Spool(options, recovered.newestSegment, recovered.tornTails)
    await spool.measure()
    return { spool, batches: recovered.batches }
  }

  /** Bytes on disk, as last measured, and what was written since. */
  get bytes(): number {
    return this.#closedBytes + (this.#segment?.bytes ?? 0)
  }

  get segments(): number {
    return this.#closedSegments + (this.#segment === undefined ? 0 : 1)
  }

  /** True when no more batches may be taken until the loader has made room. */
  isFull(): boolean {
    if (this.bytes < this.#options.settings.maxBytes) return false
    const nowUnixMs = this.#options.clock.nowUnixMs()
    if (Math.abs(nowUnixMs - this.#measuredUnixMs) >= MEASURE_INTERVAL_MS) {
      this.#measuredUnixMs = nowUnixMs
      this.#measureSoon()
    }
    return true
  }

  /** Looks at the directory: the loader removes segments without telling. */
  measure(): Promise<void> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined
    })
    return this.#measuring
  }

  #measureSoon(): void {
    this.measure().catch(error => this.#options.logger.warn({ error }, 'cannot measure the spool'))
  }

  /** The frame is on disk, together with its name in the directory, when this resolves; else nothing of it is. */
  append(frame: EncodedFrame, urgency: Urgency = 'soon'): Promise<void> {
    return this.#inTurn(() => this.#append(frame, urgency))
  }

  /** Closes the current segment, so that it is loaded. */
  rotate(): Promise<void> {
    return this.#inTurn(() => this.#closeSegment())
  }

  close(): Promise<void> {
    return this.rotate()
  }

  async #append(frame: EncodedFrame, urgency: Urgency): Promise<void> {
    let segment: OpenSegment | undefined
    try {
      segment = this.#segment ?? (await this.#openSegment())
      const isNew = segment.bytes === 0
      const buffers: readonly Uint8Array[] = isNew
        ? [segmentHead(), ...frame.buffers]
        : frame.buffers
      await this.#disk.write(segment.fd, buffers, segment.bytes)
      const synced = this.#disk.sync(segment.fd)
      if (isNew) await Promise.all([synced, syncDirectory(this.#options.directory)])
      else await synced
      segment.bytes += frame.bytes + (isNew ? SEGMENT_HEAD_BYTES : 0)
      segment.rows += frame.rows
    } catch (cause) {
      if (segment !== undefined) await this.#retreat(segment)
      const reason = cause instanceof Error && 'code' in cause ? cause.code : String(cause)
      throw new PerfloopError('SPOOL_WRITE_FAILED', { reason }, cause)
    }
    if (segment.rows >= this.#options.settings.segmentMaxRows) await this.#closeSegment()
    else this.#limitAge(segment, urgency)
  }

  /** Starts the timer of a new segment, or a shorter one when what can wait is joined by what should not. */
  #limitAge(segment: OpenSegment, urgency: Urgency): void {
    const { segmentMaxAgeMs, ownRowsMaxAgeMs } = this.#options.settings
    if (urgency === 'soon' && segment.pressingSinceMs === undefined) {
      segment.pressingSinceMs = performance.now()
      this.#closeAfter(segment, segmentMaxAgeMs)
    } else if (segment.ageTimer === undefined) {
      this.#closeAfter(segment, Math.max(segmentMaxAgeMs, ownRowsMaxAgeMs))
    }
  }

  #closeAfter(segment: OpenSegment, ms: number): void {
    clearTimeout(segment.ageTimer)
    segment.ageTimer = setTimeout(() => this.#onAge(segment), ms)
  }

  /** A busy segment is given more time once: each insert has its price, whatever its size. */
  #onAge(segment: OpenSegment): void {
    const { busyRows, busyMaxAgeMs } = this.#options.settings
    const ageMs = performance.now() - (segment.pressingSinceMs ?? 0)
    const moreMs = Math.ceil(busyMaxAgeMs - ageMs)
    if (segment.rows >= busyRows && moreMs > 0 && segment === this.#segment) {
      this.#closeAfter(segment, moreMs)
      return
    }
    this.rotate().catch(error => this.#options.logger.error({ error }, 'cannot close a segment'))
  }

  async #openSegment(): Promise<OpenSegment> {
    // Never a number twice, even when the clock steps back or all segments are loaded and gone.
    const clockUs = Math.floor(this.#options.clock.nowUnixMs() * US_PER_MS)
    const number = Math.max(clockUs, this.#newestSegment + 1)
    this.#newestSegment = number
    const path = segmentPath(this.#options.directory, number, 'open')
    const fd = await this.#disk.create(path)
    this.#segment = {
      number,
      path,
      fd,
      bytes: 0,
      rows: 0,
      pressingSinceMs: undefined,
      ageTimer: undefined,
    }
    return this.#segment
  }

  /**
   * Takes a half-written or unsynced frame back and leaves the segment: after a failed sync the kernel may
   * call pages clean that never reached the disk, so nothing more is appended to this file. Earlier frames
   * were synced by their own commits.
   */
  async #retreat(segment: OpenSegment): Promise<void> {
    try {
      if (segment.bytes > 0) {
        await this.#disk.truncate(segment.fd, segment.bytes)
        await this.#disk.sync(segment.fd)
      }
    } catch (error) {
      this.#options.logger.error(
        { error, segment: segment.number },
        'cannot take back a failed write',
      )
    }
    try {
      await this.#closeSegment()
    } catch (error) {
      this.#options.logger.error(
        { error, segment: segment.number },
        'cannot close a failed segment',
      )
    }
  }

  async #closeSegment(): Promise<void> {
    const segment = this.#segment
    if (segment === undefined) return
    this.#segment = undefined
    clearTimeout(segment.ageTimer)
    await this.#disk.close(segment.fd)

    if (segment.bytes === 0) {
      await unlink(segment.path)
      return
    }
    await rename(segment.path, segmentPath(this.#options.directory, segment.number, 'closed'))
    this.#closedBytes += segment.bytes
    this.#closedSegments++
    this.#options.onSegmentClosed?.(segment.number)
    this.#measureSoon()
  }

  async #measure(): Promise<void> {
    let bytes = 0
    let segments = 0
    for (const segment of await listSegments(this.#options.directory, 'closed')) {
      const size = await sizeOf(segment.path)
      if (size === undefined) continue
      bytes += size
      segments++
    }
    this.#closedBytes = bytes
    this.#closedSegments = segments
    this.#measuredUnixMs = this.#options.clock.nowUnixMs()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.catch(() => {})
    return result
  }
}

/** Undefined when the loader has just removed it. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch {
    return undefined
  }
}
