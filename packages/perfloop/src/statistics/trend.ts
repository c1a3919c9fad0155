import { normalCdf, normalQuantile } from './normal.ts'
import { quantileOfSorted } from './quantile.ts'

export interface Trend {
  /** Rise of y for each unit of x. */
  readonly slope: number
  /** Lower end of its one-sided confidence interval. */
  readonly slopeLow: number
  /** Upper end of its one-sided confidence interval. */
  readonly slopeHigh: number
  /** Probability of such a rise, or a steeper one, in a series without any. */
  readonly pValue: number
}

/** Of n points there are n² / 2 pairs: more points than this tell nothing more. */
const MOST_POINTS = 400
/** A correlation within this many standard errors of none is taken for none. */
const SIGNIFICANT = 1.645

/**
 * Whether a series rises, by ranks alone: nothing is assumed of the distribution of its values, and a few wild ones
 * do no harm. The slope is the median over all pairs: P. K. Sen, "Estimates of the regression coefficient based on
 * Kendall's tau", JASA 63 (1968), with his interval. The test is Mann's and Kendall's (H. B. Mann, "Nonparametric
 * tests against trend", Econometrica 13 (1945)) with the variance for ties.
 *
 * Neighbours in time are alike, and a test that takes them for independent finds trends everywhere. The variance is
 * therefore inflated by the correlation of the ranks about the slope: K. H. Hamed and A. R. Rao, "A modified
 * Mann-Kendall trend test for autocorrelated data", Journal of Hydrology 204 (1998). Lags up to the first that is not
 * clearly correlated are counted, and negative correlation, which would make the test bolder, is not.
 */
export function risingTrend(
  xs: readonly number[],
  ys: readonly number[],
  confidence: number,
): Trend | undefined {
  const n = Math.min(xs.length, ys.length)
  if (n < 4 || n > MOST_POINTS) return undefined
  const slopes: number[] = []
  let score = 0
  for (let late = 1; late < n; late++) {
    for (let early = 0; early < late; early++) {
      const dx = (xs[late] ?? 0) - (xs[early] ?? 0)
      const dy = (ys[late] ?? 0) - (ys[early] ?? 0)
      score += Math.sign(dy)
      if (dx > 0) slopes.push(dy / dx)
    }
  }
  const sorted = Float64Array.from(slopes).sort()
  const slope = quantileOfSorted(sorted, 0.5) ?? 0
  const residuals = ys.slice(0, n).map((y, index) => y - slope * (xs[index] ?? 0))
  const variance = scoreVariance(ys.slice(0, n)) * correlationInflation(residuals)
  if (!(variance > 0)) return { slope, slopeLow: slope, slopeHigh: slope, pValue: 1 }
  const deviation = Math.sqrt(variance)
  // The score moves in steps of two: half a step towards none.
  const z = score === 0 ? 0 : (score - Math.sign(score)) / deviation
  const rank = (sorted.length - normalQuantile(confidence) * deviation) / 2
  const slopeLow = sorted[Math.floor(rank) - 1] ?? Number.NEGATIVE_INFINITY
  const slopeHigh = sorted[Math.ceil(sorted.length - rank)] ?? Number.POSITIVE_INFINITY
  return { slope, slopeLow, slopeHigh, pValue: 1 - normalCdf(z) }
}

function scoreVariance(ys: readonly number[]): number {
  const ties = new Map<number, number>()
  for (const y of ys) ties.set(y, (ties.get(y) ?? 0) + 1)
  const term = (count: number) => count * (count - 1) * (2 * count + 5)
  let tied = 0
  for (const count of ties.values()) tied += term(count)
  return (term(ys.length) - tied) / 18
}

function correlationInflation(residuals: readonly number[]): number {
  const n = residuals.length
  const ranks = ranksOf(residuals)
  const center = (n + 1) / 2
  const squares = ranks.reduce((sum, rank) => sum + (rank - center) ** 2, 0)
  if (squares === 0) return 1
  let inflation = 0
  for (let lag = 1; lag < n - 2; lag++) {
    let products = 0
    for (let at = lag; at < n; at++) {
      products += ((ranks[at] ?? 0) - center) * ((ranks[at - lag] ?? 0) - center)
    }
    const correlation = products / squares
    if (correlation < SIGNIFICANT / Math.sqrt(n)) break
    inflation += (n - lag) * (n - lag - 1) * (n - lag - 2) * correlation
  }
  return 1 + (2 * inflation) / (n * (n - 1) * (n - 2))
}

/** Ranks from 1; equal values share theirs. */
function ranksOf(values: readonly number[]): readonly number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value)
  const ranks = new Array<number>(values.length).fill(0)
  for (let from = 0; from < order.length; ) {
    let to = from
    while (to + 1 < order.length && order[to + 1]?.value === order[from]?.value) to++
    for (let at = from; at <= to; at++) ranks[order[at]?.index ?? 0] = (from + to) / 2 + 1
    from = to + 1
  }
  return ranks
}
