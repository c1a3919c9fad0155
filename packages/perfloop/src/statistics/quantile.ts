/**
 * Sample quantile by linear interpolation of the order statistics: type 7 of Hyndman and Fan, "Sample
 * quantiles in statistical packages", The American Statistician 50 (1996). What numpy and R compute.
 */
export function quantile(values: readonly number[], q: number): number | undefined {
  return quantileOfSorted(ascending(values), q)
}

export function quantileOfSorted(sorted: ArrayLike<number>, q: number): number | undefined {
  const last = sorted.length - 1
  if (last < 0) return undefined
  const position = Math.min(1, Math.max(0, q)) * last
  const below = Math.floor(position)
  const low = sorted[below] ?? 0
  const high = sorted[Math.min(last, below + 1)] ?? low
  return low + (high - low) * (position - below)
}

export function median(values: readonly number[]): number | undefined {
  return quantile(values, 0.5)
}

export function mean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  let sum = 0
  for (const value of values) sum += value
  return sum / values.length
}

export function ascending(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort()
}
