import type { ClientRequest, IncomingHttpHeaders } from 'node:http'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { clearTimeout, clockMs, setTimeout } from '../own-clock.ts'
import { type Certificates, type Connection, connectionTo } from './connection.ts'

const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 30_000
/** https://opentelemetry.io/docs/specs/otlp/#failures-1 */
const RETRYABLE = new Set([429, 502, 503, 504])
/** The same problem is told again after so long, with what was lost by it. */
const TELL_AGAIN_MS = 60_000
const MOST_ANSWER_BYTES = 64 * 1024

const STALE = Symbol('stale')
const STALE_CODES = new Set(['ECONNRESET', 'EPIPE'])

let closedPort: MessagePort | undefined

/**
 * The memory of a body that nobody will send, at once: the collector sees small objects and is in no hurry, and three times the
 * bound was measured to pile up. What is moved to a port that is closed is gone.
 */
function giveBack({ buffer, byteLength }: Buffer): void {
  // Small ones share theirs.
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== byteLength) return
  if (closedPort === undefined) {
    closedPort = new MessageChannel().port1
    closedPort.close()
  }
  closedPort.postMessage(null, [buffer])
}

interface Waiting {
  readonly body: Buffer
  /** Spans or points inside. */
  readonly count: number
}

export interface QueueTarget {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly certificates: Certificates
  /** Beyond, the oldest are dropped. */
  readonly maxQueuedBytes: number
}

export interface QueueEvents {
  /** Sent, or given up: nothing more will happen to this one. */
  onDone(): void
  onProblem(problem: string, lost: number): void
}

/**
 * Sends bodies one after the other. While the server is away it waits longer and longer between tries, keeps what
 * fits the bound and drops the oldest; each problem is told once, not with every try.
 */
export class ExportQueue {
  readonly #target: QueueTarget
  readonly #events: QueueEvents
  readonly #url: URL
  /** The address without user, password and query, which may be secrets. */
  readonly #where: string
  readonly #connection: Connection
  readonly #waiting: Waiting[] = []
  #maxQueuedBytes: number
  #queuedBytes = 0
  #isSending = false
  #retryMs = FIRST_RETRY_MS
  #toldProblem = ''
  #toldAtMs = 0
  #lostSinceTold = 0

  constructor(target: QueueTarget, events: QueueEvents) {
    this.#target = target
    this.#maxQueuedBytes = target.maxQueuedBytes
    this.#events = events
    this.#url = new URL(target.url)
    this.#where = `${this.#url.origin}${this.#url.pathname}`
    this.#connection = connectionTo(this.#url, 1, target.certificates)
  }

  /** Holds from the next one on. */
  limit(maxQueuedBytes: number): void {
    this.#maxQueuedBytes = maxQueuedBytes
  }

  /** Whether something is on its way, or waits for the server to be back. */
  get isSending(): boolean {
    return this.#isSending
  }

  add(body: Buffer, count: number): void {
    this.#waiting.push({ body, count })
    this.#queuedBytes += body.length
    // Not the first while it is on its way: it may have arrived.
    const oldest = this.#isSending ? 1 : 0
    while (this.#queuedBytes > this.#maxQueuedBytes && this.#waiting.length > oldest + 1) {
      const [dropped] = this.#waiting.splice(oldest, 1)
      if (dropped === undefined) break
      this.#queuedBytes -= dropped.body.length
      giveBack(dropped.body)
      this.#lostSinceTold += dropped.count
      this.#events.onDone()
    }
    if (!this.#isSending) void this.#sendAll()
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const result = await this.#post(next.body)
      if (result === STALE) continue
      if (result.retryAfterMs !== undefined) {
        this.#tell(result.problem, 0)
        const waitMs = Math.max(result.retryAfterMs, this.#retryMs * (0.5 + Math.random() / 2))
        this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS)
        await new Promise(resolve => setTimeout(resolve, waitMs))
        continue
      }
      this.#retryMs = FIRST_RETRY_MS
      this.#waiting.shift()
      this.#queuedBytes -= next.body.length
      if (result.problem === '') this.#toldProblem = ''
      else this.#tell(result.problem, next.count)
      this.#events.onDone()
    }
    this.#isSending = false
  }

  #tell(problem: string, lost: number): void {
    this.#lostSinceTold += lost
    const now = clockMs()
    if (problem === this.#toldProblem && now - this.#toldAtMs < TELL_AGAIN_MS) return
    this.#events.onProblem(problem, this.#lostSinceTold)
    this.#toldProblem = problem
    this.#toldAtMs = now
    this.#lostSinceTold = 0
  }

  /** `retryAfterMs` where another try may help. */
  #post(body: Buffer): Promise<{ problem: string; retryAfterMs?: number } | typeof STALE> {
    return new Promise(resolve => {
      const { agent, request: send } = this.#connection
      const fail = (error: Error) =>
        resolve({ problem: `${this.#where}: ${error.message}`, retryAfterMs: 0 })
      let request: ClientRequest
      try {
        request = send(this.#url, {
          method: 'POST',
          agent,
          headers: {
            ...this.#target.headers,
            'content-type': 'application/x-protobuf',
            'content-length': body.length,
          },
        })
      } catch (error) {
        // A header that no request may have: no try will help.
        resolve({ problem: `${this.#where}: ${String(error)}` })
        return
      }
      // The whole exchange, not the silence on the socket only.
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${this.#target.timeoutMs} ms`)),
        this.#target.timeoutMs,
      )
      request.on('close', () => clearTimeout(timer))
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The server has closed a connection that was kept, just when it was used again: that is no outage.
        const isStale = request.reusedSocket && STALE_CODES.has(error.code ?? '')
        if (isStale) resolve(STALE)
        else fail(error)
      })
      request.on('response', response => {
        let received = 0
        response.on('data', (chunk: Buffer) => {
          received += chunk.length
          if (received > MOST_ANSWER_BYTES) request.destroy(new Error('an answer without end'))
        })
        response.on('error', fail)
        response.on('end', () => resolve(this.#judge(response.statusCode ?? 0, response.headers)))
      })
      request.end(body)
    })
  }

  #judge(status: number, headers: IncomingHttpHeaders) {
    if (status >= 200 && status < 300) return { problem: '' }
    const problem = `${this.#where} answered ${status}`
    if (!RETRYABLE.has(status)) return { problem }
    const seconds = Number(headers['retry-after'] ?? 0)
    const retryAfterMs = seconds > 0 ? Math.min(seconds * 1_000, LONGEST_RETRY_MS) : 0
    return { problem, retryAfterMs }
  }
}
