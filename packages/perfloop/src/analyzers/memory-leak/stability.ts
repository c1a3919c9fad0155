import type { z } from 'zod'
import type { MemoryStability } from '../../domain/memory-stability.ts'
import type { MemoryLeakOptions } from '../../settings/analyzers.ts'
import { median } from '../../statistics/quantile.ts'
import { risingTrend } from '../../statistics/trend.ts'
import { type Points, thinned } from './growth.ts'

type Options = Pick<
  z.output<typeof MemoryLeakOptions>,
  'stabilityMs' | 'longestHoleMs' | 'stableRatioPerHour' | 'confidence'
>

export interface StabilityVerdict {
  readonly verdict: MemoryStability
  readonly observedSeconds: number
  /** What it is told from; nothing where there is not enough. */
  readonly slope?: {
    readonly levelBytes: number
    readonly bytesPerHour: number
    readonly lowBytesPerHour: number
    readonly highBytesPerHour: number
  }
}

const SECONDS_PER_HOUR = 3_600

/**
 * Whether memory was stable over `stabilityMs`, a day: not that no growth was proven, which little data never does, but that more
 * growth than is tolerated is ruled out. In between it is unclear, and from less nothing is said.
 */
export function stabilityOf(points: Points, options: Options): StabilityVerdict {
  const { times } = points
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0))
  const observedSeconds = (times.at(-1) ?? 0) - (times[0] ?? 0) + (median(gaps) ?? 0)
  const neededSeconds = options.stabilityMs / 1_000
  const thin = thinned(points)
  const trend = risingTrend(thin.times, thin.lows, options.confidence)
  const hasHole = gaps.some(gap => gap * 1_000 > options.longestHoleMs)
  if (trend === undefined || hasHole || observedSeconds < neededSeconds) {
    return { verdict: 'not_enough_data', observedSeconds }
  }
  const levelBytes = median(thin.lows) ?? 0
  const perHour = (slope: number) => (Number.isFinite(slope) ? slope * SECONDS_PER_HOUR : 0)
  const slope = {
    levelBytes,
    bytesPerHour: perHour(trend.slope),
    lowBytesPerHour: perHour(trend.slopeLow),
    highBytesPerHour: perHour(trend.slopeHigh),
  }
  const tolerated = options.stableRatioPerHour * levelBytes
  const isKnown = Number.isFinite(trend.slopeLow) && Number.isFinite(trend.slopeHigh)
  if (isKnown && slope.highBytesPerHour <= tolerated) {
    return { verdict: 'stable', observedSeconds, slope }
  }
  const grows = isKnown && slope.lowBytesPerHour > 0 && slope.bytesPerHour > tolerated
  return { verdict: grows ? 'not_stable' : 'unclear', observedSeconds, slope }
}
