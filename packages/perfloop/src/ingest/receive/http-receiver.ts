import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../domain/clock.ts'
import type { Logger } from '../../domain/logger.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Settings } from '../../settings/settings.ts'
import type { BodyEncoding, Signal } from '../ingest-buffer.ts'
import { AGENT_PREFIX, type AgentDoor, refuseAgent, sendAgentAnswer } from './agent-door.ts'
import type { Arrival, Intake } from './intake.ts'
import { encodeExportResponse, encodeStatus } from './otlp-answer.ts'
import { toRefusal, wordsOf } from './refusal.ts'
import { decompress, readBody } from './request-body.ts'
import type { BrowserHeaders, SenderAccess } from './sender-access.ts'

export interface ProtocolOptions {
  readonly intake: Intake
  readonly access: SenderAccess
  readonly settings: Settings['ingest']
  readonly host: string
  readonly port: number
  readonly logger: Logger
  readonly clock: Clock
}

export interface HttpOptions extends ProtocolOptions {
  readonly agents: AgentDoor
}

export interface ProtocolReceiver {
  readonly port: number
  /** Stops accepting, lets what is under way finish. */
  close(): Promise<void>
}

const SIGNALS: Readonly<Record<string, Signal>> = {
  '/v1/traces': 'traces',
  '/v1/metrics': 'metrics',
  '/v1/logs': 'logs',
}
const MEDIA_TYPES: Readonly<Record<BodyEncoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
}
const MS_PER_SECOND = 1_000
const TELL_AGAIN_MS = 60_000
/** How often Node looks for senders that are over their time. */
const TIMEOUT_CHECK_MS = 1_000
/** How long requests under way may take to finish when we stop. */
const CLOSE_GRACE_MS = 5_000

/** OTLP/HTTP 1.x: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export async function startHttpReceiver(options: HttpOptions): Promise<ProtocolReceiver> {
  const { settings } = options
  const server = createServer(
    {
      headersTimeout: settings.headersTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, settings.headersTimeoutMs),
    },
    (request, response) => void answer(request, response, options),
  )
  server.maxConnections = settings.maxConnections
  let toldUnixMs = 0
  server.on('drop', () => {
    options.intake.countRefused('RECEIVER_BUSY')
    const nowMs = options.clock.nowUnixMs()
    if (nowMs - toldUnixMs < TELL_AGAIN_MS) return
    toldUnixMs = nowMs
    const { maxConnections } = settings
    options.logger.warn(
      { maxConnections },
      'connections are refused: ingest.maxConnections are open',
    )
  })
  // A sender that asks first is told before it sends a body that would be refused.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    void answer(request, response, options)
  })

  await listen(server, options.port, options.host)
  return {
    port: portOf(server),
    close() {
      options.agents.close()
      return closeServer(server)
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpOptions,
): Promise<void> {
  const { intake, access, logger } = options
  // A sender that goes away breaks its request; what it sent whole is kept all the same.
  request.on('error', () => {})
  response.on('error', () => {})
  if (request.url?.startsWith(`${AGENT_PREFIX}/`)) {
    await answerAgent(request, response, options)
    return
  }
  using arrival = intake.announce()
  try {
    const path = request.url?.split('?', 1)[0] ?? ''
    const signal = SIGNALS[path]
    if (signal === undefined) throw new PerfloopError('OTLP_PATH_UNKNOWN', { path })
    access.requireAllowedPage(pageOf(request))
    allowOrigin(request, response)
    if (request.method === 'OPTIONS') {
      answerPreflight(response)
      return
    }
    if (request.method !== 'POST') {
      response.setHeader('Allow', 'POST')
      throw new PerfloopError('RECEIVER_METHOD', { method: request.method, allowed: 'POST' })
    }
    await receive(request, response, signal, arrival, options)
  } catch (error) {
    if (isGone(request, error)) {
      logger.debug({ error }, 'a sender went away before its request was whole')
      response.destroy()
      return
    }
    const refusal = toRefusal(error, logger)
    intake.countRefused(refusal.code)
    if (refusal.code === 'INGEST_TOKEN_UNKNOWN') response.setHeader('WWW-Authenticate', 'Bearer')
    const retryAfterMs = refusal.retryable ? options.settings.spool.retryAfterMs : undefined
    if (retryAfterMs !== undefined) {
      response.setHeader(
        'Retry-After',
        String(Math.max(1, Math.ceil(retryAfterMs / MS_PER_SECOND))),
      )
    }
    refuse(request, response, {
      status: refusal.httpStatus,
      body: encodeStatus(encodingOf(request) ?? 'json', {
        code: refusal.grpcCode,
        message: wordsOf(refusal),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      }),
    })
  }
}

/** Agents are told in JSON, and pages have no business here: none of the CORS headers of OTLP. */
async function answerAgent(
  request: IncomingMessage,
  response: ServerResponse,
  { agents, access, logger }: HttpOptions,
): Promise<void> {
  try {
    access.requireAllowedPage(pageOf(request))
    const environment = access.environmentOf(request.headers.authorization)
    access.requireKnownName(request.headers.host, environment)
    if (request.headers.expect !== undefined) response.writeContinue()
    const [path = '', query = ''] = (request.url ?? '').slice(AGENT_PREFIX.length).split('?', 2)
    const answer = await agents.answer(request, { environment, path, query })
    sendAgentAnswer(request, response, answer)
  } catch (error) {
    if (isGone(request, error) || request.socket.destroyed) {
      response.destroy()
      return
    }
    sendAgentAnswer(request, response, refuseAgent(error, logger))
  }
}

async function receive(
  request: IncomingMessage,
  response: ServerResponse,
  signal: Signal,
  arrival: Arrival,
  { intake, access, settings, clock }: ProtocolOptions,
): Promise<void> {
  const environment = access.environmentOf(request.headers.authorization)
  const encoding = encodingOf(request)
  if (encoding === undefined) {
    throw new PerfloopError('OTLP_MEDIA_TYPE', { contentType: request.headers['content-type'] })
  }
  intake.requireRoom()
  if (request.headers.expect !== undefined) response.writeContinue()

  const sent = await readBody(request, settings.maxBodyBytes, arrival)
  const receivedUnixMs = clock.nowUnixMs()
  const contentEncoding = request.headers['content-encoding']
  const body = await decompress(sent, contentEncoding, settings.maxBodyBytes, arrival)
  const outcome = await intake.receive(
    { signal, encoding, body, environment, receivedUnixMs },
    arrival,
  )
  const answerBody = encodeExportResponse(signal, encoding, outcome)
  response.writeHead(200, {
    'Content-Type': MEDIA_TYPES[encoding],
    'Content-Length': answerBody.length,
  })
  response.end(answerBody)
}

/** Ends the exchange; a body that is still coming is not read, so its connection cannot be used again. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body }: { readonly status: number; readonly body: Buffer },
): void {
  if (response.headersSent || response.destroyed) return
  const isWhole = request.complete
  response.writeHead(status, {
    'Content-Type': MEDIA_TYPES[encodingOf(request) ?? 'json'],
    'Content-Length': body.length,
    ...(isWhole ? {} : { Connection: 'close' }),
  })
  response.end(body)
  // Take in and forget what is under way, or the sender sees a reset instead of the answer.
  if (!isWhole) request.resume()
}

function allowOrigin(request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers
  if (origin === undefined) return
  response.setHeader('Access-Control-Allow-Origin', origin)
  response.setHeader('Vary', 'Origin')
}

function answerPreflight(response: ServerResponse): void {
  response.writeHead(204, {
    'Access-Control-Allow-Methods': 'POST',
    'Access-Control-Allow-Headers': 'authorization, content-type, content-encoding',
    'Access-Control-Max-Age': '600',
  })
  response.end()
}

function encodingOf(request: IncomingMessage): BodyEncoding | undefined {
  const mediaType = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (mediaType === MEDIA_TYPES.protobuf) return 'protobuf'
  return mediaType === MEDIA_TYPES.json ? 'json' : undefined
}

function pageOf(request: IncomingMessage): BrowserHeaders {
  const { host, origin } = request.headers
  return { host, origin, secFetchSite: headerOf(request, 'sec-fetch-site') }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

function isGone(request: IncomingMessage, error: unknown): boolean {
  return !(error instanceof PerfloopError) && request.destroyed && !request.complete
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', cause => {
      const isTaken = 'code' in cause && cause.code === 'EADDRINUSE'
      reject(
        isTaken
          ? new PerfloopError('PORT_IN_USE', { port, host, flag: '--otlp-http' }, cause)
          : cause,
      )
    })
    server.listen(port, host, resolve)
  })
}

function portOf(server: Server): number {
  const address = server.address() as AddressInfo | string | null
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
    server.close(() => {
      clearTimeout(force)
      resolve()
    })
    server.closeIdleConnections()
  })
}
