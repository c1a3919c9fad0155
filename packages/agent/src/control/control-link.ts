import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import type { Declarations } from '../declare/declarations.ts'
import { type Connection, connectionTo } from '../export/connection.ts'
import { clearTimeout, clockMs, setTimeout } from '../own-clock.ts'
import { OWN_PACKAGE } from '../own-place.ts'
import type {
  ControlMessage,
  ControlNews,
  ServerSettings,
  TakenProfile,
} from './control-message.ts'
import type { ControlTarget } from './control-target.ts'

const WAIT_S = 25
/** A server that has news is asked again at once, but not without end: it may answer without waiting for any. */
const SHORTEST_ASK_MS = 100
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 30_000
/** Whoever is no Perfloop is asked again, but hardly ever: it may become one. */
const STRANGER_RETRY_MS = 10 * 60_000
const MOST_ANSWER_BYTES = 256 * 1024
const MOST_WAITING_PROFILES = 4
const PROTOCOL = 1
/** Statuses of a Perfloop that wants something else or more time, not of a stranger. */
const FAMILIAR = new Set([401, 409, 429, 500, 502, 503, 504])

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/**
 * Speaks with `/agent/v1` of the server, on the exporting thread: reports the agent, what it declared and its profiles,
 * and asks for settings by a request that the server answers when there is news. Where there is no Perfloop it asks
 * every ten minutes only; where there is no server, less and less often.
 */
export class ControlLink {
  readonly #target: ControlTarget
  readonly #tell: (news: ControlNews) => void
  readonly #connection: Connection
  #report: Extract<ControlMessage, { type: 'report' }> | undefined
  #declarations: Declarations | undefined
  readonly #profiles: TakenProfile[] = []
  #isReported = false
  #areDeclared = false
  /** As the server calls us. */
  #id = ''
  #etag = ''
  #isRunning = false
  /** The server is away, or is none of ours: nothing is sent until it is time to try again. */
  #isResting = false
  #retryMs = FIRST_RETRY_MS
  /** One push after the other. */
  #pushing: Promise<void> = Promise.resolve()

  constructor(target: ControlTarget, tell: (news: ControlNews) => void) {
    this.#target = target
    this.#tell = tell
    // One that waits for news, one for everything else.
    this.#connection = connectionTo(new URL(target.url), 2, target.certificates)
  }

  say(message: ControlMessage): void {
    if (message.type === 'report') {
      this.#report = message
      this.#isReported = false
    } else if (message.type === 'declarations') {
      this.#declarations = message.declarations
      this.#areDeclared = false
    } else if (this.#profiles.length < MOST_WAITING_PROFILES) this.#profiles.push(message)
    if (!this.#isRunning) void this.#run()
    else if (!this.#isResting) this.#push().catch(() => {})
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (;;) {
      let waitMs = 0
      try {
        await this.#push()
        // What was said meanwhile may have failed.
        if (this.#isResting) throw new Error('nothing could be told')
        const askedMs = clockMs()
        const restMs = Math.max(SHORTEST_ASK_MS, await this.#ask())
        const leftMs = restMs - (clockMs() - askedMs)
        if (leftMs > 0) await new Promise(resolve => setTimeout(resolve, leftMs))
        this.#retryMs = FIRST_RETRY_MS
      } catch (error) {
        waitMs =
          error instanceof Stranger ? STRANGER_RETRY_MS : this.#retryMs * (0.5 + Math.random() / 2)
        this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS)
      }
      this.#isResting = waitMs > 0
      if (waitMs > 0) await new Promise(resolve => setTimeout(resolve, waitMs))
      this.#isResting = false
    }
  }

  /** What the server does not know yet. */
  #push(): Promise<void> {
    const next = this.#pushing.catch(() => {}).then(() => this.#pushNow())
    this.#pushing = next
    return next
  }

  async #pushNow(): Promise<void> {
    const report = this.#report
    if (report === undefined || this.#isResting) return
    if (!this.#isReported) {
      this.#isReported = true
      const { agent } = await this.#post('/report', this.#reportBody(report), () => {
        this.#isReported = false
      })
      if (typeof agent !== 'string') throw new Stranger()
      this.#id = agent
    }
    const declared = this.#declarations
    if (declared !== undefined && !this.#areDeclared) {
      this.#areDeclared = true
      const { routes, models, omitted } = declared
      await this.#post(`/declarations?agent=${this.#id}`, { routes, models, omitted }, () => {
        this.#areDeclared = false
      })
    }
    for (let profile = this.#profiles[0]; profile !== undefined; profile = this.#profiles[0]) {
      await this.#pushProfile(profile)
      this.#profiles.shift()
    }
  }

  #reportBody({ knobs, frameworks }: Extract<ControlMessage, { type: 'report' }>): object {
    const { identity } = this.#target
    const { service, environment, instance, host, processId, startedAt } = identity
    return {
      protocol: PROTOCOL,
      service,
      ...(environment === undefined ? {} : { environment }),
      instance,
      agent_version: ownVersion(),
      runtime: { name: 'nodejs', version: process.versions.node },
      host,
      process_id: processId,
      started_at: startedAt,
      frameworks,
      knobs,
    }
  }

  /** Refused ones are dropped: no try will help. */
  async #pushProfile({ request, kind, durationMs, pprof, failure }: TakenProfile): Promise<void> {
    const query = new URLSearchParams({
      agent: this.#id,
      kind,
      duration_ms: String(Math.round(durationMs)),
      ...(request === undefined ? {} : { request }),
      ...(failure === undefined ? {} : { failure: failure.slice(0, 500) }),
    })
    const { status } = await this.#exchange('POST', `/profiles?${query}`, {
      type: 'application/octet-stream',
      body: Buffer.from(pprof ?? []),
    })
    if (status >= 500) throw new Error(`answered ${status}`)
  }

  /** Waits for news. How long to rest before the next time, where the server has no room for one that waits. */
  async #ask(): Promise<number> {
    const answer = await this.#exchange('GET', `/settings?agent=${this.#id}`, undefined, {
      prefer: `wait=${WAIT_S}`,
      ...(this.#etag === '' ? {} : { 'if-none-match': this.#etag }),
    })
    const restS = Number(answer.headers['retry-after'] ?? 0) || 0
    const restMs = Math.min(restS * 1_000, LONGEST_RETRY_MS)
    if (answer.status === 304) {
      this.#tell({ type: 'renewed' })
      return restMs
    }
    if (answer.status === 409) {
      // A server that has forgotten us, or another one.
      this.#isReported = false
      this.#areDeclared = false
      this.#etag = ''
    }
    const settings = readSettings(judge(answer))
    this.#etag = answer.headers.etag ?? ''
    this.#tell({ type: 'settings', settings })
    return restMs
  }

  async #post(
    path: string,
    content: object,
    onFailure: () => void,
  ): Promise<Record<string, unknown>> {
    try {
      const text = Buffer.from(JSON.stringify(content))
      const isLong = text.length > LONGEST_PLAIN_BYTES
      const body = isLong ? process.getBuiltinModule('node:zlib').gzipSync(text) : text
      const sent = { type: 'application/json', body }
      return judge(await this.#exchange('POST', path, sent, isLong ? GZIP : {}))
    } catch (error) {
      this.#isResting = true
      onFailure()
      throw error
    }
  }

  #exchange(
    method: 'GET' | 'POST',
    path: string,
    sent: { readonly type: string; readonly body: Buffer } | undefined,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const { url, timeoutMs } = this.#target
    const patienceMs = timeoutMs + (method === 'GET' ? WAIT_S * 1_000 : 0)
    return new Promise((resolve, reject) => {
      const { agent, request: send } = this.#connection
      const request = send(`${url}${path}`, {
        method,
        agent,
        headers: {
          ...this.#target.headers,
          ...headers,
          ...(sent === undefined
            ? {}
            : { 'content-type': sent.type, 'content-length': sent.body.length }),
        },
      })
      const timer = setTimeout(() => request.destroy(new Error('no answer')), patienceMs)
      request.on('close', () => clearTimeout(timer))
      request.on('error', reject)
      request.on('response', response => {
        const chunks: Buffer[] = []
        let received = 0
        response.on('data', (chunk: Buffer) => {
          received += chunk.length
          if (received > MOST_ANSWER_BYTES) request.destroy(new Error('an answer without end'))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        )
      })
      request.end(sent?.body)
    })
  }
}

function ownVersion(): string {
  try {
    const text = readFileSync(OWN_PACKAGE, 'utf8')
    return String((JSON.parse(text) as { version?: unknown }).version ?? '')
  } catch {
    return ''
  }
}

/** To compress takes memory of its own, for the life of the process: worth it for a long list of routes. */
const LONGEST_PLAIN_BYTES = 16 * 1024
const GZIP = { 'content-encoding': 'gzip' }

/** Whoever answers here is no Perfloop, or none that speaks with agents. */
class Stranger extends Error {}

function judge({ status, body }: Answer): Record<string, unknown> {
  if (FAMILIAR.has(status)) throw new Error(`answered ${status}`)
  if (status !== 200) throw new Stranger()
  try {
    const read: unknown = JSON.parse(body)
    if (typeof read === 'object' && read !== null) return read as Record<string, unknown>
  } catch {
    // No JSON: below.
  }
  throw new Stranger()
}

/** Whatever came, bounded: nonsense is as if it had not been said. */
function readSettings(answer: Record<string, unknown>): ServerSettings {
  const leaseMs = numberOf(answer.lease_ms, 1_000, LONGEST_LEASE_MS)
  const flushIntervalMs = numberOf(answer.flush_interval_ms, SHORTEST_FLUSH_MS, 60_000)
  if (leaseMs === undefined || flushIntervalMs === undefined) throw new Stranger()
  return {
    watched: answer.watched === true,
    flushIntervalMs,
    leaseMs,
    samplingProbability: numberOf(answer.sampling_probability, 0, 1) ?? 1,
    maxQueuedBytes: numberOf(answer.max_queued_bytes, 0, MOST_QUEUED_BYTES) ?? MOST_QUEUED_BYTES,
    resultHashes: answer.result_hashes === true,
    knobs: itemsOf(answer.knobs).flatMap(({ name, value }) =>
      typeof name === 'string' && typeof value === 'number' && Number.isFinite(value)
        ? [{ name, value }]
        : [],
    ),
    profiles: itemsOf(answer.profiles).flatMap(({ id, kind, duration_ms }) => {
      const durationMs = numberOf(duration_ms, 1, LONGEST_PROFILE_MS)
      return typeof id === 'string' &&
        (kind === 'cpu' || kind === 'heap') &&
        durationMs !== undefined
        ? [{ id, kind, durationMs }]
        : []
    }),
  }
}

/** What the agent holds back at most, whatever it is told. */
const MOST_QUEUED_BYTES = 64 * 1024 * 1024
const LONGEST_LEASE_MS = 10 * 60_000
/** What a host may set itself. */
const SHORTEST_FLUSH_MS = 10
const LONGEST_PROFILE_MS = 10 * 60_000
const MOST_ITEMS = 100

function itemsOf(value: unknown): readonly Record<string, unknown>[] {
  if (!Array.isArray(value)) return []
  return value
    .slice(0, MOST_ITEMS)
    .filter((item): item is Record<string, unknown> => typeof item === 'object' && item !== null)
}

function numberOf(value: unknown, least: number, most: number): number | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  return Math.min(most, Math.max(least, value))
}
