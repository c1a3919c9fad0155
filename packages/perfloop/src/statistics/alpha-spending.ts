/**
 * How much of the error level may have been used up when a share `information` (0–1) of the data is in:
 * the spending function of Pocock type, α·ln(1 + (e − 1)·t), of K. K. G. Lan and D. L. DeMets,
 * "Discrete sequential boundaries for clinical trials", Biometrika 70 (1983).
 */
export function spentAlpha(alpha: number, information: number): number {
  const t = Math.min(1, Math.max(0, information))
  return alpha * Math.log(1 + (Math.E - 1) * t)
}

/**
 * The level of each look, so that all looks together stay within `alpha`: each spends what the function
 * has released since the look before. The levels add up to alpha, so the union bound holds however the
 * looks depend on each other (the exact boundaries are a little less strict, and need their joint law).
 */
export function levelsOfLooks(alpha: number, information: readonly number[]): readonly number[] {
  let spent = 0
  return information.map(share => {
    const total = spentAlpha(alpha, share)
    const level = Math.max(0, total - spent)
    spent = Math.max(spent, total)
    return level
  })
}
