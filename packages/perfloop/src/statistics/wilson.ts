import { normalQuantile } from './normal.ts'

/**
 * Confidence interval of a share: E. B. Wilson, "Probable inference, the law of succession, and
 * statistical inference", JASA 22 (1927). Unlike the textbook one it holds for shares near 0 and 1.
 */
export function wilsonInterval(
  successes: number,
  trials: number,
  confidence: number,
): { readonly low: number; readonly high: number } {
  if (trials <= 0) return { low: 0, high: 1 }
  const z = normalQuantile(0.5 + confidence / 2)
  const share = successes / trials
  const denominator = 1 + (z * z) / trials
  const center = (share + (z * z) / (2 * trials)) / denominator
  const half =
    (z / denominator) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials))
  return { low: Math.max(0, center - half), high: Math.min(1, center + half) }
}
