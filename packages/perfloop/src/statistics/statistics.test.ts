import { describe, expect, it } from 'vitest'
import { levelsOfLooks, spentAlpha } from './alpha-spending.ts'
import { lagOneAutocorrelation, varianceInflation } from './autocorrelation.ts'
import { hodgesLehmann } from './hodges-lehmann.ts'
import { holmAdjusted } from './holm.ts'
import { arrangementsByU, mannWhitney } from './mann-whitney.ts'
import { normalCdf, normalQuantile, twoSidedP } from './normal.ts'
import { createPseudoRandom } from './pseudo-random.ts'
import { mean, median, quantile } from './quantile.ts'
import { wilsonInterval } from './wilson.ts'

describe('quantile', () => {
  it('interpolates as numpy does', () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5)
    expect(quantile([4, 1, 3, 2, 10], 0.95)).toBeCloseTo(8.8, 12)
    expect(median([7])).toBe(7)
    expect(mean([1, 2, 6])).toBe(3)
  })
  it('has nothing to say of nothing', () => {
    expect(quantile([], 0.5)).toBeUndefined()
    expect(mean([])).toBeUndefined()
  })
})

describe('normal', () => {
  it('agrees with the tables', () => {
    expect(normalCdf(0)).toBeCloseTo(0.5, 15)
    expect(normalCdf(1.959963984540054)).toBeCloseTo(0.975, 12)
    expect(normalCdf(-3)).toBeCloseTo(0.0013498980316301035, 14)
    expect(normalCdf(-6) / 9.865876450376981e-10).toBeCloseTo(1, 8)
    expect(twoSidedP(1.959963984540054)).toBeCloseTo(0.05, 12)
    expect(normalCdf(Number.POSITIVE_INFINITY)).toBe(1)
    expect(normalCdf(Number.NaN)).toBeNaN()
  })
  it('is inverted by its quantile', () => {
    for (const p of [1e-9, 0.001, 0.02, 0.3, 0.5, 0.7, 0.999]) {
      expect(normalCdf(normalQuantile(p)) / p).toBeCloseTo(1, 9)
    }
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 10)
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY)
    expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY)
    expect(normalQuantile(2)).toBeNaN()
  })
})

describe('Mann–Whitney', () => {
  it('counts every arrangement once', () => {
    // 5 over 2 orders of 2 and 3 values; U from 0 to 6.
    expect([...arrangementsByU(2, 3)]).toEqual([1, 1, 2, 2, 2, 1, 1])
  })
  it('gives the exact p-value of small samples without ties', () => {
    // scipy.stats.mannwhitneyu([19,22,16,29,24], [20,11,17,12]): U = 17, p = 0.1111…
    const result = mannWhitney([19, 22, 16, 29, 24], [20, 11, 17, 12])
    expect(result.u).toBe(17)
    expect(result.pValue).toBeCloseTo(1 / 9, 12)
    expect(result.exact).toBe(true)
  })
  it('shares ranks between ties and corrects the variance for them', () => {
    // By hand: ranks 1, 2.5, 2.5, 4.5, 4.5, 6; U of a = 2; σ² = 9/12 · (7 − 12/30).
    const result = mannWhitney([1, 2, 3], [2, 3, 4])
    expect(result.u).toBe(2)
    expect(result.z).toBeCloseTo(-2 / Math.sqrt(0.75 * (7 - 12 / 30)), 12)
    expect(result.exact).toBe(false)
  })
  it('finds nothing between equal constants, or in nothing', () => {
    expect(mannWhitney([1, 1, 1], [1, 1, 1]).pValue).toBe(1)
    expect(mannWhitney([], [1]).pValue).toBe(1)
  })
  it('rejects a true null hypothesis as often as it says', () => {
    const random = createPseudoRandom(1)
    const sample = (n: number) => Array.from({ length: n }, () => random.normal())
    const rejected = Array.from({ length: 2_000 }, () => mannWhitney(sample(30), sample(25)).pValue)
    const share = rejected.filter(p => p < 0.05).length / 2_000
    expect(share).toBeGreaterThan(0.03)
    expect(share).toBeLessThan(0.065)
  })
})

describe('Hodges–Lehmann', () => {
  it('is the median of all differences', () => {
    expect(hodgesLehmann([1, 2, 3], [4, 6, 8], 0.5)?.estimate).toBe(4)
    expect(hodgesLehmann([], [1], 0.95)).toBeUndefined()
  })
  it('knows nothing of the bounds of too few values', () => {
    expect(hodgesLehmann([1], [2], 0.95)).toEqual({
      estimate: 1,
      low: Number.NEGATIVE_INFINITY,
      high: Number.POSITIVE_INFINITY,
    })
  })
  it('covers the true shift as often as it says', () => {
    const random = createPseudoRandom(2)
    let covered = 0
    for (let run = 0; run < 1_000; run += 1) {
      const before = Array.from({ length: 20 }, () => random.normal())
      const after = Array.from({ length: 25 }, () => random.normal() + 0.7)
      const shift = hodgesLehmann(before, after, 0.95)
      if (shift !== undefined && shift.low <= 0.7 && shift.high >= 0.7) covered += 1
    }
    expect(covered).toBeGreaterThan(930)
    expect(covered).toBeLessThan(975)
  })
  it('is wider when the values carry less', () => {
    const before = Array.from({ length: 20 }, (_, index) => index)
    const after = before.map(value => value + 3)
    const narrow = hodgesLehmann(before, after, 0.95)
    const wide = hodgesLehmann(before, after, 0.95, 4)
    expect(wide?.low).toBeLessThan(narrow?.low ?? 0)
    expect(wide?.high).toBeGreaterThan(narrow?.high ?? 0)
  })
})

describe('Wilson', () => {
  it('agrees with the published example', () => {
    // statsmodels.proportion_confint(10, 100, method='wilson')
    const { low, high } = wilsonInterval(10, 100, 0.95)
    expect(low).toBeCloseTo(0.05522914, 7)
    expect(high).toBeCloseTo(0.17436566, 7)
    expect(wilsonInterval(0, 0, 0.95)).toEqual({ low: 0, high: 1 })
  })
})

describe('alpha spending', () => {
  it('spends everything by the last look, and no more', () => {
    const levels = levelsOfLooks(0.05, [0.05, 0.1, 0.2, 0.5, 1])
    expect(levels.reduce((sum, level) => sum + level, 0)).toBeCloseTo(0.05, 12)
    expect(Math.min(...levels)).toBeGreaterThan(0)
    expect(spentAlpha(0.05, 0)).toBe(0)
  })
})

describe('Holm', () => {
  it('adjusts as in the published example', () => {
    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), 'holm')
    expect(holmAdjusted([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02])
    expect(holmAdjusted([])).toEqual([])
  })
})

describe('autocorrelation', () => {
  it('finds the coefficient of an autoregressive series', () => {
    const random = createPseudoRandom(3)
    const series: number[] = []
    let value = 0
    for (let index = 0; index < 5_000; index += 1) {
      value = 0.6 * value + random.normal()
      series.push(value)
    }
    expect(lagOneAutocorrelation([series])).toBeCloseTo(0.6, 1)
    expect(lagOneAutocorrelation([[1, 1, 1]])).toBe(0)
  })
  it('does not take a step between the parts for correlation', () => {
    const random = createPseudoRandom(4)
    const part = (level: number) => Array.from({ length: 500 }, () => level + random.normal())
    expect(Math.abs(lagOneAutocorrelation([part(0), part(50)]))).toBeLessThan(0.1)
  })
  it('inflates the variance by (1 + ρ)/(1 − ρ) in a long series', () => {
    expect(varianceInflation(0.5, 1e6)).toBeCloseTo(3, 4)
    expect(varianceInflation(0.5, 2)).toBeCloseTo(1.5, 12)
    expect(varianceInflation(-0.3, 100)).toBe(1)
  })
})

describe('pseudo-random', () => {
  it('repeats itself from the same seed and is uniform', () => {
    const [a, b] = [createPseudoRandom(5), createPseudoRandom(5)]
    const values = Array.from({ length: 10_000 }, () => a.next())
    expect(values.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => b.next()))
    expect(mean(values)).toBeCloseTo(0.5, 1)
    expect(Math.max(...values)).toBeLessThan(1)
  })
})
