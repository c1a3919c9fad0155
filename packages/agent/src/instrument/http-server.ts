import http, { IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { readCaller } from '../propagate/trace-context.ts'
import { ActiveSpan, activeSpan } from '../record/active-span.ts'
import { setSpanOfRequest, spanOfRequest } from './request-span.ts'
import { recordServerSpan } from './server-span.ts'
import { beginTakeover, isTakingOver } from './upgrade-span.ts'
import { wrapMethod } from './wrap-method.ts'

/** Every request of every HTTP and HTTPS server of the process. Of HTTP/2 see `http2-server.ts`. */
export function instrumentHttpServer(agent: Agent): void {
  traceRequests(agent, http.Server.prototype, 'http')
  // A server of https is a server of tls, with the methods of http's put on it by hand.
  traceRequests(agent, https.Server.prototype, 'https')
}

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean

/** Of a server that calls its listeners with Node's own requests. */
export function traceRequests(agent: Agent, prototype: { emit: unknown }, scheme: string): void {
  const emit = prototype.emit as Emit
  const emitRequest = (server: unknown, args: unknown[]) => emit.call(server, 'request', ...args)

  const onClose = function (this: ServerResponse): void {
    try {
      agent.activeRequests--
      recordRequest(agent, this, scheme)
    } catch (error) {
      agent.report('recording a request', error)
    }
  }

  const traced: Emit = function (event, ...args) {
    // A server of HTTP/2 that takes HTTP/1 too has requests of both kinds: the others are traced by their streams.
    const isAnswered = event === 'request' || isExpecting(event)
    if (!(isAnswered || isTakingOver(event)) || !(args[0] instanceof IncomingMessage)) {
      return emit.call(this, event, ...args)
    }
    const span = isAnswered
      ? beginRequest(agent, args[0], args[1] as ServerResponse, onClose)
      : beginTakeover(agent, args[0], args[1] as Duplex, scheme)
    // The application's own work, and what it throws, is outside of everything that is caught here.
    if (span === undefined) return emit.call(this, event, ...args)
    return event === 'request'
      ? activeSpan.run(span, emitRequest, this, args)
      : activeSpan.run(span, () => emit.call(this, event, ...args))
  }
  wrapMethod(prototype, 'emit', () => traced)
}

/** Requests with `Expect` come by events of their own, where the application listens for these. */
export function isExpecting(event: string | symbol): boolean {
  return event === 'checkContinue' || event === 'checkExpectation'
}

/** Undefined where a server hands its request on to another one: the span has begun already. */
function beginRequest(
  agent: Agent,
  request: IncomingMessage,
  response: ServerResponse,
  onClose: () => void,
): ActiveSpan | undefined {
  try {
    if (spanOfRequest(request) !== undefined || agent.recorder.isStopped) return undefined
    const span = new ActiveSpan(readCaller(request.headers))
    span.method = request.method
    setSpanOfRequest(request, span)
    response.on('close', onClose)
    if (agent.requestLog !== undefined) response.on('prefinish', noteReady)
    agent.activeRequests++
    return span
  } catch (error) {
    agent.report('beginning a request', error)
    return undefined
  }
}

/** Nothing is added to the answer any more. */
function noteReady(this: ServerResponse): void {
  const span = spanOfRequest(this.req)
  if (span !== undefined) span.totals.readyMs = clockMs()
}

function recordRequest(agent: Agent, response: ServerResponse, scheme: string): void {
  const request = response.req
  const span = spanOfRequest(request)
  if (span === undefined || !span.isFollowed) return
  // The client went away before the answer was whole.
  const isAborted = !response.writableFinished
  const { headers } = request
  // A framework may have shortened `url` on its way.
  const { originalUrl } = request as { originalUrl?: unknown }
  recordServerSpan(agent, span, {
    method: request.method,
    url: typeof originalUrl === 'string' ? originalUrl : (request.url ?? ''),
    scheme,
    host: headers.host,
    headers,
    clientAddress: request.socket?.remoteAddress,
    protocolVersion: request.httpVersion,
    status: isAborted && !response.headersSent ? Number.NaN : response.statusCode,
    isAborted,
    bodySize: response.getHeader('content-length'),
  })
}
