/**
 * The one latency distribution of Perfloop: counts in logarithmic buckets, as in DDSketch
 * (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
 * guarantees", VLDB 2019). Bucket i holds (γ^(i-1), γ^i]; any quantile is within
 * RELATIVE_ERROR of the true value. Adding two histograms adds their counts, so percentiles merge
 * over minutes, instances and services, and counts may be fractional (weights of head-sampled spans).
 *
 * The same arithmetic runs in SQL, where the histogram is a `Map(Int16, Float64)`:
 * `toInt16(ceil(log(duration_ns) * INVERSE_LOG_GAMMA))`, durations under 1 ns in bucket 0.
 */
export type LatencyHistogram = ReadonlyMap<number, number>

const RELATIVE_ERROR = 0.01
export const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
const LOG_GAMMA = Math.log(GAMMA)
export const INVERSE_LOG_GAMMA = 1 / LOG_GAMMA

export function bucketOf(durationNs: number): number {
  return durationNs <= 1 ? 0 : Math.ceil(Math.log(durationNs) * INVERSE_LOG_GAMMA)
}

/** The value with the least relative error for a bucket: 2γ^i / (γ + 1). */
function bucketValueNs(bucket: number): number {
  return bucket === 0 ? 1 : (2 * GAMMA ** bucket) / (GAMMA + 1)
}

/** The q-quantile (0–1) by nearest rank, in nanoseconds, or undefined of nothing. */
export function quantileNs(histogram: LatencyHistogram, q: number): number | undefined {
  let total = 0
  for (const count of histogram.values()) total += count
  if (total <= 0) return undefined

  const rank = q * total
  const buckets = [...histogram.keys()].sort((a, b) => a - b)
  let seen = 0
  let last = 0
  for (const bucket of buckets) {
    seen += histogram.get(bucket) ?? 0
    last = bucket
    if (seen >= rank) return bucketValueNs(bucket)
  }
  return bucketValueNs(last)
}

export function mergeHistograms(histograms: Iterable<LatencyHistogram>): LatencyHistogram {
  const merged = new Map<number, number>()
  for (const histogram of histograms) {
    for (const [bucket, count] of histogram) merged.set(bucket, (merged.get(bucket) ?? 0) + count)
  }
  return merged
}
