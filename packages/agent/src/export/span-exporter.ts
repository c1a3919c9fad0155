import { Worker } from 'node:worker_threads'
import { declaredSchemas } from '../record/attribute-schema.ts'
import { SpanBatch } from '../record/span-batch.ts'
import type { BatchSender, SpanRecorder } from '../record/span-recorder.ts'
import type { TextTable } from '../record/text-table.ts'
import type { ExportReport, ExportTarget, ExportThreadData } from './export-message.ts'

/** Batches that may be in use at once: with 1,024 spans each, what a burst may hold. */
const MOST_BUFFERS = 16
/** A process that ends waits so long for its last spans. */
const EXIT_WAIT_MS = 500

export interface ExporterOptions {
  readonly target: ExportTarget
  readonly flushIntervalMs: number
  onProblem(problem: string): void
}

/**
 * Hands batches to a thread that encodes and sends them. The thread starts with the first batch, so that it costs
 * the start of the application nothing. Neither it nor a timer keeps the process alive.
 */
export class SpanExporter implements BatchSender {
  recorder: SpanRecorder | undefined = undefined
  readonly #options: ExporterOptions
  readonly #free: ArrayBuffer[] = []
  readonly #unfinished = new SharedArrayBuffer(4)
  readonly #unfinishedCount = new Int32Array(this.#unfinished)
  #buffers = 0
  #worker: Worker | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ExporterOptions) {
    this.#options = options
  }

  takeBuffer(): ArrayBuffer | undefined {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#isClosed || this.#buffers >= MOST_BUFFERS) return undefined
    this.#buffers++
    return new SpanBatch().buffer
  }

  wake(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(this.#flush, this.#options.flushIntervalMs)
    this.#timer.unref()
  }

  readonly #flush = (): void => {
    this.#timer = undefined
    this.recorder?.flush()
  }

  send(batch: SpanBatch, texts: TextTable, dropped: number): void {
    const { texts: newTexts, first: firstNewText } = texts.takeNew()
    const { buffer, rows, valueCount, passingTexts, exceptions } = batch
    try {
      this.#worker ??= this.#startThread()
      Atomics.add(this.#unfinishedCount, 0, 1)
      this.#worker.postMessage(
        {
          buffer,
          rows,
          valueCount,
          passingTexts,
          exceptions,
          newTexts,
          firstNewText,
          unixMsAtZero: Date.now() - performance.now(),
          dropped,
        },
        [buffer],
      )
    } catch (error) {
      this.#lose(`the exporting thread cannot be started: ${String(error)}`)
    }
  }

  #startThread(): Worker {
    const data: ExportThreadData = {
      perfloopExport: true,
      target: this.#options.target,
      schemas: declaredSchemas(),
      unfinished: this.#unfinished,
    }
    const worker = new Worker(new URL('./export.worker.js', import.meta.url), {
      workerData: data,
      name: 'perfloop-agent',
      // Without the `--import` that has brought us here.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 },
    })
    worker.on('message', (report: ExportReport) => {
      if (report.type === 'buffer') this.#free.push(report.buffer)
      else this.#options.onProblem(withLoss(report.problem, report.lost))
    })
    worker.on('error', error => this.#lose(`the exporting thread failed: ${error.message}`))
    worker.on('exit', () => this.#lose('the exporting thread ended'))
    // After the listeners: one for messages would keep the process alive again.
    worker.unref()
    return worker
  }

  /** The thread is gone with what it held; the next batch starts another. */
  #lose(problem: string): void {
    if (this.#isClosed) return
    this.#worker = undefined
    this.#buffers = this.#free.length
    // A new thread knows none of the texts that this one was told.
    this.recorder?.forgetTexts()
    Atomics.store(this.#unfinishedCount, 0, 0)
    this.#options.onProblem(problem)
  }

  /** To be called while the process ends: gives the thread a moment for what is left. */
  finish(): void {
    clearTimeout(this.#timer)
    this.recorder?.flush()
    this.#isClosed = true
    const until = performance.now() + EXIT_WAIT_MS
    for (;;) {
      const unfinished = Atomics.load(this.#unfinishedCount, 0)
      const leftMs = until - performance.now()
      if (unfinished <= 0 || leftMs <= 0) return
      Atomics.wait(this.#unfinishedCount, 0, unfinished, leftMs)
    }
  }
}

function withLoss(problem: string, lost: number): string {
  return lost === 0 ? problem : `${problem}; ${lost} spans lost`
}
