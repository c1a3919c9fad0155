import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { durationNs, NS_PER_MS, NS_PER_SECOND } from '../../domain/duration.ts'
import { PoolLeakOptions } from '../../settings/analyzers.ts'
import { poolState } from '../../store/telemetry/queries/pool-state.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { perHour, secondsOf } from '../evidence-window.ts'
import { subjectOf } from '../subject-of.ts'
import { formatCount, formatDuration } from '../words.ts'

type Options = z.output<typeof PoolLeakOptions>
type PoolState = RowOf<typeof poolState>

/**
 * Connections that are taken and never given back.
 *
 * Little's law (J. D. C. Little, "A proof for the queuing formula L = λW", Operations Research 9 (1961)) says how many
 * connections are in use on average because of those that are given back: the time they were held, divided by the time
 * that passed. What is in use beyond that is held by somebody who has not returned yet, or never will.
 *
 * Long jobs hold connections, too, but what jobs keep goes down as well as up. Were each change as likely to be a fall
 * as a rise, n rises in a row would come about in one of 2ⁿ cases. And what is lost has been kept for longer than
 * anything that ever came back.
 */
export const poolLeak = defineAnalyzer({
  kind: 'pool-leak',
  title: 'Connection leak',
  description:
    'A connection pool of which more and more connections are in use that nobody gives back, whatever the load is.',
  options: PoolLeakOptions,
  evidence: poolState,

  ask(window, options) {
    const { to_s } = secondsOf(window)
    return {
      from_s: to_s - Math.round(options.horizonMs / 1_000),
      to_s,
      part_s: partSeconds(options),
      max_rows: options.maxRows,
    }
  },

  // An hour of points is read; of a part there is news when it is over.
  restMs: options => (partSeconds(options) * 1_000) / 3,

  // Without load nothing more is lost, but what is lost stays lost.
  watches(rows, _window, options) {
    const stillLost = rows.filter(row => {
      const last = row.tells_use ? (keptOf(row, options).at(-1) ?? 0) : 0
      return last >= options.minGrowth || (row.max > 0 && last >= row.max)
    })
    const lost = new Set(stillLost.map(serviceKey))
    return rows.filter(row => !lost.has(serviceKey(row)))
  },

  judge(rows, window, options) {
    return rows.flatMap(row => {
      const loss = lossOf(row, options)
      if (loss === undefined) return []
      return [toFinding(row, loss, perHour(row.wait_s * NS_PER_SECOND, windowOf(window, options)))]
    })
  },
})

function serviceKey({ environment, service }: PoolState): string {
  return JSON.stringify([environment, service])
}

/** Waits are counted over all that it looks at. */
function windowOf(window: Window, { horizonMs }: Options): Window {
  return { ...window, fromUnixNs: window.toUnixNs - BigInt(Math.round(horizonMs * NS_PER_MS)) }
}

function partSeconds({ horizonMs, parts }: Options): number {
  return Math.max(1, Math.round(horizonMs / 1_000 / parts))
}

interface Loss {
  readonly first: number
  readonly last: number
  readonly isFull: boolean
  readonly seconds: number
  readonly rises: number
  readonly confidence: number
}

function lossOf(row: PoolState, options: Options): Loss | undefined {
  // Without it nothing tells more load from more that is kept.
  if (!row.tells_use) return undefined
  const kept = keptOf(row, options)
  const longEnough = (count: number) =>
    count >= options.minParts &&
    count * partSeconds(options) >= options.heldFactor * row.longest_use_s
  return allKept(kept, row, longEnough, options) ?? growing(kept, longEnough, options)
}

/** Connections in each part that nobody gave back. */
function keptOf(row: PoolState, { minSamplesPerPart }: Options): readonly number[] {
  const parts = row.parts.filter(({ samples }) => samples >= minSamplesPerPart)
  return parts.map(({ usedMin, usedMean, returned }) =>
    // What is kept is in use at every look.
    Math.max(0, Math.min(usedMin, Math.round(usedMean - returned))),
  )
}

/** Nobody gets a connection any more, and nobody gives one back. */
function allKept(
  kept: readonly number[],
  row: PoolState,
  longEnough: (parts: number) => boolean,
  options: Options,
): Loss | undefined {
  const parts = kept.length - (kept.findLastIndex(count => count < row.max) + 1)
  if (row.max === 0 || row.pending_max === 0 || !longEnough(parts)) return undefined
  const last = kept.at(-1) ?? 0
  const seconds = parts * partSeconds(options)
  return { first: last, last, isFull: true, seconds, rises: 0, confidence: 0.95 }
}

/** More and more, without a fall, to the end. */
function growing(
  kept: readonly number[],
  longEnough: (parts: number) => boolean,
  options: Options,
): Loss | undefined {
  const start = kept.findLastIndex((count, index) => count < (kept[index - 1] ?? 0))
  const run = kept.slice(Math.max(0, start))
  const rises = run.flatMap((count, index) => (count > (run[index - 1] ?? count) ? [index] : []))
  const [firstRise] = rises
  const lastRise = rises.at(-1)
  if (firstRise === undefined || lastRise === undefined) return undefined
  const [first = 0] = run
  const last = run.at(-1) ?? 0
  if (rises.length < options.minRises || last - first < options.minGrowth) return undefined
  const usualPause = (lastRise - firstRise) / (rises.length - 1)
  const pause = run.length - 1 - lastRise
  if (!longEnough(run.length - firstRise) || pause > options.pauseFactor * usualPause) {
    return undefined
  }
  return {
    first,
    last,
    isFull: false,
    seconds: (run.length - firstRise) * partSeconds(options),
    rises: rises.length,
    confidence: 1 - 0.5 ** rises.length,
  }
}

function toFinding(
  row: PoolState,
  loss: Loss,
  recoverableNsPerHour: Finding['recoverableNsPerHour'],
): Finding {
  const { first, last, seconds } = loss
  const [waiting] = row.waiting
  const of = row.max > 0 ? ` of ${formatCount(row.max)}` : ''
  const over = formatDuration(seconds * NS_PER_SECOND)
  const isFull = loss.isFull || (row.max > 0 && last >= row.max)
  const leftNs =
    isFull || row.max === 0
      ? null
      : durationNs(((row.max - last) / (last - first)) * seconds * NS_PER_SECOND)
  return {
    environment: row.environment,
    service: row.service,
    operation: waiting?.operation ?? '',
    operationKind: waiting?.kind ?? 'unspecified',
    operationIsIncidental: true,
    subject: subjectOf('pool-leak', row.pool),
    severity: isFull ? 'critical' : 'high',
    title: `${formatCount(last)}${of} connections of ${row.pool} are never given back${
      isFull ? ': nobody gets one any more' : ''
    }`,
    description: `${
      loss.isFull
        ? `${formatCount(last)} connections have been kept for ${over}`
        : `${formatCount(first)} connections were kept ${over} ago, ${formatCount(last)} are now: it rose ${formatCount(loss.rises)} times and never fell`
    }, at every look and beyond what requests held and gave back.${
      leftNs === null ? '' : ` At this pace none is left in ${formatDuration(leftNs)}.`
    } Somewhere a connection is taken and a path through the code, most often that of an error, does not release it. Release in a finally block, or let the pool run the statement. Should jobs be running that hold connections for longer than ${over} on purpose, this ends with them.`,
    confidence: loss.confidence,
    traceId: row.trace_id,
    spanIds: row.span_id === '' ? [] : [row.span_id],
    evidence: {
      pool: row.pool,
      instance: row.instance,
      kept_before: first,
      kept: last,
      rises: loss.rises,
      connections: row.max,
      used_mean: row.used_mean,
      waiting_max: row.pending_max,
      timeouts: row.timeouts,
      longest_held_seconds: row.longest_use_s,
      observed_seconds: seconds,
      full_in_seconds: leftNs === null ? null : leftNs / NS_PER_SECOND,
    },
    recoverableNsPerHour,
  }
}
