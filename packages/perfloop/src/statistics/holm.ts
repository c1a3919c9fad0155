/**
 * p-values adjusted for being several: S. Holm, "A simple sequentially rejective multiple test procedure",
 * Scandinavian Journal of Statistics 6 (1979). Rejecting those at most α keeps the chance of any false
 * rejection at most α, whatever the dependence between the tests. Same order as given.
 */
export function holmAdjusted(pValues: readonly number[]): readonly number[] {
  const order = pValues.map((_, index) => index)
  order.sort((left, right) => (pValues[left] ?? 1) - (pValues[right] ?? 1))
  const adjusted = new Array<number>(pValues.length).fill(1)
  let floor = 0
  order.forEach((index, rank) => {
    const p = Math.min(1, (pValues[index] ?? 1) * (pValues.length - rank))
    floor = Math.max(floor, p)
    adjusted[index] = floor
  })
  return adjusted
}
