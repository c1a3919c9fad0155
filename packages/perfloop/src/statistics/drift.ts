import { median } from './quantile.ts'
import { studentUpperTail } from './student.ts'

/**
 * Probability of such an even rise in a series that only wanders: whose steps are as often down as up, and which
 * remembers each of them, as a random walk does. The series is cut into blocks of as many points, and what it rises in
 * a unit of time from the median of one block to that of the next is held against its own spread by Student's t.
 *
 * A test for a trend that assumes noise about a level takes wandering for a trend, and one that assumes wandering
 * misses little else. Both together hold whichever of the two it is: D. I. Harvey, S. J. Leybourne and A. M. R. Taylor,
 * "A simple, robust and powerful test of the trend hypothesis", Journal of Econometrics 141 (2007).
 */
export function driftPValue(
  times: readonly number[],
  values: readonly number[],
  mostBlocks: number,
): number {
  const blocks = Math.min(mostBlocks, values.length)
  if (blocks < 4) return 1
  const medians = Array.from({ length: blocks }, (_, block) => {
    const from = Math.floor((block * values.length) / blocks)
    const to = Math.floor(((block + 1) * values.length) / blocks)
    return { time: median(times.slice(from, to)) ?? 0, value: median(values.slice(from, to)) ?? 0 }
  })
  const rates = medians.flatMap(({ time, value }, index) => {
    const before = medians[index - 1]
    return before === undefined || time <= before.time
      ? []
      : [(value - before.value) / (time - before.time)]
  })
  if (rates.length < 3) return 1
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length
  const squares = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0)
  const error = Math.sqrt(squares / (rates.length - 1) / rates.length)
  if (error === 0) return mean > 0 ? 0 : 1
  return studentUpperTail(mean / error, rates.length - 1)
}
