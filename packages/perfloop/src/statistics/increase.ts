/** A counter at one instant. */
export interface CounterReading {
  readonly unixS: number
  readonly value: number
}

/** Growth between two readings, even over the time between them. */
export interface Growth {
  readonly fromS: number
  readonly toS: number
  readonly amount: number
}

/**
 * How one stream of a cumulative counter grew. It begins at its start with nothing; where that is not told (0) or lies
 * before what was read, the first reading only says where it stood. A reading below the one before is a counter that
 * began anew: all of it is growth (OpenTelemetry metrics data model, "Resets and gaps").
 */
export function counterGrowth(
  readings: readonly CounterReading[],
  startS: number,
  readFromS: number,
): readonly Growth[] {
  const growth: Growth[] = []
  let previous: { readonly unixS: number; readonly value: number } | undefined =
    startS >= readFromS ? { unixS: startS, value: 0 } : undefined
  for (const { unixS, value } of readings) {
    if (previous !== undefined && unixS > previous.unixS) {
      const amount = value >= previous.value ? value - previous.value : value
      growth.push({ fromS: previous.unixS, toS: unixS, amount })
    }
    previous = { unixS, value }
  }
  return growth
}

/**
 * Growth by the steps it fell into, with the time of each step that is known of. Between readings further apart than
 * `longestS` nobody knows when it happened: such a hole stays one.
 */
export function spreadOverSteps(
  growth: readonly Growth[],
  stepS: number,
  longestS: number,
): ReadonlyMap<number, { readonly amount: number; readonly coveredS: number }> {
  const bySteps = new Map<number, { amount: number; coveredS: number }>()
  for (const { fromS, toS, amount } of growth) {
    const lengthS = toS - fromS
    if (lengthS <= 0 || lengthS > longestS) continue
    for (let startS = Math.floor(fromS / stepS) * stepS; startS < toS; startS += stepS) {
      const overlapS = Math.min(toS, startS + stepS) - Math.max(fromS, startS)
      const step = bySteps.get(startS) ?? { amount: 0, coveredS: 0 }
      step.amount += (amount * overlapS) / lengthS
      step.coveredS += overlapS
      bySteps.set(startS, step)
    }
  }
  return bySteps
}
