import type { z } from 'zod'
import type { MemoryLeakOptions } from '../../settings/analyzers.ts'
import { driftPValue } from '../../statistics/drift.ts'
import { median } from '../../statistics/quantile.ts'
import { risingTrend } from '../../statistics/trend.ts'
import type { memoryFloors } from '../../store/telemetry/queries/memory-floors.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'

type Options = z.output<typeof MemoryLeakOptions>

/** Memory of one process in steps. */
export type ObservedMemory = Pick<
  RowOf<typeof memoryFloors>,
  'what' | 'first_s' | 'earlier_high' | 'times_s' | 'lows'
>

const SECONDS_PER_HOUR = 3_600
/** Points a trend is judged by: more tell nothing more, and cost their square. */
const MOST_POINTS = 60
/** What rises between so many blocks is what wandering is told by. */
const DRIFT_BLOCKS = 8

export interface Growth {
  readonly bytesPerHour: number
  readonly lowBytesPerHour: number
  readonly fromBytes: number
  readonly toBytes: number
  readonly seconds: number
  readonly trendPValue: number
  readonly driftPValue: number
}

/** Growth as even as a leak's, where noise, wandering and warming up are ruled out but for this probability. */
export function growthOf(
  row: ObservedMemory,
  probability: number,
  options: Options,
): Growth | undefined {
  const told = settled(row, options)
  const { times, lows } = thinned(row.what === 'heap_floor' ? collected(told) : told)
  const seconds = (times.at(-1) ?? 0) - (times[0] ?? 0)
  if (lows.length < options.minPoints || seconds * 1_000 < options.minObservedMs) return undefined
  const trend = risingTrend(times, lows, options.confidence)
  if (trend === undefined || trend.pValue > probability) return undefined
  const drift = driftPValue(times, lows, DRIFT_BLOCKS)
  if (drift > probability) return undefined

  const level = median(lows) ?? 0
  const grownBytes = trend.slope * seconds
  const isEnough = grownBytes >= Math.max(options.minGrowthBytes, options.minGrowthRatio * level)
  // What warms up slows down; a leak goes on as it was.
  const lastThird = Math.floor((2 * lows.length) / 3)
  const late = risingTrend(times.slice(lastThird), lows.slice(lastThird), options.confidence)
  const isSteady = late !== undefined && late.slope >= options.steadyRatio * trend.slope
  const toBytes = level + grownBytes / 2
  if (!isEnough || !isSteady || toBytes <= row.earlier_high) return undefined
  return {
    bytesPerHour: trend.slope * SECONDS_PER_HOUR,
    lowBytesPerHour: Math.max(0, trend.slopeLow) * SECONDS_PER_HOUR,
    fromBytes: level - grownBytes / 2,
    toBytes,
    seconds,
    trendPValue: trend.pValue,
    driftPValue: drift,
  }
}

export interface Points {
  readonly times: readonly number[]
  readonly lows: readonly number[]
}

/** Without what a process needs to begin with. */
export function settled(row: ObservedMemory, options: Pick<Options, 'warmUpMs'>): Points {
  const settledS = row.first_s + options.warmUpMs / 1_000
  const first = row.times_s.findIndex(time => time >= settledS)
  if (first === -1) return { times: [], lows: [] }
  return { times: row.times_s.slice(first), lows: row.lows.slice(first) }
}

/** Between two collections nothing is known but what the earlier one left. */
export function collected({ times, lows }: Points): Points {
  const isNew = lows.map((low, index) => low !== lows[index - 1])
  return {
    times: times.filter((_, index) => isNew[index] === true),
    lows: lows.filter((_, index) => isNew[index] === true),
  }
}

/** The lowest of each few neighbours. */
export function thinned({ times, lows }: Points): Points {
  const size = Math.ceil(lows.length / MOST_POINTS)
  if (size <= 1) return { times, lows }
  const starts = Array.from({ length: Math.ceil(lows.length / size) }, (_, group) => group * size)
  return {
    times: starts.map(start => times[start] ?? 0),
    lows: starts.map(start => Math.min(...lows.slice(start, start + size))),
  }
}
