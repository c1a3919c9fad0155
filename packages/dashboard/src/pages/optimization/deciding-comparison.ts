import type { Comparison, Impact } from '@perfloop/client'

/** In this order people ask: the tail first, then the middle, then what it is made of. */
const ORDER = ['p95_ns', 'p50_ns', 'mean_ns', 'db_ns', 'error_ratio', 'throughput'] as const

/** The comparison to show in one line: the first metric that agrees with the verdict, else the first there is. */
export function decidingComparison(impact: Impact): Comparison | undefined {
  const inOrder = impact.comparisons.toSorted(
    (one, other) => ORDER.indexOf(one.metric) - ORDER.indexOf(other.metric),
  )
  return inOrder.find(({ verdict }) => verdict === impact.verdict) ?? inOrder[0]
}
