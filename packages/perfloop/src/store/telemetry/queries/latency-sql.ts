import { GAMMA } from '../../../domain/latency-histogram.ts'

/**
 * The quantiles of domain/latency-histogram.ts as SQL over a `Map(Int16, Float64)`: `quantileNs` there
 * and these expressions must give the same numbers, and a test holds them together.
 */
export function quantileSql(histogram: string, q: number): string {
  const rank = `${q} * greatest(0, arraySum(mapValues(${histogram})) - 1)`
  const bucket = `mapKeys(${histogram})[arrayFirstIndex(seen -> seen > ${rank}, arrayCumSum(mapValues(${histogram})))]`
  // Planning costs more than reading a few thousand rows, and it grows with every copy of a term: so the bucket is
  // named once. Bucket 0 would come out below 1 ns, which is its value; all others come out above.
  return `if(empty(${histogram}), NULL, greatest(1, ${2 / (GAMMA + 1)} * pow(${GAMMA}, ${bucket})))`
}

/** Sums that every RED row is made of, over rollup rows. */
export const RED_SUMS = `
    sum(calls) AS calls,
    sum(errors) AS errors,
    sum(duration_ns) AS duration_ns,
    toFloat64(max(max_ns)) AS max_ns,
    mapSort(sumMap(histogram)) AS histogram`

/** Percentiles of a subquery that has RED_SUMS. */
export const RED_QUANTILES = `
    ${quantileSql('histogram', 0.5)} AS p50_ns,
    ${quantileSql('histogram', 0.95)} AS p95_ns,
    ${quantileSql('histogram', 0.99)} AS p99_ns`
