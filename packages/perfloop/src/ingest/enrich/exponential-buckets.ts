import type { ExponentialBuckets } from '../decode/metric-point.ts'

export interface BucketList {
  /** Upper bounds, rising. */
  readonly bounds: number[]
  /** One count a bound, and one for what lies beyond the last. */
  readonly counts: number[]
}

/**
 * An exponential histogram as explicit buckets. Bucket i of the positive range holds
 * (base^(offset+i), base^(offset+i+1)] with base = 2^(2^-scale); the negative range mirrors it
 * (OpenTelemetry metrics data model, "ExponentialHistogram").
 */
export function explicitBuckets(
  scale: number,
  zeroThreshold: number,
  zeroCount: number,
  positive: ExponentialBuckets,
  negative: ExponentialBuckets,
): BucketList {
  const bounds: number[] = []
  const counts: number[] = []
  const add = (bound: number, count: number) => {
    // What a double cannot tell apart belongs together: buckets beyond its range, or narrower than its steps.
    const last = counts.length - 1
    if (last >= 0 && bound <= (bounds[last] as number)) {
      counts[last] = (counts[last] as number) + count
      return
    }
    bounds.push(bound)
    counts.push(count)
  }

  for (let i = negative.counts.length - 1; i >= 0; i--) {
    add(-boundary(scale, negative.offset + i), negative.counts[i] as number)
  }
  if (zeroCount > 0 || positive.counts.length > 0) add(zeroThreshold, zeroCount)
  const firstLower = boundary(scale, positive.offset)
  if (positive.counts.length > 0 && firstLower > zeroThreshold) add(firstLower, 0)
  for (let i = 0; i < positive.counts.length; i++) {
    add(boundary(scale, positive.offset + i + 1), positive.counts[i] as number)
  }
  if (bounds.length > 0) counts.push(0)
  return { bounds, counts }
}

/** base^index, kept within what a double holds. */
function boundary(scale: number, index: number): number {
  const power = index * 2 ** -scale
  if (power >= 1024) return Number.MAX_VALUE
  return power < -1074 ? Number.MIN_VALUE : 2 ** power
}
