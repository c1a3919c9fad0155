import type { BrowserOptions } from './browser-options.ts'
import { routeOf } from './browser-options.ts'
import type { Values } from './otlp-json.ts'
import type { Outbox } from './outbox.ts'

export function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), byte =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}

/** A view that still has calls under way after so long is not waited for. */
const LONGEST_MS = 10_000
/** A view is over when nothing was called for so long: what a page loads, it loads at once. */
const QUIET_MS = 200

/** A page that is being loaded, or what a single-page application shows next: calls made meanwhile belong to it. */
export class PageView {
  readonly traceId: string
  readonly spanId = randomHex(8)
  readonly path = location.pathname
  readonly #outbox: Outbox
  readonly #name: string
  readonly #parentSpanId: string
  readonly #startMs: number
  #endMs: number
  #pending = 1
  #attributes: Values = {}
  #timer = 0
  isOpen = true

  constructor(
    outbox: Outbox,
    options: BrowserOptions,
    what: string,
    startMs: number,
    caller: { readonly traceId: string; readonly spanId: string } | undefined,
  ) {
    this.#outbox = outbox
    this.#name = `${what} ${(options.route ?? routeOf)(this.path)}`
    this.traceId = caller?.traceId ?? randomHex(16)
    this.#parentSpanId = caller?.spanId ?? ''
    this.#startMs = startMs
    this.#endMs = startMs
    window.setTimeout(() => this.close(), LONGEST_MS)
  }

  begin(): void {
    this.#pending++
    clearTimeout(this.#timer)
  }

  /** One of the things that it waits for is there. */
  end(endMs: number, attributes: Values = {}): void {
    this.#endMs = Math.max(this.#endMs, endMs)
    this.#attributes = { ...this.#attributes, ...attributes }
    if (--this.#pending <= 0) this.#timer = window.setTimeout(() => this.close(), QUIET_MS)
  }

  close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#outbox.addSpan({
      traceId: this.traceId,
      spanId: this.spanId,
      parentSpanId: this.#parentSpanId,
      name: this.#name,
      kind: 1,
      startMs: this.#startMs,
      endMs: this.#endMs === this.#startMs ? performance.now() : this.#endMs,
      attributes: { 'url.path': this.path, ...this.#attributes },
    })
  }
}
