import { clockMs } from '../own-clock.ts'
import { headSampling } from './head-sampling.ts'

/** One span in so many is timed. */
const SAMPLED_SPANS = 64
const EVALUATE_MS = 1_000
/** What a span takes longer is the system's: the thread was not running. */
const LONGEST_SPAN_MS = 0.05
/** Detail comes back when the cost has stayed below half the budget for so long. */
const CALM_EVALUATIONS = 10
/** After the details, traces are left out: a half, three quarters, … */
const MOST_HALVINGS = 6

/** Whether new lines of code, and who the client was, are recorded. */
export const detail = { isKept: true }

/**
 * How much of the main thread recording takes, by timing some of it, and what is left out when that is more than the
 * budget. In this order: 1. new lines of code, and who the client was; 2. to 7. half of the traces that begin here,
 * and half of those again. Counts stay right, since spans tell their probability. What is timed is the agent's own code;
 * what Node's contexts cost beneath it is not.
 */
export class CostBudget {
  readonly #share: number
  readonly #tell: (what: string) => void
  /** Milliseconds of the main thread since the last evaluation. */
  #spentMs = 0
  #sinceMs: number
  #calm = 0
  #spans = 0
  #beganMs = Number.NaN
  level = 0
  /** Milliseconds in all, and the share of the main thread when it was last looked at. */
  spentInAllMs = 0
  lastShare = 0

  /** `share` of the main thread, 0 to 1. */
  constructor(share: number, tell: (what: string) => void, nowMs = clockMs()) {
    this.#share = share
    this.#tell = tell
    this.#sinceMs = nowMs
  }

  spanBegins(): void {
    if (this.#spans++ % SAMPLED_SPANS === 0) this.#beganMs = clockMs()
  }

  spanEnds(): void {
    if (Number.isNaN(this.#beganMs)) return
    this.spend(Math.min(LONGEST_SPAN_MS, clockMs() - this.#beganMs) * SAMPLED_SPANS)
    this.#beganMs = Number.NaN
  }

  /** Of what is seldom and always timed. */
  spend(ms: number): void {
    this.#spentMs += ms
    this.spentInAllMs += ms
  }

  /** To be called often; it looks once a second. */
  evaluate(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs
    if (elapsedMs < EVALUATE_MS) return
    const share = this.#spentMs / elapsedMs
    this.lastShare = share
    this.#spentMs = 0
    this.#sinceMs = nowMs
    if (share > this.#share && this.level <= MOST_HALVINGS) this.#become(this.level + 1, share)
    this.#calm = share < this.#share / 2 ? this.#calm + 1 : 0
    if (this.#calm >= CALM_EVALUATIONS && this.level > 0) this.#become(this.level - 1, share)
  }

  #become(level: number, share: number): void {
    const isFirst = this.level === 0
    this.level = level
    this.#calm = 0
    detail.isKept = level === 0
    headSampling.sheddingProbability = 2 ** -Math.max(0, level - 1)
    if (isFirst)
      this.#tell(
        `recording took ${percent(share)} of the main thread, more than the ${percent(this.#share)} it may (PERFLOOP_COST_BUDGET_PERCENT): lines of code and clients are left out now, then traces, half by half; their counts stay right`,
      )
    else if (level === 0)
      this.#tell('recording takes little enough again: nothing is left out any more')
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
