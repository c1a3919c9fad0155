import type { LiveEvent, LiveTopic } from 'perfloop/contract'
import { backoffMs } from './retry.ts'

/**
 * - `connecting`: no event yet, or not again since the connection broke.
 * - `live`: an event or heartbeat came within the last `staleAfterMs`.
 * - `stale`: connected, but silent for longer than that: what is on screen may be old.
 * - `disconnected`: the connection is broken; a new one is tried by itself.
 */
export type LiveState = 'connecting' | 'live' | 'stale' | 'disconnected'

export interface LiveStreamOptions {
  readonly url: string
  readonly topics: readonly LiveTopic[]
  /** Every span in topic `spans`, not only entry spans. */
  readonly allSpans?: boolean
  readonly onEvent: (event: LiveEvent) => void
  readonly onState: (state: LiveState) => void
  readonly staleAfterMs?: number
  /** The browser's, where left out. */
  readonly eventSource?: new (
    url: string,
  ) => LiveSource
  readonly random?: () => number
}

export interface LiveStream {
  close(): void
}

/** What is used of the browser's EventSource. */
export interface LiveSource {
  readonly readyState: number
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void
  close(): void
}

const CLOSED = 2
const RECONNECT = { baseDelayMs: 500, maxDelayMs: 10_000 }

/**
 * Keeps one server-sent event stream open. EventSource repeats a broken connection by itself but gives up on
 * an HTTP error (a restarting server, a proxy's 502); then a new one is made after a growing, jittered pause.
 * Events are handed over as they arrive, on the spot: the live tail is about latency.
 */
export function openLiveStream(options: LiveStreamOptions): LiveStream {
  const staleAfterMs = options.staleAfterMs ?? 5_000
  const Source = options.eventSource ?? globalThis.EventSource
  let source: LiveSource | undefined
  let state: LiveState | undefined
  let failures = 0
  let staleTimer: ReturnType<typeof setTimeout> | undefined
  let reconnectTimer: ReturnType<typeof setTimeout> | undefined
  connect()
  return { close }

  function connect(): void {
    become('connecting')
    const opened = new Source(options.url)
    source = opened
    opened.addEventListener('open', hear)
    opened.addEventListener('heartbeat', hear)
    for (const topic of options.topics) {
      opened.addEventListener(topic, ({ data }) => {
        hear()
        const event = parseEvent(topic, data)
        if (event !== undefined) options.onEvent(event)
      })
    }
    opened.addEventListener('error', () => {
      clearTimeout(staleTimer)
      become('disconnected')
      if (opened.readyState !== CLOSED) return
      opened.close()
      failures += 1
      const delayMs = backoffMs(failures, { ...RECONNECT, random: options.random ?? Math.random })
      reconnectTimer = setTimeout(connect, RECONNECT.baseDelayMs + delayMs)
    })
  }

  function hear(): void {
    failures = 0
    become('live')
    clearTimeout(staleTimer)
    staleTimer = setTimeout(() => become('stale'), staleAfterMs)
  }

  function become(next: LiveState): void {
    if (next === state) return
    state = next
    options.onState(next)
  }

  function close(): void {
    clearTimeout(staleTimer)
    clearTimeout(reconnectTimer)
    source?.close()
  }
}

/** The topic is the event's name; older servers need not repeat it in the data. */
function parseEvent(topic: LiveTopic, data: unknown): LiveEvent | undefined {
  if (typeof data !== 'string') return undefined
  try {
    return { ...(JSON.parse(data) as LiveEvent), topic } as LiveEvent
  } catch {
    return undefined
  }
}
