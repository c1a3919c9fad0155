import { type IncomingHttpHeaders, METHODS as NODE_METHODS } from 'node:http'
import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import type { ActiveSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, PASSING_TEXT, TEXT } from '../record/attribute-schema.ts'
import { detail } from '../record/cost-budget.ts'
import { KIND_SERVER } from '../record/span-recorder.ts'
import { RepeatedText } from '../record/text-table.ts'

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
    'code.function.name': TEXT,
    'error.type': TEXT,
  },
)

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

/** Those that a server of Node reads, `SEARCH` among them: a route that took the request vouches for its method. */
const METHODS_OF_ROUTES = new Set(NODE_METHODS)

/** A request that has been answered, or whose caller went away. */
export interface AnsweredRequest {
  readonly method: string | undefined
  readonly url: string
  readonly scheme: string
  /** `Host`, or `:authority` of HTTP/2. */
  readonly host: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly clientAddress: string | undefined
  readonly protocolVersion: string
  /** NaN where none was sent. */
  readonly status: number
  readonly isAborted: boolean
  readonly bodySize: unknown
}

export function recordServerSpan(
  { recorder, requestLog }: Agent,
  span: ActiveSpan,
  request: AnsweredRequest,
): void {
  const endMs = clockMs()
  const { status, isAborted, bodySize } = request
  const route = typeof span.place === 'string' ? span.place : undefined
  const method = methodOf(request.method ?? '', route)
  const isFailed = status >= 500
  const { startMs, totals } = span
  const path = withoutQuery(request.url)
  requestLog?.note(span, path, totals.readyMs === 0 ? endMs : totals.readyMs, endMs)
  const name = route === undefined ? method : nameOf(method, route)
  const { exception, exceptionMs } = span
  // What holds the span from here on, such as a timer that the request has left behind, holds no error.
  span.exception = undefined
  span.exceptionMs ||= endMs
  if (!span.isRecorded) return
  if (!recorder.begin(SCHEMA, name, KIND_SERVER, isFailed, span, startMs, endMs)) return
  if (exception !== undefined) recorder.exception(exception, exceptionMs)
  recorder.text(method)
  recorder.text(route)
  recorder.passingText(path)
  recorder.text(request.scheme)
  recorder.integer(status)
  const host = detail.isKept ? hostOf(request.host ?? '') : NO_HOST
  recorder.passingText(host.address)
  recorder.integer(host.port)
  recorder.passingText(detail.isKept ? request.clientAddress : undefined)
  recorder.passingText(detail.isKept ? request.headers['user-agent'] : undefined)
  recorder.text(request.protocolVersion)
  recorder.integer(bodySize === undefined ? Number.NaN : Number(bodySize))
  recorder.text(span.handlerName)
  recorder.text(isFailed ? String(status) : isAborted ? 'aborted' : undefined)
  recorder.end()
}

function methodOf(method: string, route: string | undefined): string {
  if (METHODS.has(method)) return method
  return route !== undefined && METHODS_OF_ROUTES.has(method) ? method : '_OTHER'
}

/** By method, then by route. */
const names = new Map<string, Map<string, RepeatedText>>()
/** Of one method. */
const MOST_NAMES = 2_000

/** `GET /fruit/:fruit`, put together once. `method` is one of few. */
function nameOf(method: string, route: string): RepeatedText {
  let byRoute = names.get(method)
  if (byRoute === undefined) {
    byRoute = new Map()
    names.set(method, byRoute)
  }
  const known = byRoute.get(route)
  if (known !== undefined) return known
  if (byRoute.size >= MOST_NAMES) byRoute.clear()
  const name = new RepeatedText(`${method} ${route}`)
  byRoute.set(route, name)
  return name
}

interface Host {
  readonly header: string
  readonly address: string | undefined
  /** NaN for none. */
  readonly port: number
}

const NO_HOST: Host = { header: '', address: undefined, port: Number.NaN }
/** An application mostly has one. */
let lastHost = NO_HOST

/** Whoever calls writes this header: only what looks like a name and a port is taken for one. */
function hostOf(header: string): Host {
  if (lastHost.header === header) return lastHost
  const [, address, port] = /^(.{1,255}?)(?::(\d{1,5}))?$/.exec(header) ?? []
  lastHost = { header, address, port: port === undefined ? Number.NaN : Number(port) }
  return lastHost
}

/** Query strings often hold secrets. A proxy is sent the whole address: `GET http://host/path`. */
function withoutQuery(url: string): string {
  const query = url.indexOf('?')
  const path = query < 0 ? url : url.slice(0, query)
  return path.charCodeAt(0) === SLASH ? path : pathOfAddress(path)
}

/** It may have a name and a password in it. Others, such as `*`, have none. */
function pathOfAddress(address: string): string {
  const [, path] = /^https?:\/\/[^/]*(.*)/i.exec(address) ?? []
  return path === undefined ? address : path || '/'
}

const SLASH = 47
