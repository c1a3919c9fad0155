import type { Clock } from '../../domain/clock.ts'
import type { Logger } from '../../domain/logger.ts'
import { type ErrorCode, PerfloopError } from '../../domain/perfloop-error.ts'
import type { Settings } from '../../settings/settings.ts'
import type {
  BodyEncoding,
  IngestBuffer,
  IngestOutcome,
  NativeBlock,
  Signal,
} from '../ingest-buffer.ts'
import type { BatchDigest, DigestBatch } from '../spool/batch-digest.ts'
import { KnownBatches } from '../spool/known-batches.ts'
import type { Spool } from '../spool/spool.ts'
import { encodeFrame } from '../spool/spool-frame.ts'
import { AcknowledgementLatency } from './acknowledgement-latency.ts'
import { FairTurn } from './fair-turn.ts'
import type { ReceiverStatistics } from './receiver-statistics.ts'

export interface ExportRequest {
  readonly signal: Signal
  readonly encoding: BodyEncoding
  /** Decompressed. */
  readonly body: Uint8Array
  /** Set by an ingest token. */
  readonly environment: string | undefined
  /** When the whole request was there. */
  readonly receivedUnixMs: number
}

export interface IntakeOptions {
  readonly buffer: IngestBuffer
  readonly spool: Spool
  /** Batches that are in the spool or were loaded from it. */
  readonly batches: readonly BatchDigest[]
  readonly digest: DigestBatch
  readonly settings: Settings['ingest']
  readonly logger: Logger
  readonly clock: Clock
}

/** Batches that are written and synced together. */
interface CommitGroup {
  readonly batches: BatchDigest[]
  readonly durable: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

const EVERYTHING_STORED: IngestOutcome = { accepted: 0, rejected: 0, message: '' }

/** Rows of later frames refer to the rows of these tables. */
function isReferredTo({ table }: NativeBlock): boolean {
  return table === 'resources' || table === 'shapes' || table === 'patterns'
}

/**
 * What HTTP and gRPC have in common: recognize repeats, decode, and acknowledge when it is on disk.
 *
 * Group commit: while a sync runs, everything that arrives waits for the next one. When none runs, a batch
 * waits (at most `commitIntervalMs`) only if other requests are already on their way in; alone it is
 * committed at once.
 */
export class Intake {
  readonly #options: IntakeOptions
  readonly #known: KnownBatches
  readonly #turn = new FairTurn()
  readonly #latency: AcknowledgementLatency
  /** Batches that wait for their commit, so that a repeat waits for the same one. */
  readonly #undecided = new Map<BatchDigest, Promise<void>>()
  #group: CommitGroup | undefined
  #appended: NativeBlock[] = []
  /** Of groups that could not be written: the buffer believes them stored and will not give them again. */
  #owedBlocks: NativeBlock[] = []
  /** Never rejects. */
  #committing: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #arriving = 0
  #pendingBytes = 0
  #counters = {
    requests: 0,
    commits: 0,
    batches: 0,
    bytesReceived: 0,
    bytesWritten: 0,
    duplicates: 0,
  }
  readonly #refused: Record<string, number> = {}

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#known = new KnownBatches(options.settings.rememberedBatches)
    for (const batch of options.batches) this.#known.add(batch)
    this.#latency = new AcknowledgementLatency(options.clock.nowUnixMs())
  }

  /** Throws what a request must be refused with before its body is even read. */
  requireRoom(): void {
    if (this.#options.spool.isFull()) {
      throw new PerfloopError('SPOOL_FULL', { limitBytes: this.#options.settings.spool.maxBytes })
    }
    if (this.#pendingBytes >= this.#options.settings.maxPendingBytes) {
      throw new PerfloopError('RECEIVER_BUSY', { pendingBytes: this.#pendingBytes })
    }
  }

  /** Announces a request whose body is on its way, so that a commit may wait for it. */
  announce(): Arrival {
    this.#counters.requests++
    this.#arriving++
    let bytes = 0
    let arrived = false
    return {
      grow: grownBytes => {
        bytes += grownBytes
        this.#pendingBytes += grownBytes
        // One request alone may always finish: its own size is limited apart.
        const others = this.#pendingBytes - bytes
        if (others > 0 && this.#pendingBytes > this.#options.settings.maxPendingBytes) {
          throw new PerfloopError('RECEIVER_BUSY', { pendingBytes: this.#pendingBytes })
        }
      },
      arrive: () => {
        if (arrived) return
        arrived = true
        this.#arriving--
        this.#commitSoon()
      },
      [Symbol.dispose]: () => {
        this.#pendingBytes -= bytes
        bytes = 0
        if (arrived) return
        arrived = true
        this.#arriving--
        this.#commitSoon()
      },
    }
  }

  /** Resolves when everything accepted of the request is durable. */
  async receive(request: ExportRequest, arrival: Arrival): Promise<IngestOutcome> {
    const digest = this.#options.digest(
      `${request.signal} ${request.encoding} ${request.environment ?? ''}`,
      request.body,
    )
    await this.#turn.take()
    this.#counters.bytesReceived += request.body.byteLength

    const repeated = this.#known.has(digest) ? Promise.resolve() : this.#undecided.get(digest)
    if (repeated !== undefined) {
      arrival.arrive()
      await repeated
      this.#counters.duplicates++
      return EVERYTHING_STORED
    }

    const outcome = this.#options.buffer.add(request.signal, request.encoding, request.body, {
      receivedUnixMs: request.receivedUnixMs,
      ...(request.environment === undefined ? {} : { environment: request.environment }),
    })
    if (outcome.accepted === 0) return outcome

    const group = this.#currentGroup()
    group.batches.push(digest)
    this.#undecided.set(digest, group.durable)
    arrival.arrive()
    this.#commitSoon()
    await group.durable

    const nowUnixMs = this.#options.clock.nowUnixMs()
    this.#latency.add(nowUnixMs - request.receivedUnixMs, nowUnixMs)
    return outcome
  }

  /** Rows of our own (such as resource usage), by the same durable way. */
  async append(block: NativeBlock): Promise<void> {
    if (block.rows === 0) return
    this.#appended.push(block)
    const group = this.#currentGroup()
    this.#commitSoon()
    await group.durable
  }

  /** Counts a refusal, for health and /metrics. */
  countRefused(code: ErrorCode): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1
  }

  async statistics(): Promise<Omit<ReceiverStatistics, 'restarts' | 'liveSpansSkipped'>> {
    const { buffer, spool, clock } = this.#options
    await spool.measure()
    return {
      ...buffer.statistics(),
      ...this.#counters,
      refused: { ...this.#refused },
      acknowledgementMs: this.#latency.summary(clock.nowUnixMs()),
      spoolBytes: spool.bytes,
      spoolSegments: spool.segments,
      spoolFull: spool.isFull(),
      tornTails: spool.tornTails,
    }
  }

  /** Commits what waits. */
  async flush(): Promise<void> {
    while (this.#group !== undefined || this.#committing !== undefined) {
      this.#startCommit()
      await this.#committing
    }
  }

  #currentGroup(): CommitGroup {
    if (this.#group === undefined) {
      const { promise, resolve, reject } = createDeferred()
      // The waiting requests see the rejection; the group itself may have none (all of them are gone).
      promise.catch(() => {})
      this.#group = { batches: [], durable: promise, resolve, reject }
    }
    return this.#group
  }

  #commitSoon(): void {
    if (this.#group === undefined || this.#committing !== undefined) return
    if (this.#arriving === 0) {
      this.#startCommit()
    } else {
      const waitMs = this.#options.settings.commitIntervalMs
      this.#timer ??= setTimeout(() => this.#startCommit(), waitMs)
    }
  }

  #startCommit(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const group = this.#group
    if (group === undefined || this.#committing !== undefined) return
    this.#group = undefined
    this.#committing = this.#commit(group).finally(() => {
      this.#committing = undefined
      this.#commitSoon()
    })
  }

  async #commit(group: CommitGroup): Promise<void> {
    let blocks: readonly NativeBlock[] = []

    try {
      blocks = this.#takeBlocks()
      const frame = encodeFrame(blocks, group.batches)
      await this.#options.spool.append(frame, group.batches.length === 0 ? 'can-wait' : 'soon')
      this.#counters.commits++
      this.#counters.batches += group.batches.length
      this.#counters.bytesWritten += frame.bytes
      for (const batch of group.batches) this.#known.add(batch)
      group.resolve()
    } catch (error) {
      if (blocks.length > 0) this.#owedBlocks = blocks.filter(isReferredTo)
      this.#options.logger.error(
        { error, batches: group.batches.length },
        'could not write a group of batches; their senders are told to repeat them',
      )
      group.reject(error)
    } finally {
      for (const batch of group.batches) this.#undecided.delete(batch)
    }
  }

  #takeBlocks(): readonly NativeBlock[] {
    const appended = this.#appended
    this.#appended = []
    const nowUnixSeconds = Math.floor(this.#options.clock.nowUnixMs() / 1_000)
    const blocks = [...this.#owedBlocks, ...this.#options.buffer.take(nowUnixSeconds), ...appended]
    this.#owedBlocks = []
    return blocks
  }
}

/** One request between its first byte and its answer. Dispose of it when it is answered. */
export interface Arrival extends Disposable {
  /** Counts bytes of the request that are held in memory; throws when all requests together hold too many. */
  grow(bytes: number): void
  /** The request is in the buffer (or needs none): nobody has to wait for it any more. */
  arrive(): void
}

function createDeferred(): {
  promise: Promise<void>
  resolve: () => void
  reject: (error: unknown) => void
} {
  let resolve: () => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
