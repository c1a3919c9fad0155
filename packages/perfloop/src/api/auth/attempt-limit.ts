const WINDOW_MS = 60_000
const MOST_ADDRESSES = 10_000

/** Counts wrong tokens by address, so that nobody can try many. Bounded: the oldest address is forgotten. */
export class AttemptLimit {
  readonly #most: number
  readonly #failures = new Map<string, { count: number; sinceUnixMs: number }>()

  constructor(mostPerMinute: number) {
    this.#most = mostPerMinute
  }

  /** Seconds until the address may try again; 0 when it may now. */
  waitSeconds(address: string, nowUnixMs: number): number {
    const failures = this.#failures.get(address)
    if (!failures || failures.count < this.#most) return 0
    return Math.max(0, Math.ceil((failures.sinceUnixMs + WINDOW_MS - nowUnixMs) / 1_000))
  }

  countFailure(address: string, nowUnixMs: number): void {
    const failures = this.#failures.get(address)
    if (failures && nowUnixMs - failures.sinceUnixMs < WINDOW_MS) {
      failures.count += 1
      return
    }
    this.#failures.delete(address)
    this.#failures.set(address, { count: 1, sinceUnixMs: nowUnixMs })
    if (this.#failures.size > MOST_ADDRESSES) {
      for (const oldest of this.#failures.keys()) {
        this.#failures.delete(oldest)
        break
      }
    }
  }
}
