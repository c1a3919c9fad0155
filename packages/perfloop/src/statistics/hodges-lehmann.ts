import { normalQuantile } from './normal.ts'
import { quantileOfSorted } from './quantile.ts'

export interface Shift {
  /** How much greater `after` is than `before`. */
  readonly estimate: number
  readonly low: number
  readonly high: number
}

/**
 * The shift between two samples, and its confidence interval: the median of all pairwise differences and
 * two of their order statistics. J. L. Hodges and E. L. Lehmann, "Estimates of location based on rank
 * tests", Annals of Mathematical Statistics 34 (1963); interval after D. S. Moses, in Hollander & Wolfe,
 * "Nonparametric Statistical Methods", eq. 4.35. It inverts the Mann–Whitney test, so the two agree.
 *
 * `varianceInflation` widens the interval for values that are not independent: n correlated values
 * carry as much as n / inflation independent ones.
 */
export function hodgesLehmann(
  before: readonly number[],
  after: readonly number[],
  confidence: number,
  varianceInflation = 1,
): Shift | undefined {
  const [m, n] = [before.length, after.length]
  if (m === 0 || n === 0) return undefined

  const differences = new Float64Array(m * n)
  let at = 0
  for (const late of after) {
    for (const early of before) {
      differences[at] = late - early
      at += 1
    }
  }
  differences.sort()

  const estimate = quantileOfSorted(differences, 0.5) ?? 0
  const deviation = Math.sqrt((m * n * (m + n + 1) * varianceInflation) / 12)
  const z = normalQuantile(0.5 + confidence / 2)
  const rank = Math.floor((m * n) / 2 - z * deviation)
  if (rank < 1) {
    return { estimate, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY }
  }
  return {
    estimate,
    low: differences[rank - 1] ?? estimate,
    high: differences[m * n - rank] ?? estimate,
  }
}
