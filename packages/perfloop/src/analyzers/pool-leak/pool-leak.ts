import { defineAnalyzer, type Finding } from '../../analysis/analyzer.ts'
import { durationNs, NS_PER_SECOND } from '../../domain/duration.ts'
import { PoolLeakOptions } from '../../settings/analyzers.ts'
import { poolState } from '../../store/telemetry/queries/pool-state.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { perHour, secondsOf } from '../evidence-window.ts'
import { subjectOf } from '../subject-of.ts'
import { formatCount, formatDuration } from '../words.ts'

type PoolState = RowOf<typeof poolState>

/**
 * Connections that are taken and never given back.
 *
 * Little's law (J. D. C. Little, "A proof for the queuing formula L = λW", Operations Research 9 (1961)) says how many
 * connections are in use on average because of those that are given back: the time they were held, divided by the time
 * that passed. What is in use beyond that is held by nobody who ever returns. A single one may be meant so (a
 * subscription, a lock); a number that grows, or that has all of the pool, is a leak.
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
    const lengthS = Math.round(options.horizonMs / 1_000)
    return {
      from_s: to_s - lengthS,
      to_s,
      part_s: Math.max(1, Math.round(lengthS / options.parts)),
      max_rows: options.maxRows,
    }
  },

  judge(rows, window, options) {
    return rows.flatMap(row => {
      // Without it nothing tells more load from more that is kept.
      if (!row.tells_use) return []
      const parts = row.parts.filter(({ samples }) => samples >= options.minSamplesPerPart)
      // What was told last may still be on its way.
      if (parts.length < options.parts - 1) return []
      const kept = parts.map(({ usedMin, usedMean, returned }) =>
        // What is kept is in use at every look.
        Math.max(0, Math.min(usedMin, Math.round(usedMean - returned))),
      )
      const [first = 0] = kept
      const last = kept.at(-1) ?? 0
      const onlyGrows = kept.every((count, index) => count >= (kept[index - 1] ?? 0))
      const rises = kept.filter(
        (count, index) => index > 0 && count > (kept[index - 1] ?? 0),
      ).length
      const grows = onlyGrows && rises >= options.minRises && last - first >= options.minGrowth
      const hasAll = row.max > 0 && kept.every(count => count >= row.max) && row.pending_max > 0
      return grows || hasAll
        ? [
            toFinding(
              row,
              first,
              last,
              options.horizonMs,
              perHour(row.wait_s * NS_PER_SECOND, window),
            ),
          ]
        : []
    })
  },
})

function toFinding(
  row: PoolState,
  first: number,
  last: number,
  horizonMs: number,
  recoverableNsPerHour: Finding['recoverableNsPerHour'],
): Finding {
  const [waiting] = row.waiting
  const of = row.max > 0 ? ` of ${formatCount(row.max)}` : ''
  const over = formatDuration(horizonMs * 1e6)
  const isFull = row.max > 0 && last >= row.max
  const perPeriod = last - first
  const leftNs =
    isFull || perPeriod <= 0 || row.max === 0
      ? null
      : durationNs(((row.max - last) / perPeriod) * horizonMs * 1e6)
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
    description: `${formatCount(first)} connections were kept ${over} ago, ${formatCount(last)} are now, at every look and beyond what requests held and gave back.${
      leftNs === null ? '' : ` At this pace none is left in ${formatDuration(leftNs)}.`
    } Somewhere a connection is taken and a path through the code, most often that of an error, does not release it. Release in a finally block, or let the pool run the statement.`,
    confidence: 0.99,
    traceId: row.trace_id,
    spanIds: row.span_id === '' ? [] : [row.span_id],
    evidence: {
      pool: row.pool,
      instance: row.instance,
      kept_before: first,
      kept: last,
      connections: row.max,
      used_mean: row.used_mean,
      waiting_max: row.pending_max,
      timeouts: row.timeouts,
      observed_seconds: horizonMs / 1_000,
      full_in_seconds: leftNs === null ? null : leftNs / NS_PER_SECOND,
    },
    recoverableNsPerHour,
  }
}
