import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { builtEntry } from '../../../domain/built-entry.ts'
import { PerfloopError } from '../../../domain/perfloop-error.ts'
import type { ChdbAnswer, ChdbRequest } from './chdb-message.ts'

export interface ChdbChildOptions {
  readonly path: string
  readonly sessions: number
  readonly connectionArgs: readonly string[]
}

/** The store process died before it answered. Whether to ask again is the engine's decision. */
export class StoreProcessDied extends Error {
  override readonly name = 'StoreProcessDied'
}

type Waiting = {
  readonly resolve: (bytes: Uint8Array) => void
  readonly reject: (error: unknown) => void
}

/** One life of the store process, seen from the parent. */
export class ChdbChild {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #lastWords = ''
  /** Resolves when the process is gone, however it went. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>

  constructor(sessions: number) {
    this.#process = fork(fileURLToPath(builtEntry(import.meta.url, './chdb-process.ts')), {
      serialization: 'advanced',
      // Each session's query occupies one of libuv's threads while it runs.
      env: { ...process.env, UV_THREADPOOL_SIZE: String(sessions + 1), ...ALLOCATOR },
      execArgv: ['--max-old-space-size=128', '--max-semi-space-size=1'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#process.on('message', message => this.#settle(message as ChdbAnswer))
    this.#process.stderr?.setEncoding('utf8').on('data', (words: string) => {
      this.#lastWords = (this.#lastWords + words).slice(-LAST_WORDS_LENGTH)
    })
    this.exited = new Promise(resolve => {
      this.#process.once('error', () => resolve({ code: null, signal: null }))
      this.#process.once('close', (code, signal) => resolve({ code, signal }))
    })
    void this.exited.then(() => this.#abandon())
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** The end of what it wrote on standard error: the engine tells there why it did not open or aborted. */
  get lastWords(): string {
    return this.#lastWords
  }

  async open(options: ChdbChildOptions): Promise<void> {
    await this.#ask(id => ({ kind: 'open', id, ...options }))
  }

  run(session: number, sql: string): Promise<Uint8Array> {
    return this.#ask(id => ({ kind: 'run', id, session, sql }))
  }

  /**
   * Lets running queries end and the engine write what it holds, then ends the process; one that has not come
   * to an end by then is ended all the same, which loses nothing: parts are whole or absent.
   */
  async close(withinMs: number): Promise<void> {
    const late = setTimeout(() => this.kill(), withinMs)
    await this.#ask(id => ({ kind: 'close', id })).catch(() => {})
    clearTimeout(late)
    this.kill()
    await this.exited
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #ask(request: (id: number) => ChdbRequest): Promise<Uint8Array> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#process.send(request(id), error => {
        if (error) this.#settleWith(id, waiting => waiting.reject(new StoreProcessDied()))
      })
    })
  }

  #settle(answer: ChdbAnswer): void {
    this.#settleWith(answer.id, waiting => {
      if (answer.kind === 'done') waiting.resolve(answer.bytes)
      else waiting.reject(toPerfloopError(answer))
    })
  }

  #settleWith(id: number, settle: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    settle(waiting)
  }

  #abandon(): void {
    for (const id of [...this.#waiting.keys()]) {
      this.#settleWith(id, waiting => waiting.reject(new StoreProcessDied()))
    }
  }
}

const LAST_WORDS_LENGTH = 4_000

/**
 * Memory that was freed goes back to the system soon, so that a quiet store is a small one: the engine's
 * own allocator, and the one of Node, which keeps an arena for each of forty threads otherwise.
 */
const ALLOCATOR = {
  JE_MALLOC_CONF: 'dirty_decay_ms:1000,muzzy_decay_ms:0',
  MALLOC_ARENA_MAX: '2',
  MALLOC_TRIM_THRESHOLD_: '131072',
} as const

function toPerfloopError(answer: Extract<ChdbAnswer, { kind: 'failed' }>): PerfloopError {
  const details = { message: answer.message, clickhouseCode: answer.clickhouseCode }
  if (answer.missing) return new PerfloopError('CHDB_MISSING', details)
  return new PerfloopError('STORE_QUERY_FAILED', details)
}
