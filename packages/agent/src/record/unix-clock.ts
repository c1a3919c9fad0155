import { clockMs, timeOrigin, unixMs } from '../own-clock.ts'

/** `Date.now()` is a whole number of milliseconds: less than this apart, both clocks tell the same time. */
const JUMP_MS = 10
/** Readings that took longer had something between them, and tell nothing. */
const LONGEST_READING_MS = 1

/**
 * The Unix time at zero of `performance.now()`: one for the life of the process, so that spans of one trace stand in
 * order whatever batch they are in, until the clock of the machine is set.
 */
export class UnixClock {
  #unixMsAtZero: number
  readonly #wallMs: () => number

  constructor(wallMs = unixMs) {
    this.#wallMs = wallMs
    this.#unixMsAtZero = timeOrigin
  }

  unixMsAtZero(): number {
    const before = clockMs()
    const wallMs = this.#wallMs()
    const after = clockMs()
    if (after - before > LONGEST_READING_MS) return this.#unixMsAtZero
    const now = wallMs - before
    if (Math.abs(now - this.#unixMsAtZero) > JUMP_MS) this.#unixMsAtZero = now
    return this.#unixMsAtZero
  }
}
