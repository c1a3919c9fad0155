import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { durationNs, NS_PER_SECOND } from '../../domain/duration.ts'
import { PoolWaitOptions } from '../../settings/analyzers.ts'
import { wilsonInterval } from '../../statistics/wilson.ts'
import { poolState } from '../../store/telemetry/queries/pool-state.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { perHour, secondsOf } from '../evidence-window.ts'
import { severityOf } from '../severity-of.ts'
import { subjectOf } from '../subject-of.ts'
import { formatCount, formatDuration, formatPercent } from '../words.ts'

type Options = z.output<typeof PoolWaitOptions>
type PoolState = RowOf<typeof poolState>

/** A pool whose connections were all in use while requests waited for one, in more of the looks than chance explains. */
export const poolWait = defineAnalyzer({
  kind: 'pool-wait',
  title: 'Connection pool exhausted',
  description:
    'A connection pool with every connection in use and requests waiting, for a good part of the time: who waits, how long, and what holds the connections.',
  options: PoolWaitOptions,
  evidence: poolState,

  ask(window, options) {
    const { from_s, to_s } = secondsOf(window)
    return { from_s, to_s, part_s: Math.max(1, to_s - from_s), max_rows: options.maxRows }
  },

  judge(rows, window, options) {
    return rows.flatMap(row => {
      if (row.samples < options.minSamples) return []
      const { low } = wilsonInterval(row.exhausted_samples, row.samples, options.confidence)
      return low > options.maxExhaustedRatio ? [toFinding(row, window, options)] : []
    })
  },
})

function toFinding(row: PoolState, window: Window, options: Options): Finding {
  const exhaustedRatio = row.exhausted_samples / row.samples
  const waitNs = row.wait_s * NS_PER_SECOND
  const [first] = row.waiting
  const meanWaitNs = row.waits > 0 ? waitNs / row.waits : 0
  const windowNs = Number(window.toUnixNs - window.fromUnixNs)
  // Little's law: so many in use, by so many a second, for so long each.
  const meanHeldNs = row.waits > 0 ? (row.used_mean * windowNs) / row.waits : 0
  const recoverableNsPerHour = perHour(waitNs, window)
  return {
    environment: row.environment,
    service: row.service,
    operation: first?.operation ?? '',
    operationKind: first?.kind ?? 'unspecified',
    operationIsIncidental: true,
    subject: subjectOf('pool-wait', row.pool),
    severity: severityOf(
      { perHourNs: recoverableNsPerHour, perExecutionNs: meanWaitNs },
      window,
      options.severity,
    ),
    title: `All ${formatCount(row.max)} connections of ${row.pool} are in use ${formatPercent(exhaustedRatio)} of the time, with up to ${formatCount(row.pending_max)} requests waiting`,
    description: `Requests waited ${formatDuration(waitNs)} in all for a connection${
      row.waits > 0 ? `, ${formatDuration(meanWaitNs)} each` : ''
    }${first === undefined ? '' : `; most of it in ${first.operation}`}. A connection is held for ${formatDuration(meanHeldNs)} at a time. Hold it for less: ask for it late, give it back before anything else is waited for, and look at the statements that take longest. A larger pool helps only while the database has room for more: its limit is shared by all processes.`,
    confidence: options.confidence,
    cause: {
      ofSlowStatement: false,
      operations: row.waiting.map(({ operation, kind, waitNs: ns }) => ({
        operation,
        kind,
        timeNs: durationNs(ns),
      })),
    },
    traceId: row.trace_id,
    spanIds: row.span_id === '' ? [] : [row.span_id],
    evidence: {
      pool: row.pool,
      instance: row.instance,
      exhausted_ratio: exhaustedRatio,
      samples: row.samples,
      connections: row.max,
      used_mean: row.used_mean,
      waiting_max: row.pending_max,
      waits: row.waits,
      wait_mean_ns: meanWaitNs,
      wait_total_ns: waitNs,
      held_mean_ns: meanHeldNs,
      timeouts: row.timeouts,
      callers: row.waiting
        .slice(0, MOST_OPERATIONS)
        .map(({ operation, waitNs: ns }) => ({ operation, time_ns: ns })),
    },
    recoverableNsPerHour,
  }
}

const MOST_OPERATIONS = 5
