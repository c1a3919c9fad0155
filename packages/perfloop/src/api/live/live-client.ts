import type { ServerResponse } from 'node:http'
import type { LiveTopic } from '../contract/live.ts'

/** One open stream. It never holds more than its limit for a slow reader: what does not fit is dropped. */
export class LiveClient {
  readonly topics: ReadonlySet<LiveTopic>
  readonly allSpans: boolean
  /** Topics whose snapshot (or what was missed) has been sent: changes mean something only after it. */
  readonly caughtUp = new Set<LiveTopic>()
  readonly #response: ServerResponse
  readonly #maxBufferedBytes: number
  readonly #onDrained: (client: LiveClient) => void
  #isBehind = false
  #lastWriteMs = 0

  constructor(options: {
    readonly topics: ReadonlySet<LiveTopic>
    readonly allSpans: boolean
    readonly response: ServerResponse
    readonly maxBufferedBytes: number
    /** A reader that was behind has caught up: it needs new snapshots. */
    readonly onDrained: (client: LiveClient) => void
  }) {
    this.topics = options.topics
    this.allSpans = options.allSpans
    this.#response = options.response
    this.#maxBufferedBytes = options.maxBufferedBytes
    this.#onDrained = options.onDrained
    options.response.on('drain', () => {
      if (!this.#isBehind) return
      this.#isBehind = false
      this.#onDrained(this)
    })
  }

  /** False when the reader is behind and the frame was dropped. */
  send(frame: string, nowMs: number): boolean {
    if (this.#isBehind || this.#response.destroyed) return false
    const hasRoom = this.#response.write(frame)
    this.#lastWriteMs = nowMs
    if (!hasRoom && this.#response.writableLength > this.#maxBufferedBytes) this.#isBehind = true
    return true
  }

  /** Keeps an idle stream visibly alive, and finds out that a peer is gone. */
  sendHeartbeat(nowMs: number, afterMs: number): void {
    if (nowMs - this.#lastWriteMs >= afterMs) this.send('event: heartbeat\ndata: {}\n\n', nowMs)
  }

  end(): void {
    this.#response.end()
  }
}
