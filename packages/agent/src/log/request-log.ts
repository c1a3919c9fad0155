import { clearTimeout, setTimeout } from '../own-clock.ts'
import type { ActiveSpan } from '../record/active-span.ts'

/** Requests that are over, on their way to the thread that writes them down. */
export interface SentRequests {
  readonly type: 'requests'
  readonly routes: readonly string[]
  /** Of each: end, load, queries, database, render, total. Times in milliseconds of `performance.now()`. */
  readonly numbers: Float64Array<ArrayBuffer>
  readonly unixMsAtZero: number
}

export const NUMBERS_OF_A_REQUEST = 6
const MOST_REQUESTS = 1_024

/** Collects what a line of the performance log tells, and hands it over a few times a second. */
export class RequestLog {
  readonly #send: (routes: string[], numbers: Float64Array<ArrayBuffer>) => void
  readonly #intervalMs: number
  readonly #isByTemplate: boolean
  #routes: string[] = []
  #numbers = new Float64Array(MOST_REQUESTS * NUMBERS_OF_A_REQUEST)
  #timer: NodeJS.Timeout | undefined

  constructor(options: {
    readonly isByTemplate: boolean
    readonly intervalMs: number
    send(routes: string[], numbers: Float64Array<ArrayBuffer>): void
  }) {
    this.#send = options.send
    this.#intervalMs = options.intervalMs
    this.#isByTemplate = options.isByTemplate
  }

  note(span: ActiveSpan, path: string, readyMs: number, endMs: number): void {
    const { startMs, place, totals } = span
    const numbers = this.#numbers
    let at = this.#routes.length * NUMBERS_OF_A_REQUEST
    this.#routes.push(this.#isByTemplate && typeof place === 'string' ? place : path)
    numbers[at++] = endMs
    numbers[at++] = readyMs - startMs
    numbers[at++] = totals.statements
    numbers[at++] = totals.databaseMs
    numbers[at++] = totals.renderMs
    numbers[at] = endMs - startMs
    if (this.#routes.length >= MOST_REQUESTS) this.flush()
    else this.#timer ??= setTimeout(this.flush, this.#intervalMs).unref()
  }

  readonly flush = (): void => {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#routes.length === 0) return
    const routes = this.#routes
    const numbers = this.#numbers.slice(0, routes.length * NUMBERS_OF_A_REQUEST)
    this.#routes = []
    this.#send(routes, numbers)
  }
}
