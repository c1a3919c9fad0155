import type { IncomingMessage, ServerResponse } from 'node:http'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Settings } from '../../settings/settings.ts'
import type { Arrival, Intake } from './intake.ts'
import { toRefusal } from './refusal.ts'
import { decompress, readBody } from './request-body.ts'
import type { SenderAccess } from './sender-access.ts'

/** What an agent asks, checked only for who may ask and how much: the main thread knows what it means. */
export interface AgentQuestion {
  readonly method: string
  /** Below /agent/v1, such as /settings. */
  readonly path: string
  readonly query: string
  readonly contentType: string
  readonly ifNoneMatch: string
  readonly prefer: string
  /** Fixed by an ingest token. */
  readonly environment: string | undefined
  readonly body: Uint8Array
}

export interface AgentAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON, or empty. */
  readonly body: string
}

/** Rejects when nobody is there to answer. `signal` ends when the agent goes away. */
export type AskAboutAgent = (question: AgentQuestion, signal: AbortSignal) => Promise<AgentAnswer>

export const AGENT_PREFIX = '/agent/v1'

export interface AgentDoorOptions {
  readonly ask: AskAboutAgent
  readonly intake: Intake
  readonly access: SenderAccess
  readonly settings: Settings['ingest']
}

/**
 * `/agent/v1` next to OTLP, since that is the one address an agent knows. Requests that wait for news hold nothing here
 * but their connection, and are ended when the receiver closes. At most half of the connections wait; whoever comes then
 * is answered at once and told when to come back.
 */
export class AgentDoor {
  readonly #options: AgentDoorOptions
  readonly #open = new Set<AbortController>()
  #isClosed = false

  constructor(options: AgentDoorOptions) {
    this.#options = options
  }

  /** Answers every question, also the refused ones. Throws only when the agent went away. */
  async answer(
    request: IncomingMessage,
    { environment, path, query }: Pick<AgentQuestion, 'environment' | 'path' | 'query'>,
  ): Promise<AgentAnswer> {
    const { method = 'GET', headers } = request
    // A body counts until its question is answered: it waits in the main thread's queue meanwhile.
    using arrival = method === 'GET' ? undefined : this.#options.intake.announce()
    const body = arrival === undefined ? NOTHING : await this.#read(request, arrival)
    arrival?.arrive()
    // Each that waits holds a connection, of which telemetry needs some too.
    const { maxConnections, agentReturnMs } = this.#options.settings
    const mayWait = this.#open.size < maxConnections / 2
    const question: AgentQuestion = {
      method,
      path,
      query,
      contentType: headers['content-type'] ?? '',
      ifNoneMatch: headers['if-none-match'] ?? '',
      prefer: mayWait ? textOf(headers.prefer) : '',
      environment,
      body,
    }
    if (this.#isClosed) throw new PerfloopError('RECEIVER_BUSY', { reason: 'Perfloop is closing' })
    const gone = new AbortController()
    const onClose = () => gone.abort()
    request.socket.once('close', onClose)
    this.#open.add(gone)
    try {
      const answer = await Promise.race([
        this.#options.ask(question, gone.signal),
        ended(gone.signal),
      ])
      if (mayWait || method !== 'GET') return answer
      return { ...answer, headers: comeBack(answer, agentReturnMs) }
    } finally {
      this.#open.delete(gone)
      request.socket.off('close', onClose)
    }
  }

  /** Whoever waits is told to come back. */
  close(): void {
    this.#isClosed = true
    for (const gone of this.#open) gone.abort()
  }

  async #read(request: IncomingMessage, arrival: Arrival): Promise<Uint8Array> {
    const most = this.#options.settings.agentMaxBodyBytes
    const sent = await readBody(request, most, arrival)
    return await decompress(sent, request.headers['content-encoding'], most, arrival)
  }
}

/** How a question is refused: as every error of ours, in JSON. */
export function refuseAgent(error: unknown, logger: Parameters<typeof toRefusal>[1]): AgentAnswer {
  const { code, message, cause, cure, httpStatus } = toRefusal(error, logger)
  const details = error instanceof PerfloopError ? error.details : {}
  const { allowed } = details
  const headers = code === 'RECEIVER_METHOD' ? { Allow: String(allowed) } : {}
  return jsonAnswer(httpStatus, { error: { code, message, cause, cure, details } }, headers)
}

export function jsonAnswer(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): AgentAnswer {
  return { status, headers, body: JSON.stringify(body) }
}

export function sendAgentAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: AgentAnswer,
): void {
  if (response.headersSent || response.destroyed) return
  const isWhole = request.complete
  response.writeHead(status, {
    ...(body === '' ? {} : { 'Content-Type': 'application/json' }),
    ...(status === 304 ? {} : { 'Content-Length': Buffer.byteLength(body) }),
    'Cache-Control': 'no-store',
    ...headers,
    ...(isWhole ? {} : { Connection: 'close' }),
  })
  response.end(body)
  if (!isWhole) request.resume()
}

const MS_PER_SECOND = 1_000

function comeBack({ headers }: AgentAnswer, afterMs: number): AgentAnswer['headers'] {
  const seconds = Math.max(1, Math.round(afterMs / MS_PER_SECOND))
  return { ...headers, 'Retry-After': String(seconds), Connection: 'close' }
}

const NOTHING = new Uint8Array(0)

function textOf(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(',') : (header ?? '')
}

function ended(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener(
      'abort',
      () => reject(new PerfloopError('RECEIVER_BUSY', { reason: 'Perfloop is closing' })),
      { once: true },
    )
  })
}
