/** A distribution as buckets: `counts` has one more than `bounds`, for what lies beyond the last. */
export interface Buckets {
  readonly count: number
  readonly sum: number
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
}

export const NO_BUCKETS: Buckets = { count: 0, sum: 0, bounds: [], counts: [0] }

/**
 * What was added since `before`, of a cumulative distribution. Bounds may have become coarser in between, as those of
 * exponential histograms do: then what was below a bound is subtracted from what is below it now. A smaller count than
 * before is one that began anew.
 */
export function bucketGrowth(before: Buckets, now: Buckets): Buckets {
  if (now.count < before.count) return now
  const below = hasSameBounds(before, now) ? undefined : new Cumulative(before)
  let reached = 0
  const counts = now.counts.map((count, index) => {
    if (below === undefined) return Math.max(0, count - (before.counts[index] ?? 0))
    const upTo = below.upTo(now.bounds[index] ?? Number.POSITIVE_INFINITY)
    const earlier = upTo - reached
    reached = upTo
    return Math.max(0, count - earlier)
  })
  return {
    count: now.count - before.count,
    sum: Math.max(0, now.sum - before.sum),
    bounds: now.bounds,
    counts,
  }
}

/** Both together; buckets are told apart by their upper bounds. */
export function addBuckets(a: Buckets, b: Buckets): Buckets {
  if (a.count === 0) return b
  if (b.count === 0) return a
  const count = a.count + b.count
  const sum = a.sum + b.sum
  if (hasSameBounds(a, b)) {
    const counts = a.counts.map((known, index) => known + (b.counts[index] ?? 0))
    return { count, sum, bounds: a.bounds, counts }
  }
  const byBound = new Map<number, number>()
  for (const { bounds, counts } of [a, b]) {
    for (const [index, count] of counts.entries()) {
      const bound = bounds[index] ?? Number.POSITIVE_INFINITY
      byBound.set(bound, (byBound.get(bound) ?? 0) + count)
    }
  }
  const bounds = [...byBound.keys()].sort((x, y) => x - y)
  return {
    count,
    sum,
    bounds: bounds.filter(Number.isFinite),
    counts: bounds.map(bound => byBound.get(bound) ?? 0),
  }
}

function hasSameBounds(a: Buckets, b: Buckets): boolean {
  return (
    a.bounds.length === b.bounds.length &&
    a.bounds.every((bound, index) => bound === b.bounds[index])
  )
}

/** A share of some growth, as where a step covers part of the time between two readings. */
export function scaleBuckets(buckets: Buckets, factor: number): Buckets {
  return {
    count: buckets.count * factor,
    sum: buckets.sum * factor,
    bounds: buckets.bounds,
    counts: buckets.counts.map(count => count * factor),
  }
}

/** Quantile, linear within its bucket; beyond the last bound nothing is known but that bound. */
export function bucketQuantile(buckets: Buckets, q: number): number | undefined {
  const { bounds, counts } = buckets
  const total = counts.reduce((sum, count) => sum + count, 0)
  const last = bounds.at(-1)
  if (total <= 0 || last === undefined) return undefined
  const rank = q * total
  let seen = 0
  for (const [index, count] of counts.entries()) {
    if (count > 0 && seen + count >= rank) {
      const high = bounds[index]
      if (high === undefined) return last
      const low = bounds[index - 1] ?? Math.min(0, high)
      return low + ((high - low) * (rank - seen)) / count
    }
    seen += count
  }
  return last
}

class Cumulative {
  readonly #buckets: Buckets
  #index = 0
  #sum = 0

  constructor(buckets: Buckets) {
    this.#buckets = buckets
  }

  /** Values at most `bound`, asked for in ascending order. */
  upTo(bound: number): number {
    const { bounds, counts } = this.#buckets
    while (
      this.#index < counts.length &&
      (bounds[this.#index] ?? Number.POSITIVE_INFINITY) <= bound
    ) {
      this.#sum += counts[this.#index] ?? 0
      this.#index++
    }
    return this.#sum
  }
}
