import type { z } from 'zod'
import { defineAnalyzer, type Finding } from '../../analysis/analyzer.ts'
import { durationNs, NS_PER_SECOND } from '../../domain/duration.ts'
import { groupBy } from '../../domain/group-by.ts'
import type { Severity } from '../../domain/severity.ts'
import { MemoryLeakOptions } from '../../settings/analyzers.ts'
import { driftPValue } from '../../statistics/drift.ts'
import { median } from '../../statistics/quantile.ts'
import { risingTrend } from '../../statistics/trend.ts'
import { memoryFloors } from '../../store/telemetry/queries/memory-floors.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { secondsOf } from '../evidence-window.ts'
import { subjectOf } from '../subject-of.ts'
import { formatBytes, formatDuration, formatPercent } from '../words.ts'

type Options = z.output<typeof MemoryLeakOptions>
type MemoryFloor = RowOf<typeof memoryFloors>

const SECONDS_PER_HOUR = 3_600
/** Points a trend is judged by: more tell nothing more, and cost their square. */
const MOST_POINTS = 60
/** What rises between so many blocks is what wandering is told by. */
const DRIFT_BLOCKS = 8

/** Memory that only grows, in steps as even as a leak's, where noise, wandering, warming up and collections are ruled out. */
export const memoryLeak = defineAnalyzer({
  kind: 'memory-leak',
  title: 'Memory leak',
  description:
    'A process whose heap keeps more after each full collection, or whose resident memory grows where no heap is told of, evenly and beyond what chance, warming up or load explain.',
  options: MemoryLeakOptions,
  evidence: memoryFloors,

  ask(window, options) {
    const { to_s } = secondsOf(window)
    return {
      earlier_s: to_s - Math.round((options.horizonMs + options.earlierMs) / 1_000),
      from_s: to_s - Math.round(options.horizonMs / 1_000),
      to_s,
      step_s: Math.max(1, Math.round(options.stepMs / 1_000)),
      alive_s: to_s - Math.round(options.endedMs / 1_000),
      // The slope is a median of slopes: its rise may be a little more than what lies between lowest and highest.
      min_growth_bytes: options.minGrowthBytes / 2,
      max_rows: options.maxRows,
    }
  },

  // Between two steps there is nothing new.
  restMs: options => options.stepMs,

  watches(rows, _window, options) {
    return rows.filter(row => {
      const { times } = settled(row, options)
      const seconds = (times.at(-1) ?? 0) - (times[0] ?? 0)
      return seconds * 1_000 >= options.quietObservedMs
    })
  },

  judge(rows, _window, options) {
    const services = groupBy(rows, row => JSON.stringify([row.environment, row.service]))
    return [...services.values()].flatMap(own => {
      const judged = series(own)
      // Each process is a chance of its own to be wrong.
      const probability = options.falseAlarmRatio / Math.max(1, judged.length)
      const growing = judged.flatMap(row => growthOf(row, probability, options) ?? [])
      const [worst] = growing.toSorted((a, b) => b.bytesPerHour - a.bytesPerHour)
      return worst === undefined ? [] : [toFinding(worst, growing, judged.length, options)]
    })
  },
})

/**
 * What can be judged: of a process that tells what collections leave, that; of others what is resident, which for a
 * runtime that collects seldom would only be what was not collected yet. Two senders in one process are told apart by
 * nothing but the name of their instance, and processes without such a name by their resource alone.
 */
function series(rows: readonly MemoryFloor[]): readonly MemoryFloor[] {
  const named = ({ instance, resource }: MemoryFloor) => (instance === '' ? resource : instance)
  return [...groupBy(rows, named).values()].flatMap(own => {
    const floors = own.filter(({ what }) => what === 'heap_floor')
    return floors.length === 0 ? own : floors
  })
}

interface Growth {
  readonly row: MemoryFloor
  readonly bytesPerHour: number
  readonly lowBytesPerHour: number
  readonly fromBytes: number
  readonly toBytes: number
  readonly seconds: number
  readonly trendPValue: number
  readonly driftPValue: number
}

function growthOf(row: MemoryFloor, probability: number, options: Options): Growth | undefined {
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
    row,
    bytesPerHour: trend.slope * SECONDS_PER_HOUR,
    lowBytesPerHour: Math.max(0, trend.slopeLow) * SECONDS_PER_HOUR,
    fromBytes: level - grownBytes / 2,
    toBytes,
    seconds,
    trendPValue: trend.pValue,
    driftPValue: drift,
  }
}

interface Points {
  readonly times: readonly number[]
  readonly lows: readonly number[]
}

/** Without what a process needs to begin with. */
function settled(row: MemoryFloor, options: Options): Points {
  const settledS = row.first_s + options.warmUpMs / 1_000
  const first = row.times_s.findIndex(time => time >= settledS)
  if (first === -1) return { times: [], lows: [] }
  return { times: row.times_s.slice(first), lows: row.lows.slice(first) }
}

/** Between two collections nothing is known but what the earlier one left. */
function collected({ times, lows }: Points): Points {
  const isNew = lows.map((low, index) => low !== lows[index - 1])
  return {
    times: times.filter((_, index) => isNew[index] === true),
    lows: lows.filter((_, index) => isNew[index] === true),
  }
}

/** The lowest of each few neighbours. */
function thinned({ times, lows }: Points): Points {
  const size = Math.ceil(lows.length / MOST_POINTS)
  if (size <= 1) return { times, lows }
  const starts = Array.from({ length: Math.ceil(lows.length / size) }, (_, group) => group * size)
  return {
    times: starts.map(start => times[start] ?? 0),
    lows: starts.map(start => Math.min(...lows.slice(start, start + size))),
  }
}

function toFinding(
  growth: Growth,
  growing: readonly Growth[],
  judged: number,
  options: Options,
): Finding {
  const { row, bytesPerHour, fromBytes, toBytes, seconds } = growth
  const isHeap = row.what === 'heap_floor'
  const hoursLeft =
    isHeap && row.limit_bytes > toBytes ? (row.limit_bytes - toBytes) / bytesPerHour : undefined
  const observed = formatDuration(seconds * NS_PER_SECOND)
  const secondsLeft = hoursLeft === undefined ? null : hoursLeft * SECONDS_PER_HOUR
  return {
    environment: row.environment,
    service: row.service,
    operation: '',
    operationKind: 'unspecified',
    subject: subjectOf('memory-leak', row.what),
    severity: severityOf(secondsLeft, options),
    title: `${isHeap ? 'The heap' : 'The memory'} of ${row.service} grows by ${formatBytes(bytesPerHour)} an hour${
      secondsLeft === null ? '' : `, and is full in ${formatDuration(secondsLeft * NS_PER_SECOND)}`
    }`,
    description: `${
      isHeap ? 'What is still in use after full collections' : 'The resident memory'
    } of ${row.instance === '' ? 'its process' : row.instance} rose from ${formatBytes(fromBytes)} to ${formatBytes(toBytes)} within ${observed}, evenly and to the end. ${
      growing.length > 1 || judged > 1 ? `${growing.length} of ${judged} instances grow so. ` : ''
    }In a process without a leak this happens in fewer than ${formatPercent(options.falseAlarmRatio)} of looks. Something keeps what it no longer needs: listeners, closures or timers that are never removed, a cache or a list without a bound. Take a heap profile of the process (Agents, Profile heap): what allocates most of what is kept is where to look.`,
    confidence: 1 - options.falseAlarmRatio,
    traceId: '',
    spanIds: [],
    evidence: {
      what: isHeap ? 'heap after full collections' : 'resident memory',
      instance: row.instance,
      growth_bytes_per_hour: bytesPerHour,
      growth_bytes_per_hour_low: growth.lowBytesPerHour,
      from_bytes: fromBytes,
      to_bytes: toBytes,
      observed_seconds: seconds,
      limit_bytes: isHeap && row.limit_bytes > 0 ? row.limit_bytes : null,
      full_in_seconds: secondsLeft,
      instances_growing: growing.length,
      instances_judged: judged,
      trend_p_value: growth.trendPValue,
      drift_p_value: growth.driftPValue,
    },
    // Nobody waits for it until the process is restarted.
    recoverableNsPerHour: durationNs(0),
  }
}

function severityOf(secondsLeft: number | null, options: Options): Severity {
  if (secondsLeft === null) return 'medium'
  const leftMs = secondsLeft * 1_000
  if (leftMs <= options.criticalFullInMs) return 'critical'
  if (leftMs <= options.highFullInMs) return 'high'
  return leftMs <= options.mediumFullInMs ? 'medium' : 'low'
}
