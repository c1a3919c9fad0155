import type { BrowserOptions } from './browser-options.ts'
import {
  type BrowserEvent,
  type BrowserSpan,
  eventsBody,
  spansBody,
  type Values,
} from './otlp-json.ts'

const SEND_MS = 3_000
const MOST_WAITING = 300
const MOST_AT_ONCE = 60
/** Browsers let 64 KB of `keepalive` bodies be on their way, and refuse what is beyond. */
const MOST_KEPT_ALIVE_BYTES = 60_000

/** What is to be sent: together every few seconds, and at once when the page is left. What does not arrive is lost. */
export class Outbox {
  readonly #options: BrowserOptions
  readonly #fetch: typeof fetch
  readonly #resource: Values
  #spans: BrowserSpan[] = []
  #events: BrowserEvent[] = []
  #timer = 0
  /** Of the bodies that are on their way, whatever becomes of the page. */
  #keptAliveBytes = 0

  constructor(options: BrowserOptions) {
    this.#options = options
    this.#fetch = window.fetch.bind(window)
    this.#resource = {
      'service.name': options.serviceName ?? 'browser',
      'telemetry.sdk.name': 'perfloop',
      'telemetry.sdk.language': 'webjs',
      'user_agent.original': navigator.userAgent,
      'browser.language': navigator.language,
      ...options.resourceAttributes,
    }
  }

  addSpan(span: BrowserSpan): void {
    if (this.#spans.length < MOST_WAITING) this.#spans.push(span)
    this.#wake()
  }

  addEvent(event: BrowserEvent): void {
    if (this.#events.length < MOST_WAITING) this.#events.push(event)
    this.#wake()
  }

  #wake(): void {
    this.#timer ||= window.setTimeout(() => this.flush(), SEND_MS)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = 0
    while (this.#spans.length > 0) {
      this.#send('traces', spansBody, this.#spans.splice(0, MOST_AT_ONCE))
    }
    while (this.#events.length > 0) {
      this.#send('logs', eventsBody, this.#events.splice(0, MOST_AT_ONCE))
    }
  }

  #send<Item>(
    signal: string,
    bodyOf: (resource: Values, items: readonly Item[]) => string,
    items: readonly Item[],
  ): void {
    const body = new TextEncoder().encode(bodyOf(this.#resource, items))
    const half = items.length >> 1
    if (body.length > MOST_KEPT_ALIVE_BYTES / 2 && half > 0) {
      this.#send(signal, bodyOf, items.slice(0, half))
      this.#send(signal, bodyOf, items.slice(half))
    } else this.#post(signal, body)
  }

  #post(signal: string, body: Uint8Array<ArrayBuffer>): void {
    const { endpoint, token } = this.#options
    const url = `${endpoint.replace(/\/+$/, '')}/v1/${signal}`
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (token !== undefined) headers.authorization = `Bearer ${token}`
    const { length } = body
    const keepalive = this.#keptAliveBytes + length <= MOST_KEPT_ALIVE_BYTES
    if (keepalive) this.#keptAliveBytes += length
    this.#fetch(url, { method: 'POST', body, headers, keepalive, credentials: 'omit' })
      .catch(() => {
        // A page that is being left may start no more calls but this one, which takes no token.
        if (token === undefined && document.visibilityState === 'hidden') {
          navigator.sendBeacon?.(url, new Blob([body], { type: 'application/json' }))
        }
      })
      .then(() => {
        if (keepalive) this.#keptAliveBytes -= length
      })
  }
}
