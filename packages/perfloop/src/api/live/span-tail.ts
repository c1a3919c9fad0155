import type { LiveSpan } from '../../domain/live-span.ts'

export type SpansListener = (spans: readonly LiveSpan[]) => void

/** The receiver's live spans; undefined stops them. `entriesOnly` leaves out spans that start no measurement. */
export type WatchSpans = (
  listener: SpansListener | undefined,
  options: { readonly entriesOnly: boolean },
) => void

export interface SpanTailOptions {
  readonly watch: WatchSpans
  readonly maxSpansPerEvent: number
  /** `all`: for those who asked for every span; otherwise for those who want entry spans. */
  send(spans: readonly LiveSpan[], skipped: number, all: boolean): void
}

/**
 * Spans as they arrive, without waiting for a tick: what comes within one turn of the event loop goes out
 * together. Of a burst, the first ones are sent and the rest is counted. The receiver is watched only while
 * somebody looks, and for every span only while somebody asked for those.
 */
export class SpanTail {
  readonly #options: SpanTailOptions
  readonly #entries: Burst
  readonly #all: Burst
  #mode: 'none' | 'entries' | 'all' = 'none'
  #hasEntryWatchers = false

  constructor(options: SpanTailOptions) {
    this.#options = options
    this.#entries = new Burst(options.maxSpansPerEvent, (spans, skipped) =>
      options.send(spans, skipped, false),
    )
    this.#all = new Burst(options.maxSpansPerEvent, (spans, skipped) =>
      options.send(spans, skipped, true),
    )
  }

  follow(entries: boolean, all: boolean): void {
    this.#hasEntryWatchers = entries
    const mode = all ? 'all' : entries ? 'entries' : 'none'
    if (mode === this.#mode) return
    this.#mode = mode
    this.#options.watch(mode === 'none' ? undefined : spans => this.#hear(spans), {
      entriesOnly: mode === 'entries',
    })
  }

  #hear(spans: readonly LiveSpan[]): void {
    if (this.#mode === 'all') this.#all.add(spans)
    if (this.#hasEntryWatchers) {
      this.#entries.add(this.#mode === 'all' ? spans.filter(startsMeasurement) : spans)
    }
  }
}

function startsMeasurement(span: LiveSpan): boolean {
  return span.isEntry ?? (span.kind === 'server' || span.kind === 'consumer')
}

class Burst {
  readonly #most: number
  readonly #send: (spans: readonly LiveSpan[], skipped: number) => void
  #waiting: LiveSpan[] = []
  #skipped = 0
  #isScheduled = false

  constructor(most: number, send: (spans: readonly LiveSpan[], skipped: number) => void) {
    this.#most = most
    this.#send = send
  }

  add(spans: readonly LiveSpan[]): void {
    if (spans.length === 0) return
    const room = Math.max(0, this.#most - this.#waiting.length)
    this.#waiting.push(...spans.slice(0, room))
    this.#skipped += Math.max(0, spans.length - room)
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    const spans = this.#waiting
    const skipped = this.#skipped
    this.#waiting = []
    this.#skipped = 0
    this.#isScheduled = false
    this.#send(spans, skipped)
  }
}
