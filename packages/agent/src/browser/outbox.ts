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
/** Browsers let 64 KB of `keepalive` bodies be on their way. */
const MOST_AT_ONCE = 60

/** What is to be sent: together every few seconds, and at once when the page is left. What does not arrive is lost. */
export class Outbox {
  readonly #options: BrowserOptions
  readonly #fetch: typeof fetch
  readonly #resource: Values
  #spans: BrowserSpan[] = []
  #events: BrowserEvent[] = []
  #timer = 0

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
      this.#post('traces', spansBody(this.#resource, this.#spans.splice(0, MOST_AT_ONCE)))
    }
    while (this.#events.length > 0) {
      this.#post('logs', eventsBody(this.#resource, this.#events.splice(0, MOST_AT_ONCE)))
    }
  }

  #post(signal: string, body: string): void {
    const { endpoint, token } = this.#options
    const url = `${endpoint.replace(/\/+$/, '')}/v1/${signal}`
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (token !== undefined) headers.authorization = `Bearer ${token}`
    this.#fetch(url, {
      method: 'POST',
      body,
      headers,
      keepalive: true,
      credentials: 'omit',
    }).catch(() => {
      // A page that is being left may start no more calls but this one, which takes no token.
      if (token === undefined && document.visibilityState === 'hidden') {
        navigator.sendBeacon?.(url, new Blob([body], { type: 'application/json' }))
      }
    })
  }
}
