import type { IncomingHttpHeaders } from 'node:http'
import type { Http2ServerRequest, Http2Stream, ServerHttp2Stream } from 'node:http2'
import { Server } from 'node:net'
import type { Agent } from '../agent.ts'
import { readCaller } from '../propagate/trace-context.ts'
import { ActiveSpan, activeSpan } from '../record/active-span.ts'
import { isExpecting, traceRequests } from './http-server.ts'
import { setSpanOfRequest, spanOfRequest } from './request-span.ts'
import { recordServerSpan } from './server-span.ts'
import { wrapMethod } from './wrap-method.ts'

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean

interface StreamHeaders extends IncomingHttpHeaders {
  readonly ':method'?: string
  readonly ':path'?: string
  readonly ':scheme'?: string
  readonly ':authority'?: string
}

/**
 * Servers of HTTP/2, with and without TLS, whether they are used by streams or by requests and responses. Node's http2
 * takes as long to load as all the rest of the agent, so nothing of it is touched before such a server listens.
 */
export function instrumentHttp2Server(agent: Agent): void {
  const seen = new WeakSet<object>()
  wrapMethod(
    Server.prototype,
    'listen',
    listen =>
      function (this: Server, ...args: unknown[]) {
        try {
          const prototype = http2PrototypeOf(this)
          if (prototype !== undefined && !seen.has(prototype)) {
            seen.add(prototype)
            traceStreams(agent, prototype)
            traceRequests(agent, prototype, 'https')
          }
        } catch (error) {
          agent.report('instrumenting http2', error)
        }
        return (listen as (...args: unknown[]) => Server).apply(this, args)
      } as Server['listen'],
  )
}

/** The classes are not exported. */
function http2PrototypeOf(server: Server): { emit: unknown } | undefined {
  let prototype = Object.getPrototypeOf(server) as Server | null
  while (prototype !== null) {
    const { name } = prototype.constructor
    if (name === 'Http2Server' || name === 'Http2SecureServer') return prototype
    prototype = Object.getPrototypeOf(prototype) as Server | null
  }
  return undefined
}

function traceStreams(agent: Agent, prototype: { emit: unknown }): void {
  const emit = prototype.emit as Emit
  const emitStream = (server: unknown, args: unknown[]) => emit.call(server, 'stream', ...args)
  const traced: Emit = function (event, ...args) {
    if (event === 'request' || isExpecting(event)) {
      giveSpanOfStream(args[0])
      return emit.call(this, event, ...args)
    }
    if (event !== 'stream') return emit.call(this, event, ...args)
    const span = beginStream(agent, args[0] as ServerHttp2Stream, args[1] as StreamHeaders)
    return span === undefined
      ? emit.call(this, event, ...args)
      : activeSpan.run(span, emitStream, this, args)
  }
  wrapMethod(prototype, 'emit', () => traced)
}

/** Frameworks are given the request, not its stream. */
function giveSpanOfStream(request: unknown): void {
  const stream = (request as Http2ServerRequest | undefined)?.stream as Http2Stream | undefined
  const span = stream === undefined ? undefined : spanOfRequest(stream)
  if (span !== undefined) setSpanOfRequest(request as object, span)
}

function beginStream(
  agent: Agent,
  stream: ServerHttp2Stream,
  headers: StreamHeaders,
): ActiveSpan | undefined {
  try {
    if (spanOfRequest(stream) !== undefined || agent.recorder.isStopped) return undefined
    const span = new ActiveSpan(readCaller(headers))
    const method = headers[':method']
    if (typeof method === 'string') span.method = method
    setSpanOfRequest(stream, span)
    const clientAddress = stream.session?.socket?.remoteAddress
    stream.on('close', () => {
      try {
        agent.activeRequests--
        if (span.isFollowed) recordStream(agent, span, stream, headers, clientAddress)
      } catch (error) {
        agent.report('recording a request of http2', error)
      }
    })
    agent.activeRequests++
    return span
  } catch (error) {
    agent.report('beginning a request of http2', error)
    return undefined
  }
}

function recordStream(
  agent: Agent,
  span: ActiveSpan,
  stream: ServerHttp2Stream,
  headers: StreamHeaders,
  clientAddress: string | undefined,
): void {
  const sent = stream.sentHeaders as Readonly<Record<string, unknown>> | undefined
  recordServerSpan(agent, span, {
    method: headers[':method'],
    url: headers[':path'] ?? '',
    scheme: headers[':scheme'] === 'http' ? 'http' : 'https',
    host: headers[':authority'] ?? headers.host,
    headers,
    clientAddress,
    protocolVersion: '2',
    status: Number(sent?.[':status'] ?? Number.NaN),
    isAborted: stream.rstCode !== NO_ERROR || sent === undefined,
    bodySize: sent?.['content-length'],
  })
}

/** https://www.rfc-editor.org/rfc/rfc9113.html#name-error-codes */
const NO_ERROR = 0
