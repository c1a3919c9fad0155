/** Upper bounds of the buckets, ms: each is an eighth wider than the one before, from 0.1 ms to about 100 s. */
const FIRST_BOUND_MS = 0.1
const GROWTH = 1.125
const BUCKETS = 118
const LOG_GROWTH = Math.log(GROWTH)

/** How late a timer fires: what everything else in the process waits, too. */
export class EventLoopDelay {
  readonly #counts = new Uint32Array(BUCKETS + 1)
  #count = 0
  #sumMs = 0
  #minMs = Number.POSITIVE_INFINITY
  #maxMs = 0

  record(delayMs: number): void {
    const late = Math.max(0, delayMs)
    const bucket =
      late <= FIRST_BOUND_MS ? 0 : Math.ceil(Math.log(late / FIRST_BOUND_MS) / LOG_GROWTH)
    const at = Math.min(bucket, BUCKETS)
    this.#counts[at] = (this.#counts[at] as number) + 1
    this.#count++
    this.#sumMs += late
    this.#minMs = Math.min(this.#minMs, late)
    this.#maxMs = Math.max(this.#maxMs, late)
  }

  /** Milliseconds since it was taken last; undefined without any. */
  take():
    | { min: number; max: number; mean: number; p50: number; p90: number; p99: number }
    | undefined {
    if (this.#count === 0) return undefined
    const taken = {
      min: this.#minMs,
      max: this.#maxMs,
      mean: this.#sumMs / this.#count,
      p50: this.#quantile(0.5),
      p90: this.#quantile(0.9),
      p99: this.#quantile(0.99),
    }
    this.#counts.fill(0)
    this.#count = 0
    this.#sumMs = 0
    this.#minMs = Number.POSITIVE_INFINITY
    this.#maxMs = 0
    return taken
  }

  #quantile(share: number): number {
    const rank = Math.ceil(share * this.#count)
    let seen = 0
    for (let bucket = 0; bucket <= BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number
      if (seen >= rank) return Math.min(this.#maxMs, FIRST_BOUND_MS * GROWTH ** bucket)
    }
    return this.#maxMs
  }
}
