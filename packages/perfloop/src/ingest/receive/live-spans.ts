import type { Clock } from '../../domain/clock.ts'
import type { LiveSpan } from '../../domain/live-span.ts'

const MS_PER_SECOND = 1_000

/**
 * Passes spans on to the live tail, up to a rate: under load a person cannot read more, and copying every
 * span to the main thread would cost what the receiver needs. The allowance fills up to one second's worth.
 */
export class LiveSpans {
  readonly #perSecond: number
  readonly #clock: Clock
  readonly #pass: (spans: readonly LiveSpan[]) => void
  #allowance: number
  #filledUnixMs: number
  skipped = 0

  constructor(perSecond: number, clock: Clock, pass: (spans: readonly LiveSpan[]) => void) {
    this.#perSecond = perSecond
    this.#clock = clock
    this.#pass = pass
    this.#allowance = perSecond
    this.#filledUnixMs = clock.nowUnixMs()
  }

  onSpans(spans: readonly LiveSpan[]): void {
    const nowUnixMs = this.#clock.nowUnixMs()
    const earned = (Math.max(0, nowUnixMs - this.#filledUnixMs) / MS_PER_SECOND) * this.#perSecond
    this.#allowance = Math.min(this.#perSecond, this.#allowance + earned)
    this.#filledUnixMs = nowUnixMs

    const passed = Math.min(spans.length, Math.floor(this.#allowance))
    this.#allowance -= passed
    this.skipped += spans.length - passed
    if (passed > 0) this.#pass(passed === spans.length ? spans : spans.slice(0, passed))
  }
}
