import { Worker } from 'node:worker_threads'
import type { ControlMessage, ControlNews } from '../control/control-message.ts'
import type { SentMetrics } from '../measure/metrics.ts'
import { clearTimeout, clockMs, setTimeout } from '../own-clock.ts'
import { OWN_FOLDER } from '../own-place.ts'
import { Pulse } from '../profile/pulse.ts'
import { declaredSchemas } from '../record/attribute-schema.ts'
import { SpanBatch } from '../record/span-batch.ts'
import type { BatchSender, SpanRecorder } from '../record/span-recorder.ts'
import type { TextTable } from '../record/text-table.ts'
import { UnixClock } from '../record/unix-clock.ts'
import type {
  ExportMessage,
  ExportReport,
  ExportTarget,
  ExportThreadData,
} from './export-message.ts'

/** Batches that may be in use at once: with 4,096 spans each, what a burst may hold. */
const MOST_BUFFERS = 16
/** A thread that fails so often in a row is given up. */
const MOST_FAILURES = 3
const TELL_AGAIN_MS = 60_000
const MOST_TOLD = 100
/** A process that ends waits so long for its last spans. */
const EXIT_WAIT_MS = 500

export interface ExporterOptions {
  readonly target: ExportTarget
  readonly flushIntervalMs: number
  onProblem(problem: string): void
  onNews(news: ControlNews): void
}

/**
 * Hands batches to a thread that encodes and sends them. The thread starts with the first batch, so that it costs
 * the start of the application nothing. Neither it nor a timer keeps the process alive.
 */
export class SpanExporter implements BatchSender {
  recorder: SpanRecorder | undefined = undefined
  readonly pulse = new Pulse()
  readonly #options: ExporterOptions
  readonly #free: SharedArrayBuffer[] = []
  /** Batches given to the thread minus those it is done with. Each thread has its own. */
  #unfinishedCount = new Int32Array(new SharedArrayBuffer(4))
  #failures = 0
  readonly #told = new Map<string, number>()
  #buffers = 0
  readonly #clock = new UnixClock()
  #worker: Worker | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #flushIntervalMs: number
  /** Threads started so far. */
  threads = 0

  constructor(options: ExporterOptions) {
    this.#options = options
    this.#flushIntervalMs = options.flushIntervalMs
  }

  takeBuffer(): SharedArrayBuffer | undefined {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#isClosed || this.#buffers >= MOST_BUFFERS) return undefined
    this.#buffers++
    return new SpanBatch().buffer
  }

  /** Whether the thread is there: a process that has nothing else to say does not start it in order to end. */
  get isRunning(): boolean {
    return this.#worker !== undefined
  }

  /** The process has something to do again: whoever watches it in the thread need not rest any more. */
  wakeThread(): void {
    this.#worker?.postMessage({ type: 'wake' } satisfies ExportMessage)
  }

  wake(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(this.#flush, this.#flushIntervalMs)
    this.#timer.unref()
  }

  readonly #flush = (): void => {
    this.#timer = undefined
    this.recorder?.flush()
  }

  send(batch: SpanBatch, texts: TextTable, dropped: number): void {
    // The next batch has its own time to fill up.
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { texts: newTexts, first: firstNewText } = texts.takeNew()
    const { buffer, rows, valueCount, exceptions, details } = batch
    this.#post(
      {
        type: 'spans',
        buffer,
        rows,
        valueCount,
        exceptions,
        details,
        newTexts,
        firstNewText,
        unixMsAtZero: this.#clock.unixMsAtZero(),
        dropped,
      },
      [],
    )
  }

  sendMetrics(metrics: SentMetrics): void {
    if (this.recorder?.isStopped !== true) this.#post(metrics, [])
  }

  sendRequests(routes: string[], numbers: Float64Array<ArrayBuffer>): void {
    const unixMsAtZero = this.#clock.unixMsAtZero()
    this.#post({ type: 'requests', routes, numbers, unixMsAtZero }, [numbers.buffer])
  }

  /** Undefined: what the host has set. What waits already goes by the new interval. */
  flushEvery(intervalMs: number | undefined): void {
    this.#flushIntervalMs = intervalMs ?? this.#options.flushIntervalMs
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.wake()
  }

  /** Undefined: what the host has set. */
  limitQueue(maxQueuedBytes: number | undefined): void {
    const limit = maxQueuedBytes ?? this.#options.target.maxQueuedBytes
    this.#worker?.postMessage({ type: 'limit', maxQueuedBytes: limit } satisfies ExportMessage)
  }

  /** Not waited for when the process ends. */
  sendControl(message: ControlMessage): void {
    if (this.#isClosed || this.#failures >= MOST_FAILURES) return
    try {
      this.#worker ??= this.#startThread()
      this.#worker.postMessage({ type: 'control', message } satisfies ExportMessage)
    } catch (error) {
      this.#lose(this.#worker, `the exporting thread cannot be used: ${String(error)}`)
    }
  }

  #post(message: ExportMessage, transferred: ArrayBuffer[]): void {
    if (this.#failures >= MOST_FAILURES) return
    try {
      this.#worker ??= this.#startThread()
      this.#worker.postMessage(message, transferred)
      Atomics.add(this.#unfinishedCount, 0, 1)
    } catch (error) {
      this.#lose(this.#worker, `the exporting thread cannot be used: ${String(error)}`)
    }
  }

  #startThread(): Worker {
    this.threads++
    this.#unfinishedCount = new Int32Array(new SharedArrayBuffer(4))
    const data: ExportThreadData = {
      perfloopExport: true,
      target: this.#options.target,
      schemas: declaredSchemas(),
      pulse: this.pulse.memory,
      unfinished: this.#unfinishedCount.buffer as SharedArrayBuffer,
    }
    const worker = new Worker(new URL('export.worker.cjs', OWN_FOLDER), {
      workerData: data,
      name: 'perfloop-agent',
      // Without the `--import` that has brought us here.
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: '' },
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    })
    worker.on('message', (report: ExportReport) => {
      if (report.type === 'problem') this.#tell(report.problem, report.lost, report.what)
      else if (report.type === 'news') this.#options.onNews(report.news)
      else if (this.#worker === worker) {
        this.#free.push(report.buffer)
        this.#failures = 0
      }
    })
    worker.on('error', error => this.#lose(worker, `the exporting thread failed: ${error.message}`))
    worker.on('exit', () => this.#lose(worker, 'the exporting thread ended'))
    // After the listeners: one for messages would keep the process alive again.
    worker.unref()
    return worker
  }

  /** The thread is gone with what it held; the next batch starts another, unless none ever works. */
  #lose(worker: Worker | undefined, problem: string): void {
    if (this.#isClosed || this.#worker !== worker) return
    this.#worker = undefined
    this.#failures++
    this.#buffers = this.#free.length
    // A new thread knows none of the texts that this one was told.
    this.recorder?.forgetTexts()
    Atomics.store(this.#unfinishedCount, 0, 0)
    void worker?.terminate()
    const isEnd = this.#failures >= MOST_FAILURES
    this.#tell(isEnd ? `${problem}; nothing is sent any more` : problem)
  }

  /** The same problem once a minute at most. */
  #tell(problem: string, lost = 0, what = ''): void {
    const now = clockMs()
    const last = this.#told.get(problem)
    if (last !== undefined && now - last < TELL_AGAIN_MS) return
    if (this.#told.size >= MOST_TOLD) this.#told.clear()
    this.#told.set(problem, now)
    this.#options.onProblem(lost === 0 ? problem : `${problem}; ${lost} ${what} lost`)
  }

  /** To be called while the process ends: gives the thread a moment for what is left. */
  finish(): void {
    clearTimeout(this.#timer)
    this.recorder?.flush()
    this.#isClosed = true
    if (this.isRunning) this.pulse.end()
    const until = clockMs() + EXIT_WAIT_MS
    for (;;) {
      const unfinished = Atomics.load(this.#unfinishedCount, 0)
      const leftMs = until - clockMs()
      if (unfinished <= 0 || leftMs <= 0) return
      Atomics.wait(this.#unfinishedCount, 0, unfinished, leftMs)
    }
  }
}
