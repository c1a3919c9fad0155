import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { builtEntry } from '../../domain/built-entry.ts'
import type { LiveSpan } from '../../domain/live-span.ts'
import type { Logger } from '../../domain/logger.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Settings } from '../../settings/settings.ts'
import type { NativeBlock } from '../ingest-buffer.ts'
import {
  type AgentAnswer,
  type AgentQuestion,
  type AskAboutAgent,
  refuseAgent,
} from './agent-door.ts'
import type {
  ErrorMessage,
  ReceiverCall,
  ReceiverCommand,
  ReceiverEvent,
  ReceiverWorkerOptions,
  WorkerStatistics,
} from './receiver-message.ts'
import type { ReceiverStatistics } from './receiver-statistics.ts'
import type { IngestAccess } from './sender-access.ts'

export interface ReceiverOptions {
  readonly settings: Settings['ingest']
  readonly host: string
  /** Further names by which we are reached. */
  readonly allowedHosts: readonly string[]
  readonly spoolDirectory: string
  readonly quarantineDirectory: string
  /** Retention of spans in days, which every row carries. */
  readonly measurementDays: number
  /** Secret of this installation: keys the hashes of parameters and batches. Must stay the same. */
  readonly parameterKey: string
  readonly logger: Logger
  /** Without them, senders with a token are told to retry until `setTokens` is called. */
  readonly tokens?: readonly IngestAccess[]
  /** Another program for the thread, for tests. */
  readonly workerEntry?: URL
}

export type SpansListener = (spans: readonly LiveSpan[]) => void

/** The receivers of OTLP, in a thread of their own. */
export interface Receiver {
  readonly httpPort: number
  readonly grpcPort: number
  statistics(): Promise<ReceiverStatistics>
  /** Live spans as they arrive; undefined stops them. */
  watch(listener: SpansListener | undefined, options?: { readonly entriesOnly: boolean }): void
  /** The tokens that may send from now on. */
  setTokens(tokens: readonly IngestAccess[]): void
  /** Called whenever there is something new to load. */
  onSegmentClosed(listener: (segment: number) => void): void
  /** Rows of our own, by the same durable way as what is received. */
  append(block: NativeBlock): Promise<void>
  /** Commits what waits and closes the current segment, so that it is loaded. */
  rotate(): Promise<void>
  /** Answers what agents ask. Until it is called they are told to come back. */
  serveAgents(answer: AskAboutAgent): void
  /** A frame was lost to a damaged disk: resources, shapes and patterns are given again with the next spans. */
  forgetMentions(): void
  close(): Promise<void>
}

const FIRST_RESTART_MS = 100
const LONGEST_RESTART_MS = 10_000

export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const receiver = new ThreadedReceiver(options)
  await receiver.start()
  return receiver
}

interface OpenCall {
  resolve(statistics: WorkerStatistics | undefined): void
  reject(error: unknown): void
}

class ThreadedReceiver implements Receiver {
  httpPort: number
  grpcPort: number
  readonly #options: ReceiverOptions
  #worker: Worker | undefined
  #tokens: readonly IngestAccess[] | undefined
  #spansListener: SpansListener | undefined
  #watching: { readonly entriesOnly: boolean } | undefined
  readonly #segmentListeners: ((segment: number) => void)[] = []
  readonly #calls = new Map<number, OpenCall>()
  #lastCall = 0
  #answerAgent: AskAboutAgent = async () => {
    throw new PerfloopError('RECEIVER_BUSY', { reason: 'Perfloop is starting' })
  }
  /** Questions of agents that are being answered, by the worker's number. */
  readonly #questions = new Map<number, AbortController>()
  #restarts = 0
  #closing = false

  constructor(options: ReceiverOptions) {
    this.#options = options
    this.#tokens = options.tokens
    this.httpPort = options.settings.otlpHttpPort
    this.grpcPort = options.settings.otlpGrpcPort
  }

  /** Resolves when both ports are bound. After the first start the thread is kept running. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry = this.#options.workerEntry ?? builtEntry(import.meta.url, './receiver.worker.ts')
      const worker = new Worker(entry, { workerData: this.#workerOptions(), execArgv: [] })
      let isReady = false
      worker.on('message', (event: ReceiverEvent) => {
        if (event.type === 'ready') {
          isReady = true
          this.#worker = worker
          this.httpPort = event.httpPort
          this.grpcPort = event.grpcPort
          resolve()
        } else if (event.type === 'failed') reject(toError(event.error))
        else this.#hear(event)
      })
      worker.on('error', error => {
        this.#options.logger.error({ error }, 'the receiver thread failed')
        reject(error)
      })
      worker.on('exit', code => {
        reject(new PerfloopError('RECEIVER_UNAVAILABLE', { exitCode: code }))
        if (isReady) this.#onDeath(code)
      })
    })
  }

  async statistics(): Promise<ReceiverStatistics> {
    const statistics = await this.#call({ type: 'statistics' })
    if (statistics === undefined) throw new PerfloopError('RECEIVER_UNAVAILABLE')
    return { ...statistics, restarts: this.#restarts }
  }

  watch(listener: SpansListener | undefined, options = { entriesOnly: false }): void {
    this.#spansListener = listener
    this.#watching = listener === undefined ? undefined : { entriesOnly: options.entriesOnly }
    this.#inform({ type: 'watch', watching: this.#watching })
  }

  setTokens(tokens: readonly IngestAccess[]): void {
    this.#tokens = tokens
    this.#inform({ type: 'setTokens', tokens })
  }

  onSegmentClosed(listener: (segment: number) => void): void {
    this.#segmentListeners.push(listener)
  }

  async append(block: NativeBlock): Promise<void> {
    await this.#call({ type: 'append', block })
  }

  serveAgents(answer: AskAboutAgent): void {
    this.#answerAgent = answer
  }

  forgetMentions(): void {
    this.#inform({ type: 'forgetMentions' })
  }

  async rotate(): Promise<void> {
    await this.#call({ type: 'rotate' })
  }

  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    const worker = this.#worker
    if (worker === undefined) return
    try {
      await this.#call({ type: 'close' })
    } finally {
      await worker.terminate()
    }
  }

  #workerOptions(): ReceiverWorkerOptions {
    const { settings, host, allowedHosts, spoolDirectory, quarantineDirectory } = this.#options
    const { measurementDays, parameterKey } = this.#options
    return {
      // After a restart the senders must find us where we were.
      settings: { ...settings, otlpHttpPort: this.httpPort, otlpGrpcPort: this.grpcPort },
      host,
      allowedHosts,
      spoolDirectory,
      quarantineDirectory,
      measurementDays,
      parameterKey,
      tokens: this.#tokens,
    }
  }

  #hear(event: Exclude<ReceiverEvent, { type: 'ready' | 'failed' }>): void {
    switch (event.type) {
      case 'done':
        this.#calls.get(event.id)?.resolve(event.statistics)
        this.#calls.delete(event.id)
        break
      case 'refused':
        this.#calls.get(event.id)?.reject(toError(event.error))
        this.#calls.delete(event.id)
        break
      case 'segmentClosed':
        for (const listener of this.#segmentListeners) listener(event.segment)
        break
      case 'spans':
        this.#spansListener?.(event.spans)
        break
      case 'agentAsks':
        void this.#answer(event.question, event.asked)
        break
      case 'agentLeft':
        this.#questions.get(event.question)?.abort()
        break
      case 'log':
        this.#options.logger[event.level](event.fields, event.message)
        break
    }
  }

  async #answer(question: number, asked: AgentQuestion): Promise<void> {
    const worker = this.#worker
    const gone = new AbortController()
    this.#questions.set(question, gone)
    let answer: AgentAnswer
    try {
      answer = await this.#answerAgent(asked, gone.signal)
    } catch (error) {
      answer = refuseAgent(error, this.#options.logger)
    }
    this.#questions.delete(question)
    const call: ReceiverCall = { id: 0, command: { type: 'answerAgent', question, answer } }
    // One that has died has nobody waiting any more.
    if (worker === this.#worker) worker?.postMessage(call)
  }

  #call(command: ReceiverCommand): Promise<WorkerStatistics | undefined> {
    const worker = this.#worker
    if (worker === undefined) {
      return Promise.reject(new PerfloopError('RECEIVER_UNAVAILABLE', { restarts: this.#restarts }))
    }
    const id = ++this.#lastCall
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
      const call: ReceiverCall = { id, command }
      worker.postMessage(call)
    })
  }

  /** For commands that a restart repeats by itself. */
  #inform(command: ReceiverCommand): void {
    this.#call(command).catch(error =>
      this.#options.logger.debug({ error }, 'the receiver thread is told when it is back'),
    )
  }

  #onDeath(exitCode: number): void {
    this.#worker = undefined
    for (const call of this.#calls.values()) {
      call.reject(new PerfloopError('RECEIVER_UNAVAILABLE', { exitCode }))
    }
    this.#calls.clear()
    for (const gone of this.#questions.values()) gone.abort()
    this.#questions.clear()
    if (!this.#closing) void this.#restart(exitCode)
  }

  async #restart(exitCode: number): Promise<void> {
    for (let waitMs = FIRST_RESTART_MS; !this.#closing; ) {
      this.#restarts++
      this.#options.logger.error(
        { exitCode, restarts: this.#restarts },
        'the receiver thread died and is started again; unacknowledged batches are repeated by their senders',
      )
      await sleep(waitMs)
      waitMs = Math.min(waitMs * 2, LONGEST_RESTART_MS)
      if (this.#closing) return
      try {
        await this.start()
        if (this.#watching !== undefined) this.#inform({ type: 'watch', watching: this.#watching })
        // What the dead thread left is closed now and can be loaded.
        for (const listener of this.#segmentListeners) listener(0)
        if (this.#closing) await this.#call({ type: 'close' })
        return
      } catch (error) {
        this.#options.logger.error({ error }, 'the receiver thread does not start')
      }
    }
  }
}

function toError({ code, message, details }: ErrorMessage): Error {
  return code === undefined ? new Error(message) : new PerfloopError(code, details)
}
