import http, {
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http'
import https from 'node:https'
import type { Agent } from '../agent.ts'
import { noteRoute, spanOfRequest } from '../instrument/request-span.ts'
import { wrapMethod } from '../instrument/wrap-method.ts'
import { clockMs } from '../own-clock.ts'

const NAME = 'response_cache.ttl'
const MOST_ENTRIES = 1_000
const MOST_BYTES = 8 * 1024 * 1024
const MOST_BODY_BYTES = 256 * 1024
/** What an answer may depend on without it being anybody's own: part of the key. */
const KEY_HEADERS = [
  'host',
  'accept',
  'accept-encoding',
  'accept-language',
  'origin',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-proto',
] as const
/**
 * What says nothing of who asks, or for what. With any other header, such as `Authorization`, `Cookie`, `X-API-Key` or
 * `Range`, a request may be answered for its sender only, or in part: it is not answered from here, and neither is its
 * answer kept.
 */
const HARMLESS_HEADERS = new Set<string>([
  ...KEY_HEADERS,
  ...(
    'accept-charset b3 baggage cache-control cdn-loop cf-connecting-ip cf-ray cf-visitor connection dnt forwarded ' +
    'keep-alive pragma priority referer save-data sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest ' +
    'sec-fetch-mode sec-fetch-site sec-fetch-user sec-gpc te traceparent tracestate upgrade-insecure-requests ' +
    'user-agent via x-amzn-trace-id x-cloud-trace-context x-correlation-id x-forwarded-for x-real-ip x-request-id'
  ).split(' '),
])
/** Of one exchange, and not of what it was about. */
const PASSING_HEADERS = new Set([
  'date',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'server-timing',
  'age',
])

interface Kept {
  readonly headers: OutgoingHttpHeaders
  readonly body: Buffer
  readonly route: unknown
  readonly keptMs: number
  /** How long the application itself lets others keep it. */
  readonly freshMs: number
}

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean

/**
 * Answers requests again as they were answered, for as long as the knob says; off until somebody turns it. Only what
 * the host has listed by path, only GET with no header that is not known to be harmless, only 200 without cookies that
 * neither `Cache-Control` nor `Vary` makes anybody's own. It stands between the agent's own trace and the application,
 * so that what it answers is seen as a request.
 */
export function offerResponseCache(agent: Agent, paths: readonly string[]): void {
  if (!agent.knobs.isEnabled(NAME) || paths.length === 0) return
  const cache = new ResponseCache(agent, paths)
  agent.knobs.offer({
    name: NAME,
    unit: 'ms',
    description: `How long answers are given again under ${paths.join(', ')}; 0 for never`,
    read: () => cache.ttlMs,
    apply: value => cache.keepFor(value),
  })
  agent.metrics.observe(
    'counter',
    { name: 'perfloop.response_cache.answers', unit: '{request}' },
    observe => {
      observe(cache.hits, { outcome: 'hit' })
      observe(cache.misses, { outcome: 'miss' })
    },
  )
  for (const prototype of [http.Server.prototype, https.Server.prototype]) cache.stand(prototype)
}

class ResponseCache {
  readonly #agent: Agent
  readonly #paths: readonly string[]
  /** The least recently used first. */
  readonly #kept = new Map<string, Kept>()
  readonly #watched = new WeakSet<ServerResponse>()
  #bytes = 0
  ttlMs = 0
  hits = 0
  misses = 0

  constructor(agent: Agent, paths: readonly string[]) {
    this.#agent = agent
    this.#paths = paths
  }

  keepFor(ttlMs: number): void {
    this.ttlMs = ttlMs
    if (ttlMs > 0) return
    this.#kept.clear()
    this.#bytes = 0
  }

  stand(prototype: { emit: unknown }): void {
    const emit = prototype.emit as Emit
    const cache = this
    const cached: Emit = function (event, ...args) {
      if (event !== 'request' || cache.ttlMs === 0) return emit.call(this, event, ...args)
      const [request, response] = args as [IncomingMessage, ServerResponse]
      if (cache.#take(request, response)) return true
      return emit.call(this, event, ...args)
    }
    wrapMethod(prototype, 'emit', () => cached)
  }

  /** True when it has answered. */
  #take(request: IncomingMessage, response: ServerResponse): boolean {
    try {
      const key = this.#keyOf(request)
      // A server that hands its request on to another one.
      if (key === undefined || this.#watched.has(response)) return false
      this.#watched.add(response)
      const kept = this.#find(key)
      if (kept === undefined) {
        this.misses++
        this.#keepAnswer(key, request, response)
        return false
      }
      this.hits++
      return answer(request, response, kept)
    } catch (error) {
      this.#agent.report('answering from the cache', error)
      return response.headersSent
    }
  }

  #keyOf({ method, url = '', headers, socket }: IncomingMessage): string | undefined {
    if (method !== 'GET') return undefined
    for (const name in headers) if (!HARMLESS_HEADERS.has(name)) return undefined
    const { pragma, 'cache-control': wanted } = headers
    if (/no-cache|no-store|max-age=0\b/i.test(`${wanted},${pragma}`)) return undefined
    const query = url.indexOf('?')
    const path = query < 0 ? url : url.slice(0, query)
    if (!this.#paths.some(listed => path === listed || path.startsWith(withSlash(listed)))) {
      return undefined
    }
    const { encrypted } = socket as { readonly encrypted?: true }
    return JSON.stringify([encrypted, url, ...KEY_HEADERS.map(name => headers[name] ?? '')])
  }

  #find(key: string): Kept | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    this.#forget(key, kept)
    if (clockMs() - kept.keptMs >= Math.min(this.ttlMs, kept.freshMs)) return undefined
    this.#kept.set(key, kept)
    this.#bytes += kept.body.length
    return kept
  }

  #forget(key: string, kept: Kept): void {
    this.#kept.delete(key)
    this.#bytes -= kept.body.length
  }

  #add(key: string, kept: Kept): void {
    const before = this.#kept.get(key)
    if (before !== undefined) this.#forget(key, before)
    this.#kept.set(key, kept)
    this.#bytes += kept.body.length
    for (const [oldest, old] of this.#kept) {
      if (this.#kept.size <= MOST_ENTRIES && this.#bytes <= MOST_BYTES) return
      this.#forget(oldest, old)
    }
  }

  /** Looks on while the application answers. */
  #keepAnswer(key: string, request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    let bytes = 0
    let isKept = true
    let written: OutgoingHttpHeaders = {}
    const note = (chunk: unknown, encoding: unknown) => {
      if (!isKept || chunk === undefined || chunk === null || typeof chunk === 'function') return
      try {
        const copy =
          typeof chunk === 'string'
            ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as 'utf8') : 'utf8')
            : Buffer.from(chunk as Uint8Array)
        bytes += copy.length
        chunks.push(copy)
      } catch {
        isKept = false
      }
      if (bytes > MOST_BODY_BYTES) isKept = false
      if (!isKept) chunks.length = 0
    }
    const { write, end, writeHead } = response
    const notingWrite = function (this: ServerResponse, ...args: unknown[]) {
      note(args[0], args[1])
      return Reflect.apply(write, this, args)
    } as typeof write
    const notingEnd = function (this: ServerResponse, ...args: unknown[]) {
      note(args[0], args[1])
      return Reflect.apply(end, this, args)
    } as typeof end
    const notingHead = function (this: ServerResponse, ...args: unknown[]) {
      const headers = args.find(arg => typeof arg === 'object' && arg !== null)
      // Headers in a list are told nowhere else, and seldom used.
      if (Array.isArray(headers)) isKept = false
      else written = { ...written, ...headers }
      return Reflect.apply(writeHead, this, args)
    } as typeof writeHead
    response.write = notingWrite
    response.end = notingEnd
    response.writeHead = notingHead
    response.once('finish', () => {
      try {
        if (!isKept || this.ttlMs === 0 || response.statusCode !== 200) return
        const headers = plainHeaders({ ...response.getHeaders(), ...written })
        if (headers === undefined) return
        const route = spanOfRequest(request)?.place
        const body = Buffer.concat(chunks)
        const freshMs = freshMsOf(headers['cache-control'])
        this.#add(key, { headers, body, route, keptMs: clockMs(), freshMs })
      } catch (error) {
        this.#agent.report('keeping an answer', error)
      }
    })
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { headers, body, route, keptMs }: Kept,
): true {
  if (typeof route === 'string') noteRoute(request, route)
  const ageS = Math.floor((clockMs() - keptMs) / 1_000)
  response.writeHead(200, { ...headers, age: String(ageS), 'content-length': body.length })
  response.end(body)
  return true
}

/** https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1 */
function freshMsOf(cacheControl: unknown): number {
  const value = String(cacheControl)
  const seconds = /s-maxage="?(\d+)/i.exec(value) ?? /max-age="?(\d+)/i.exec(value)
  return seconds === null ? Number.POSITIVE_INFINITY : Number(seconds[1]) * 1_000
}

/** Undefined for an answer that is somebody's own, or is said not to be kept. */
function plainHeaders(headers: OutgoingHttpHeaders): OutgoingHttpHeaders | undefined {
  const plain: OutgoingHttpHeaders = {}
  for (const [given, value] of Object.entries(headers)) {
    const name = given.toLowerCase()
    if (name === 'set-cookie') return undefined
    if (name === 'cache-control' && /private|no-store|no-cache/i.test(String(value))) {
      return undefined
    }
    if (name === 'pragma' && /no-cache/i.test(String(value))) return undefined
    if (name === 'vary' && !isVaryKnown(String(value))) return undefined
    if (name === 'trailer') return undefined
    if (!PASSING_HEADERS.has(name)) plain[name] = value
  }
  return plain
}

function isVaryKnown(vary: string): boolean {
  return vary.split(',').every(part => KEY_HEADERS.some(name => name === part.trim().toLowerCase()))
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}
