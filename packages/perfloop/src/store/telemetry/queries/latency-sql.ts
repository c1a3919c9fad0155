import { GAMMA } from '../../../domain/latency-histogram.ts'

/**
 * `quantileNs` of domain/latency-histogram.ts as SQL, in two steps: the buckets of the quantiles, aggregated over the
 * rows of a group, and their values. A test holds both sides together.
 *
 * The engine weighs by whole numbers, so counts go in as parts of a call. Merging the maps first (`sumMap`) took 200 ns
 * an entry, three quarters of every query; this takes 35.
 */
const QUANTILES = [0.5, 0.95, 0.99] as const
const PARTS_OF_A_CALL = 1024

/** Buckets of p50, p95 and p99 of the histograms of a group. */
export function quantileBuckets(histogram: string): string {
  const weights = `arrayMap(calls_of_bucket -> toUInt64(round(calls_of_bucket * ${PARTS_OF_A_CALL})), mapValues(${histogram}))`
  return `quantilesExactWeightedArray(${QUANTILES.join(', ')})(mapKeys(${histogram}), ${weights})`
}

/** Value of one of the `buckets` of a row with `calls`. Bucket 0 would come out below 1 ns, which is its value. */
export function quantileValue(q: (typeof QUANTILES)[number]): string {
  const bucket = `buckets[${QUANTILES.indexOf(q) + 1}]`
  return `if(calls > 0, greatest(1, ${2 / (GAMMA + 1)} * pow(${GAMMA}, ${bucket})), NULL)`
}

/** Sums that every RED row is made of, over rollup rows. */
export const RED_SUMS = `
    sum(calls) AS calls,
    sum(errors) AS errors,
    sum(duration_ns) AS duration_ns,
    toFloat64(max(max_ns)) AS max_ns,
    ${quantileBuckets('histogram')} AS buckets`

/** Percentiles of a subquery that has RED_SUMS. */
export const RED_QUANTILES = `
    ${quantileValue(0.5)} AS p50_ns,
    ${quantileValue(0.95)} AS p95_ns,
    ${quantileValue(0.99)} AS p99_ns`
