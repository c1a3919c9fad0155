import { bucketOf, mergeHistograms, quantileNs } from '../../domain/latency-histogram.ts'

const NS_PER_MS = 1e6
const WINDOW_MS = 60_000

/** Latencies of the last one to two minutes, in two histograms that take turns. */
export class AcknowledgementLatency {
  #current = new Map<number, number>()
  #previous = new Map<number, number>()
  #currentMaxMs = 0
  #previousMaxMs = 0
  #turnedUnixMs: number

  constructor(nowUnixMs: number) {
    this.#turnedUnixMs = nowUnixMs
  }

  add(latencyMs: number, nowUnixMs: number): void {
    this.#turn(nowUnixMs)
    const bucket = bucketOf(latencyMs * NS_PER_MS)
    this.#current.set(bucket, (this.#current.get(bucket) ?? 0) + 1)
    this.#currentMaxMs = Math.max(this.#currentMaxMs, latencyMs)
  }

  summary(nowUnixMs: number): { p50: number | null; p99: number | null; max: number | null } {
    this.#turn(nowUnixMs)
    const histogram = mergeHistograms([this.#previous, this.#current])
    const quantileMs = (q: number) => {
      const value = quantileNs(histogram, q)
      return value === undefined ? null : value / NS_PER_MS
    }
    const max = histogram.size === 0 ? null : Math.max(this.#currentMaxMs, this.#previousMaxMs)
    return { p50: quantileMs(0.5), p99: quantileMs(0.99), max }
  }

  #turn(nowUnixMs: number): void {
    const age = nowUnixMs - this.#turnedUnixMs
    if (age < WINDOW_MS) return
    const isStale = age >= 2 * WINDOW_MS
    this.#previous = isStale ? new Map() : this.#current
    this.#previousMaxMs = isStale ? 0 : this.#currentMaxMs
    this.#current = new Map()
    this.#currentMaxMs = 0
    this.#turnedUnixMs = nowUnixMs
  }
}
