import { twoSidedP } from './normal.ts'

export interface MannWhitney {
  /** Pairs in which the value of `a` is greater than the one of `b`; ties count half. */
  readonly u: number
  /** Standardized, with continuity and tie correction; positive when `a` tends to be greater. */
  readonly z: number
  readonly pValue: number
  readonly exact: boolean
}

/** Up to so many values a side the distribution is counted out; beyond, the normal one is as good. */
const EXACT_UP_TO = 20

/**
 * Does one sample tend to have greater values than the other? H. B. Mann and D. R. Whitney, "On a test of
 * whether one of two random variables is stochastically larger than the other", Annals of Mathematical
 * Statistics 18 (1947). Small samples without ties: the exact distribution, by their recurrence.
 * Otherwise the normal approximation with the variance corrected for ties (E. L. Lehmann,
 * "Nonparametrics", 1975, eq. 1.35) and a continuity correction of one half.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): MannWhitney {
  const [m, n] = [a.length, b.length]
  if (m === 0 || n === 0) return { u: 0, z: 0, pValue: 1, exact: true }

  const { rankSumOfA, tieTerm } = rank(a, b)
  const u = rankSumOfA - (m * (m + 1)) / 2
  const total = m + n
  const variance = ((m * n) / 12) * (total + 1 - tieTerm / (total * (total - 1)))
  const distance = u - (m * n) / 2
  const z =
    variance <= 0
      ? 0
      : (Math.sign(distance) * Math.max(0, Math.abs(distance) - 0.5)) / Math.sqrt(variance)

  const exact = tieTerm === 0 && m <= EXACT_UP_TO && n <= EXACT_UP_TO
  return { u, z, pValue: exact ? exactTwoSidedP(u, m, n) : twoSidedP(z), exact }
}

function rank(
  a: readonly number[],
  b: readonly number[],
): { readonly rankSumOfA: number; readonly tieTerm: number } {
  const pooled = [
    ...a.map(value => ({ value, ofA: true })),
    ...b.map(value => ({ value, ofA: false })),
  ].sort((left, right) => left.value - right.value)

  let rankSumOfA = 0
  let tieTerm = 0
  for (let start = 0; start < pooled.length; ) {
    let end = start
    let countOfA = 0
    while (end < pooled.length && pooled[end]?.value === pooled[start]?.value) {
      if (pooled[end]?.ofA) countOfA += 1
      end += 1
    }
    const ties = end - start
    // Ranks start + 1 … end are shared: each gets their mean.
    rankSumOfA += (countOfA * (start + 1 + end)) / 2
    tieTerm += ties ** 3 - ties
    start = end
  }
  return { rankSumOfA, tieTerm }
}

function exactTwoSidedP(u: number, m: number, n: number): number {
  const counts = arrangementsByU(m, n)
  let all = 0
  for (const count of counts) all += count
  const extreme = Math.min(u, m * n - u)
  let tail = 0
  for (let value = 0; value <= extreme; value += 1) tail += counts[value] ?? 0
  return Math.min(1, (2 * tail) / all)
}

/** counts[u]: in how many orders of m and n values U equals u. f(m, n, u) = f(m−1, n, u−n) + f(m, n−1, u). */
export function arrangementsByU(m: number, n: number): Float64Array {
  // Gaussian binomial coefficient: multiply by (1 − x^(n+i)), divide by (1 − x^i), for i = 1 … m.
  const size = m * n + 1
  const counts = new Float64Array(size)
  counts[0] = 1
  for (let i = 1; i <= m; i += 1) {
    for (let u = size - 1; u >= n + i; u -= 1)
      counts[u] = (counts[u] ?? 0) - (counts[u - n - i] ?? 0)
    for (let u = i; u < size; u += 1) counts[u] = (counts[u] ?? 0) + (counts[u - i] ?? 0)
  }
  return counts
}
