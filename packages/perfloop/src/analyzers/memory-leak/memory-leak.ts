import type { z } from 'zod'
import { defineAnalyzer, type Finding } from '../../analysis/analyzer.ts'
import { durationNs, NS_PER_SECOND } from '../../domain/duration.ts'
import { groupBy } from '../../domain/group-by.ts'
import type { Severity } from '../../domain/severity.ts'
import { MemoryLeakOptions } from '../../settings/analyzers.ts'
import { memoryFloors } from '../../store/telemetry/queries/memory-floors.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { secondsOf } from '../evidence-window.ts'
import { subjectOf } from '../subject-of.ts'
import { formatBytes, formatDuration, formatPercent } from '../words.ts'
import { collected, type Growth, growthOf, settled } from './growth.ts'

type Options = z.output<typeof MemoryLeakOptions>
type MemoryFloor = RowOf<typeof memoryFloors>

const SECONDS_PER_HOUR = 3_600

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
    const step_s = Math.max(1, Math.round(options.stepMs / 1_000))
    // Whole steps: of half a one the lowest would be another.
    const stepBefore = (ms: number) => Math.floor((to_s - ms / 1_000) / step_s) * step_s
    return {
      earlier_s: stepBefore(options.horizonMs + options.earlierMs),
      from_s: stepBefore(options.horizonMs),
      to_s,
      step_s,
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
      const told = settled(row, options)
      const seconds = (told.times.at(-1) ?? 0) - (told.times[0] ?? 0)
      // A heap that was hardly collected is not judged.
      const { lows } = row.what === 'heap_floor' ? collected(told) : told
      return seconds * 1_000 >= options.quietObservedMs && lows.length >= options.minPoints
    })
  },

  judge(rows, _window, options) {
    const services = groupBy(rows, row => JSON.stringify([row.environment, row.service]))
    return [...services.values()].flatMap(own => {
      const judged = series(own)
      // Each process is a chance of its own to be wrong.
      const probability = options.falseAlarmRatio / Math.max(1, judged.length)
      const growing = judged.flatMap(row => {
        const growth = growthOf(row, probability, options)
        return growth === undefined ? [] : [{ row, ...growth }]
      })
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

interface GrowingProcess extends Growth {
  readonly row: MemoryFloor
}

function toFinding(
  growth: GrowingProcess,
  growing: readonly GrowingProcess[],
  judged: number,
  options: Options,
): Finding {
  const { row, bytesPerHour, fromBytes, toBytes, seconds } = growth
  const isHeap = row.what === 'heap_floor'
  // A line through what was may be past the limit when the heap is as good as full.
  const hoursLeft =
    isHeap && row.limit_bytes > 0
      ? Math.max(0, row.limit_bytes - toBytes) / bytesPerHour
      : undefined
  const observed = formatDuration(seconds * NS_PER_SECOND)
  const secondsLeft = hoursLeft === undefined ? null : hoursLeft * SECONDS_PER_HOUR
  const secondsToDouble = (toBytes / bytesPerHour) * SECONDS_PER_HOUR
  return {
    environment: row.environment,
    service: row.service,
    operation: '',
    operationKind: 'unspecified',
    subject: subjectOf('memory-leak', row.what),
    severity: severityOf(secondsLeft, secondsToDouble, options),
    title: `${isHeap ? 'The heap' : 'The memory'} of ${row.service} grows by ${formatBytes(bytesPerHour)} an hour${
      secondsLeft === null
        ? ''
        : secondsLeft === 0
          ? ', and is full'
          : `, and is full in ${formatDuration(secondsLeft * NS_PER_SECOND)}`
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
      doubled_in_seconds: secondsToDouble,
      instances_growing: growing.length,
      instances_judged: judged,
      trend_p_value: growth.trendPValue,
      drift_p_value: growth.driftPValue,
    },
    // Nobody waits for it until the process is restarted.
    recoverableNsPerHour: durationNs(0),
  }
}

/** Where nobody tells how much there may be, by how soon it is twice as much. */
function severityOf(
  secondsLeft: number | null,
  secondsToDouble: number,
  options: Options,
): Severity {
  if (secondsLeft === null) {
    return secondsToDouble * 1_000 <= options.highDoubledInMs ? 'high' : 'medium'
  }
  const leftMs = secondsLeft * 1_000
  if (leftMs <= options.criticalFullInMs) return 'critical'
  if (leftMs <= options.highFullInMs) return 'high'
  return leftMs <= options.mediumFullInMs ? 'medium' : 'low'
}
