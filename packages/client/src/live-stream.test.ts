import type { LiveEvent } from 'perfloop/contract'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type LiveSource, type LiveState, openLiveStream } from './live-stream.ts'

class ScriptedSource implements LiveSource {
  static opened: ScriptedSource[] = []
  readyState = 0
  readonly #listeners = new Map<string, ((event: { data?: unknown }) => void)[]>()
  readonly url: string

  constructor(url: string) {
    this.url = url
    ScriptedSource.opened.push(this)
  }
  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }
  emit(type: string, data?: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ data })
  }
  break(readyState: number): void {
    this.readyState = readyState
    this.emit('error')
  }
  close(): void {
    this.readyState = 2
  }
}

describe('the live stream', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    ScriptedSource.opened = []
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('hands events over at once and is live', () => {
    const { events, states } = open()
    latest().emit('open')
    latest().emit('spans', JSON.stringify({ spans: [], skipped: 2 }))
    expect(states).toEqual(['connecting', 'live'])
    expect(events).toEqual([{ topic: 'spans', spans: [], skipped: 2 }])
  })

  it('is stale after five seconds of silence and live again with the next heartbeat', () => {
    const { states } = open()
    latest().emit('open')
    vi.advanceTimersByTime(4_999)
    expect(states.at(-1)).toBe('live')
    vi.advanceTimersByTime(1)
    expect(states.at(-1)).toBe('stale')
    latest().emit('heartbeat')
    expect(states.at(-1)).toBe('live')
  })

  it('leaves a broken connection to EventSource as long as that tries by itself', () => {
    const { states } = open()
    latest().break(0)
    vi.advanceTimersByTime(60_000)
    expect(states.at(-1)).toBe('disconnected')
    expect(ScriptedSource.opened).toHaveLength(1)
  })

  it('connects anew when EventSource has given up, later each time', () => {
    open()
    latest().break(2)
    vi.advanceTimersByTime(1_000)
    expect(ScriptedSource.opened).toHaveLength(2)
    latest().break(2)
    vi.advanceTimersByTime(1_000)
    expect(ScriptedSource.opened).toHaveLength(2)
    vi.advanceTimersByTime(500)
    expect(ScriptedSource.opened).toHaveLength(3)
  })

  it('skips an event that is not JSON', () => {
    const { events } = open()
    latest().emit('spans', '{')
    expect(events).toEqual([])
  })

  it('does nothing any more after close', () => {
    const { stream, states } = open()
    latest().break(2)
    stream.close()
    vi.advanceTimersByTime(60_000)
    expect(ScriptedSource.opened).toHaveLength(1)
    expect(states.at(-1)).toBe('disconnected')
  })
})

function open(): {
  events: LiveEvent[]
  states: LiveState[]
  stream: ReturnType<typeof openLiveStream>
} {
  const events: LiveEvent[] = []
  const states: LiveState[] = []
  const stream = openLiveStream({
    url: '/api/v1/stream',
    topics: ['spans'],
    eventSource: ScriptedSource,
    random: () => 1,
    onEvent: event => events.push(event),
    onState: state => states.push(state),
  })
  return { events, states, stream }
}

function latest(): ScriptedSource {
  const source = ScriptedSource.opened.at(-1)
  if (source === undefined) throw new Error('no connection was opened')
  return source
}
