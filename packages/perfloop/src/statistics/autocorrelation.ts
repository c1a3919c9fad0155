/**
 * Correlation of a series with itself one step later, each part about its own mean (a change of level
 * between parts must not look like correlation). Corrected for the bias of short series, about
 * −(1 + 3ρ)/n: F. H. C. Marriott and J. A. Pope, "Bias in the estimation of autocorrelations",
 * Biometrika 41 (1954).
 */
export function lagOneAutocorrelation(parts: readonly (readonly number[])[]): number {
  let products = 0
  let squares = 0
  let count = 0
  for (const part of parts) {
    const center = part.reduce((sum, value) => sum + value, 0) / Math.max(1, part.length)
    let previous: number | undefined
    for (const value of part) {
      const deviation = value - center
      squares += deviation * deviation
      if (previous !== undefined) products += deviation * previous
      previous = deviation
    }
    count += part.length
  }
  if (squares === 0 || count === 0) return 0
  const raw = products / squares
  const lengths = Math.max(1, count / Math.max(1, parts.length))
  return Math.min(0.99, Math.max(-0.99, raw + (1 + 3 * raw) / lengths))
}

/**
 * By how much correlation between neighbours inflates the variance of a mean of n values of a first-order
 * autoregressive series: (1 + ρ)/(1 − ρ) less what a short series cannot hold. G. E. P. Box and
 * G. M. Jenkins, "Time Series Analysis", 1970, section 2.1.5. Never below 1: a negative estimate is noise.
 */
export function varianceInflation(rho: number, n: number): number {
  if (rho <= 0 || n <= 1) return 1
  const infinite = (1 + rho) / (1 - rho)
  const edge = (2 * rho * (1 - rho ** n)) / (n * (1 - rho) ** 2)
  return Math.max(1, infinite - edge)
}
