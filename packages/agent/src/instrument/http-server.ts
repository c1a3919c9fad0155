import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { Agent } from '../agent.ts'
import { readTraceParent } from '../propagate/trace-context.ts'
import { ActiveSpan, activeSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, PASSING_TEXT, TEXT } from '../record/attribute-schema.ts'
import { KIND_SERVER, STATUS_ERROR, STATUS_UNSET } from '../record/span-recorder.ts'
import { ROUTE, type RoutedRequest } from './request-route.ts'

/** https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server */
const SCHEMA = attributeSchema(
  '@perfloop/agent/http',
  {},
  {
    'http.request.method': TEXT,
    'http.route': TEXT,
    'url.path': PASSING_TEXT,
    'url.scheme': TEXT,
    'http.response.status_code': INTEGER,
    'server.address': PASSING_TEXT,
    'server.port': INTEGER,
    'client.address': PASSING_TEXT,
    'user_agent.original': PASSING_TEXT,
    'network.protocol.version': TEXT,
    'http.response.body.size': INTEGER,
    'error.type': TEXT,
  },
)

const SPAN = Symbol('perfloop.span')

interface TracedResponse extends ServerResponse {
  [SPAN]?: ActiveSpan
}

/** Methods that may be in the name of a span; others would be made up by whoever calls. */
const METHODS = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'QUERY',
])

/** Every request of every HTTP and HTTPS server of the process. */
export function instrumentHttpServer(agent: Agent): void {
  wrapEmit(agent, http.Server.prototype, 'http')
  // A server of https is a server of tls, with the methods of http's put on it by hand.
  wrapEmit(agent, https.Server.prototype, 'https')
}

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean

function wrapEmit(agent: Agent, prototype: { emit: unknown }, scheme: string): void {
  const emit = prototype.emit as Emit
  const emitRequest = (server: unknown, args: unknown[]) => emit.call(server, 'request', ...args)

  const onClose = function (this: TracedResponse): void {
    try {
      agent.activeRequests--
      recordRequest(agent, this, scheme)
    } catch (error) {
      agent.report('recording a request', error)
    }
  }

  const traced: Emit = function (event, ...args) {
    if (event !== 'request') return emit.call(this, event, ...args)
    const span = beginRequest(agent, args[0] as IncomingMessage, args[1] as TracedResponse, onClose)
    // The application's own work, and what it throws, is outside of everything that is caught here.
    return span === undefined
      ? emit.call(this, event, ...args)
      : activeSpan.run(span, emitRequest, this, args)
  }
  prototype.emit = traced
}

/** Undefined where a server hands its request on to another one: the span has begun already. */
function beginRequest(
  agent: Agent,
  request: IncomingMessage,
  response: TracedResponse,
  onClose: () => void,
): ActiveSpan | undefined {
  try {
    if (response[SPAN] !== undefined) return undefined
    const { headers } = request
    const span = new ActiveSpan(readTraceParent(headers.traceparent, headers.tracestate))
    response[SPAN] = span
    response.on('close', onClose)
    agent.activeRequests++
    return span
  } catch (error) {
    agent.report('beginning a request', error)
    return undefined
  }
}

function recordRequest({ recorder }: Agent, response: TracedResponse, scheme: string): void {
  const endMs = performance.now()
  const span = response[SPAN]
  if (span === undefined || !span.isRecorded) return
  const request = response.req as IncomingMessage & RoutedRequest
  const { headers, socket } = request
  const method = METHODS.has(request.method ?? '') ? (request.method as string) : '_OTHER'
  const route = request[ROUTE]
  const status = response.statusCode
  // The client went away before the answer was whole.
  const isAborted = !response.writableFinished
  const isFailed = status >= 500
  const name = route === undefined ? method : `${method} ${route}`
  const { id0, id1, parent0, parent1, startMs } = span
  const statusOfSpan = isFailed ? STATUS_ERROR : STATUS_UNSET
  if (
    !recorder.begin(
      SCHEMA,
      name,
      KIND_SERVER,
      statusOfSpan,
      span,
      id0,
      id1,
      parent0,
      parent1,
      startMs,
      endMs,
    )
  )
    return
  if (span.exception !== undefined) recorder.exception(span.exception, span.exceptionMs)
  recorder.text(method)
  recorder.text(route)
  recorder.passingText(pathOf(request))
  recorder.text(scheme)
  recorder.integer(isAborted && !response.headersSent ? Number.NaN : status)
  // Whoever calls writes this header: only what looks like a name and a port is taken for one.
  const [, address, port] = /^(.{1,255}?)(?::(\d{1,5}))?$/.exec(headers.host ?? '') ?? []
  recorder.passingText(address)
  recorder.integer(port === undefined ? Number.NaN : Number(port))
  recorder.passingText(socket?.remoteAddress)
  recorder.passingText(headers['user-agent'])
  recorder.text(request.httpVersion)
  const size = response.getHeader('content-length')
  recorder.integer(size === undefined ? Number.NaN : Number(size))
  recorder.text(isFailed ? String(status) : isAborted ? 'aborted' : undefined)
  recorder.end()
}

/** Without its query string, which often holds secrets. A framework may have shortened `url` on its way. */
function pathOf(request: IncomingMessage): string {
  const { originalUrl } = request as { originalUrl?: unknown }
  const url = typeof originalUrl === 'string' ? originalUrl : (request.url ?? '')
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
