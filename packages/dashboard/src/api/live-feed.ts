import type {
  LiveEvent,
  LiveSpan,
  LiveState,
  LiveStream,
  LiveTopic,
  RuntimeInstance,
} from '@perfloop/client'
import { perfloop } from './perfloop.ts'

type RuntimeListener = (instances: readonly RuntimeInstance[]) => void
type SpanListener = (spans: readonly LiveSpan[], skipped: number) => void

const ALWAYS: readonly LiveTopic[] = ['overview', 'issues', 'optimizations', 'profiles', 'health']

/**
 * The one live stream of this page. It is opened anew when the wanted topics change: spans and runtimes are asked
 * for only while somebody looks at them.
 */
class LiveFeed {
  #stream: LiveStream | undefined
  #openTopics = ''
  #state: LiveState = 'connecting'
  #scheduled = false
  readonly #stateListeners = new Set<() => void>()
  readonly #spanListeners = new Set<SpanListener>()
  readonly #runtimeListeners = new Set<RuntimeListener>()
  readonly #eventListeners = new Set<(event: LiveEvent) => void>()

  readonly subscribeState = (listener: () => void): (() => void) => {
    this.#stateListeners.add(listener)
    return () => this.#stateListeners.delete(listener)
  }
  readonly state = (): LiveState => this.#state

  onEvent(listener: (event: LiveEvent) => void): () => void {
    this.#eventListeners.add(listener)
    this.#schedule()
    return () => this.#eventListeners.delete(listener)
  }

  onSpans(listener: SpanListener): () => void {
    this.#spanListeners.add(listener)
    this.#schedule()
    return () => {
      this.#spanListeners.delete(listener)
      this.#schedule()
    }
  }

  onRuntime(listener: RuntimeListener): () => void {
    this.#runtimeListeners.add(listener)
    this.#schedule()
    return () => {
      this.#runtimeListeners.delete(listener)
      this.#schedule()
    }
  }

  /** After the current task: pages come and go within one, and the stream should not. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setTimeout(() => {
      this.#scheduled = false
      this.#open()
    })
  }

  #open(): void {
    const topics: readonly LiveTopic[] = [
      ...ALWAYS,
      ...(this.#runtimeListeners.size > 0 ? (['runtime'] as const) : []),
      ...(this.#spanListeners.size > 0 ? (['spans'] as const) : []),
    ]
    const wanted = topics.join()
    if (wanted === this.#openTopics) return
    this.#openTopics = wanted
    this.#stream?.close()
    this.#stream = perfloop.stream({
      topics,
      onEvent: event => this.#hand(event),
      onState: state => this.#become(state),
    })
  }

  #hand(event: LiveEvent): void {
    if (event.topic === 'spans') {
      for (const listener of this.#spanListeners) listener(event.spans, event.skipped)
      return
    }
    if (event.topic === 'runtime') {
      for (const listener of this.#runtimeListeners) listener(event.instances)
      return
    }
    for (const listener of this.#eventListeners) listener(event)
  }

  #become(state: LiveState): void {
    // Changing topics reconnects for a moment; that is no news to the reader.
    if (state === 'connecting' && this.#state === 'live') return
    if (state === this.#state) return
    this.#state = state
    for (const listener of this.#stateListeners) listener()
  }
}

export const liveFeed = new LiveFeed()
