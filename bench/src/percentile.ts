/** The exact q-quantile (nearest rank) of a list of numbers. */
export function percentile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}

export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits))
}
