import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { LiveSpan } from '../../domain/live-span.ts'
import type { Logger } from '../../domain/logger.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Settings } from '../../settings/settings.ts'
import type { LiveTopic } from '../contract/live.ts'
import { EventLog } from './event-log.ts'
import { LiveClient } from './live-client.ts'
import type { LiveTopicSource } from './live-topic.ts'
import { SpanTail, type WatchSpans } from './span-tail.ts'

/** What a browser is told to wait when there are too many streams. */
const FULL_RETRY_SECONDS = 10

export type ComputedTopic = Exclude<LiveTopic, 'spans'>

export interface LiveHubOptions {
  readonly sources: Readonly<Record<ComputedTopic, LiveTopicSource<unknown>>>
  readonly watchSpans: WatchSpans
  /** The first one opened a stream, or the last one left. */
  readonly onWatched?: (isWatched: boolean) => void
  readonly settings: Settings['server']
  readonly logger: Logger
}

export interface StreamRequest {
  readonly topics: ReadonlySet<LiveTopic>
  readonly allSpans: boolean
  readonly lastEventId: string | undefined
  readonly response: ServerResponse
}

interface Topic {
  readonly name: ComputedTopic
  readonly source: LiveTopicSource<unknown>
  readonly log: EventLog
  state: unknown
  hasState: boolean
  computing: Promise<void> | undefined
  computedAtMs: number
  costMs: number
}

/**
 * Pushes to all browsers. Each topic is computed once a tick for all who watch it, and only while somebody
 * does; spans do not wait for a tick. Event ids are `START-NUMBER`: a browser that lost the stream says the
 * last one it saw and gets what it missed, or a snapshot when that is no longer known or the server is
 * another one now.
 */
export class LiveHub {
  readonly #start = randomBytes(6).toString('hex')
  readonly #settings: Settings['server']
  readonly #logger: Logger
  readonly #clients = new Set<LiveClient>()
  readonly #topics: readonly Topic[]
  readonly #spans: SpanTail
  readonly #onWatched: (isWatched: boolean) => void
  #number = 0
  #tick: NodeJS.Timeout | undefined
  #dropped = 0

  constructor(options: LiveHubOptions) {
    this.#settings = options.settings
    this.#logger = options.logger
    this.#onWatched = options.onWatched ?? (() => {})
    const names: readonly ComputedTopic[] = [
      'overview',
      'issues',
      'optimizations',
      'profiles',
      'health',
      'runtime',
    ]
    this.#topics = names.map(name => ({
      name,
      source: options.sources[name],
      // Of a topic that is told whole, only the newest is worth anything.
      log: new EventLog(isWhole(name) ? 1 : options.settings.liveResumeEvents),
      state: undefined,
      hasState: false,
      computing: undefined,
      computedAtMs: Number.NEGATIVE_INFINITY,
      costMs: 0,
    }))
    this.#spans = new SpanTail({
      watch: options.watchSpans,
      maxSpansPerEvent: options.settings.liveSpansPerEvent,
      send: (spans, skipped, all) => this.#sendSpans(spans, skipped, all),
    })
  }

  get clients(): number {
    return this.#clients.size
  }

  /** Events that slow readers did not get. */
  get dropped(): number {
    return this.#dropped
  }

  /** To be asked before the response's head is written: afterwards nothing can be refused. */
  requireRoom(): void {
    if (this.#clients.size < this.#settings.liveMaxClients) return
    throw new PerfloopError('TOO_MANY_ATTEMPTS', {
      streams: this.#clients.size,
      retry_after_seconds: FULL_RETRY_SECONDS,
    })
  }

  /** Serves one browser until it goes away. The response's head has been written. */
  async open(request: StreamRequest): Promise<void> {
    const client = new LiveClient({
      topics: request.topics,
      allSpans: request.allSpans,
      response: request.response,
      maxBufferedBytes: this.#settings.liveClientBufferBytes,
      onDrained: drained => this.#sendSnapshots(drained),
    })
    this.#clients.add(client)
    if (this.#clients.size === 1) this.#onWatched(true)
    request.response.on('close', () => this.#remove(client))
    // A response that waits behind another one on its connection (pipelining) is not told when that closes.
    request.response.req.socket.once('close', () => this.#remove(client))
    client.send(`retry: ${this.#settings.liveIntervalMs}\n\n`, performance.now())
    this.#followSpans()
    this.#tick ??= setInterval(() => this.#onTick(), this.#settings.liveIntervalMs)

    const seen = this.#readId(request.lastEventId)
    await Promise.all(
      this.#topics
        .filter(topic => request.topics.has(topic.name))
        .map(topic => this.#catchUp(client, topic, seen)),
    )
  }

  /** Somebody changed something: the others who look at it should not wait for the next tick. */
  refresh(): void {
    for (const topic of this.#topics) {
      if (isWhole(topic.name) || !this.#isWatched(topic)) continue
      // A computation that is under way may have read what was before.
      void (topic.computing ?? Promise.resolve()).then(() => this.#compute(topic))
    }
  }

  /** Ends every stream; browsers come back by themselves. */
  close(): void {
    clearInterval(this.#tick)
    this.#tick = undefined
    for (const client of this.#clients) client.end()
    this.#clients.clear()
    this.#followSpans()
  }

  #remove(client: LiveClient): void {
    this.#clients.delete(client)
    this.#followSpans()
    if (this.#clients.size > 0) return
    this.#onWatched(false)
    clearInterval(this.#tick)
    this.#tick = undefined
  }

  #followSpans(): void {
    const watching = [...this.#clients].filter(client => client.topics.has('spans'))
    this.#spans.follow(
      watching.some(client => !client.allSpans),
      watching.some(client => client.allSpans),
    )
  }

  /** Brings one browser up to date in one topic: what it missed, or a snapshot. */
  async #catchUp(client: LiveClient, topic: Topic, seen: number | undefined): Promise<void> {
    const missed = seen === undefined ? undefined : topic.log.after(seen)
    if (missed !== undefined && topic.hasState) {
      for (const event of isWhole(topic.name) ? missed.slice(-1) : missed) {
        this.#send(client, event.frame)
      }
      client.caughtUp.add(topic.name)
      await this.#compute(topic)
      return
    }
    await this.#compute(topic)
    if (this.#clients.has(client)) this.#sendSnapshot(client, topic)
  }

  #onTick(): void {
    const nowMs = performance.now()
    for (const topic of this.#topics) {
      if (!this.#isWatched(topic)) continue
      // A costly topic is computed less often, so that a dashboard left open stays cheap.
      const restMs = topic.costMs / Math.max(this.#settings.liveMaxLoad, Number.EPSILON)
      if (nowMs - topic.computedAtMs >= restMs) void this.#compute(topic)
    }
    for (const client of this.#clients) client.sendHeartbeat(nowMs, this.#settings.liveHeartbeatMs)
  }

  #isWatched(topic: Topic): boolean {
    return [...this.#clients].some(client => client.topics.has(topic.name))
  }

  /** One computation at a time and topic; whoever asks meanwhile waits for the same one. */
  #compute(topic: Topic): Promise<void> {
    topic.computing ??= this.#computeNow(topic).finally(() => {
      topic.computing = undefined
    })
    return topic.computing
  }

  async #computeNow(topic: Topic): Promise<void> {
    const startedMs = performance.now()
    try {
      const state = await topic.source.compute()
      const change = topic.hasState ? topic.source.change(topic.state, state) : undefined
      topic.state = state
      topic.hasState = true
      if (change === undefined) return
      const event = this.#toEvent(topic.name, change)
      topic.log.append(event)
      for (const client of this.#clients) {
        if (client.caughtUp.has(topic.name)) this.#send(client, event.frame)
      }
    } catch (error) {
      this.#logger.warn({ error, topic: topic.name }, 'a live topic could not be computed')
    } finally {
      topic.computedAtMs = performance.now()
      topic.costMs = topic.computedAtMs - startedMs
    }
  }

  #sendSnapshots(client: LiveClient): void {
    for (const topic of this.#topics) {
      if (client.topics.has(topic.name)) this.#sendSnapshot(client, topic)
    }
  }

  #sendSnapshot(client: LiveClient, topic: Topic): void {
    if (!topic.hasState) return
    client.caughtUp.add(topic.name)
    this.#send(client, this.#toEvent(topic.name, topic.source.snapshot(topic.state)).frame)
  }

  #sendSpans(spans: readonly LiveSpan[], skipped: number, all: boolean): void {
    const { frame } = this.#toEvent('spans', { spans: spans.map(toContract), skipped })
    for (const client of this.#clients) {
      if (client.topics.has('spans') && client.allSpans === all) this.#send(client, frame)
    }
  }

  #send(client: LiveClient, frame: string): void {
    if (!client.send(frame, performance.now())) this.#dropped += 1
  }

  #toEvent(topic: LiveTopic, body: object): { number: number; frame: string } {
    this.#number += 1
    const data = JSON.stringify({ topic, ...body })
    return {
      number: this.#number,
      frame: `id: ${this.#start}-${this.#number}\nevent: ${topic}\ndata: ${data}\n\n`,
    }
  }

  #readId(id: string | undefined): number | undefined {
    const [start, number] = (id ?? '').split('-')
    return start === this.#start && /^\d+$/.test(number ?? '') ? Number(number) : undefined
  }
}

function isWhole(topic: ComputedTopic): boolean {
  return topic === 'overview' || topic === 'health' || topic === 'runtime'
}

function toContract(span: LiveSpan): object {
  return {
    trace_id: span.traceId,
    span_id: span.spanId,
    environment: span.environment,
    service: span.service,
    operation: span.operation,
    kind: span.kind,
    category: span.category,
    failed: span.failed,
    duration_ns: span.durationNs,
    received_unix_ms: span.receivedUnixMs,
  }
}
