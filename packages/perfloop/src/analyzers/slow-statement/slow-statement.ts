import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { NS_PER_MS } from '../../domain/duration.ts'
import { groupBy } from '../../domain/group-by.ts'
import { SlowStatementOptions } from '../../settings/analyzers.ts'
import { statementCosts } from '../../store/telemetry/queries/statement-costs.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { enough, secondsOf } from '../evidence-window.ts'
import { costEvidence, statementPart } from '../statement-finding.ts'
import {
  executionWord,
  formatCount,
  formatDuration,
  formatPercent,
  statementName,
} from '../words.ts'
import { STATEMENT_CLASSES, type StatementClass, statementClass } from './statement-class.ts'

type Options = z.output<typeof SlowStatementOptions>
type StatementCost = RowOf<typeof statementCosts>

/** A statement that is slow by itself, by the measure of what kind of statement it is. */
export const slowStatement = defineAnalyzer({
  kind: 'slow-statement',
  title: 'Slow statement',
  description:
    'A database statement whose 95th percentile is above the limit of its class: look-up, list, join, aggregate or write.',
  options: SlowStatementOptions,
  evidence: statementCosts,

  ask: (window, options) => ({
    ...secondsOf(window),
    limits_ns: PLACES.flatMap(place =>
      STATEMENT_CLASSES.map(name => BigInt(Math.round(limitMs(name, place, options) * NS_PER_MS))),
    ),
    max_rows: options.maxRows,
    max_spans: options.maxSpans,
  }),

  judge(rows, window, options) {
    const services = groupBy(rows, row =>
      JSON.stringify([row.environment, row.service, row.dialect]),
    )
    return [...services.values()].flatMap(own => {
      const paceNs = window.offline ? 0 : paceOf(own, options)
      return own.flatMap(row => {
        const name = statementClass({ verb: row.verb, text: row.text, rowsMedian: row.rows_median })
        return isSlow(row, name, paceNs, window, options)
          ? [toFinding(row, name, window, options)]
          : []
      })
    })
  },
})

/** Somebody waits for a request; nobody in front of a screen waits for a job. */
const PLACES = ['request', 'job'] as const
type Place = (typeof PLACES)[number]

function placeOf(row: StatementCost): Place {
  const kinds = [row.kind, ...row.by_operation.map(({ kind }) => kind)]
  return kinds.every(kind => executionWord(kind) === 'job') ? 'job' : 'request'
}

function limitMs(name: StatementClass, place: Place, options: Options): number {
  const factor = place === 'job' ? options.jobFactor : 1
  return factor * requestLimitMs(name, options)
}

function requestLimitMs(name: StatementClass, options: Options): number {
  return {
    lookup: options.lookupMs,
    list: options.listMs,
    join: options.joinMs,
    aggregate: options.aggregateMs,
    write: options.writeMs,
    other: options.otherMs,
  }[name]
}

/** Waiting for work is what these do. */
const WAITS = ['BLPOP', 'BRPOP', 'BZPOPMIN', 'XREAD', 'XREADGROUP', 'SUBSCRIBE', 'LISTEN']
/** Changes of the schema and upkeep read or write whole tables by nature, and run when somebody deploys. */
const UPKEEP =
  'CREATE ALTER DROP TRUNCATE RENAME COMMENT GRANT REVOKE VACUUM ANALYZE REINDEX CLUSTER REFRESH OPTIMIZE CHECKPOINT'.split(
    ' ',
  )
/** These only say what comes next: where one takes long, the machine does. */
const PREPARATIONS = 'BEGIN START SAVEPOINT RELEASE SET RESET SHOW USE DISCARD DEALLOCATE'.split(
  ' ',
)
const SLOW_BY_NATURE = new Set([...WAITS, ...UPKEEP, ...PREPARATIONS])

/** What the way to the database and back takes now, whatever is asked: the least that any of enough statements takes. */
function paceOf(rows: readonly StatementCost[], options: Options): number {
  const often = rows.filter(row => row.seen_calls >= options.minPaceCalls)
  return often.length < options.minStatementsOfPace
    ? 0
    : Math.min(options.maxPaceMs * NS_PER_MS, ...often.map(({ p50_ns }) => p50_ns))
}

function isSlow(
  row: StatementCost,
  name: StatementClass,
  paceNs: number,
  window: Window,
  options: Options,
) {
  const limitNs = limitMs(name, placeOf(row), options) * NS_PER_MS
  return (
    !SLOW_BY_NATURE.has(row.verb.toUpperCase()) &&
    row.seen_calls >= enough(options.minCalls, window) &&
    row.p95_ns - paceNs > limitNs &&
    // What slows a machine down adds to some calls more than to others; what is slow by itself is so each time.
    row.p10_ns - paceNs > limitNs * options.minSteadyRatio
  )
}

/** Where its limit is in those the evidence was asked with. */
function limitAt(name: StatementClass, place: Place): number {
  return PLACES.indexOf(place) * STATEMENT_CLASSES.length + STATEMENT_CLASSES.indexOf(name)
}

const A_CLASS: Readonly<Record<StatementClass, string>> = {
  lookup: 'a look-up by key',
  list: 'a list',
  join: 'a join',
  aggregate: 'an aggregate',
  write: 'a write',
  other: 'such a statement',
}

function toFinding(
  row: StatementCost,
  name: StatementClass,
  window: Window,
  options: Options,
): Finding {
  const place = placeOf(row)
  const limit = limitMs(name, place, options) * NS_PER_MS
  // What lies above the limit of its class is what can be hoped for: below it, it would be fine.
  const lostNs = row.excess_ns[limitAt(name, place)] ?? 0
  const statement = statementName(row.summary, row.text)

  return {
    ...statementPart(row, lostNs, window, options.severity),
    title: `${statement} takes ${formatDuration(row.p95_ns)} at p95, in ${row.operation}`,
    description: `It ran ${formatCount(row.calls)} times, half of them longer than ${formatDuration(row.p50_ns)}; ${A_CLASS[name]} should take at most ${formatDuration(limit)}. ${formatPercent(row.operation_ratio)} of its time is spent by ${row.operation}. Look at its plan: does it read more rows than it returns, sort on disk, or wait for locks?`,
    // The share of calls that decide a p95 grows with their number.
    confidence: 0.95 * (1 - 1 / (1 + row.seen_calls)),
    symptom: { of: 'statement', timeNs: row.duration_ns },
    cause: { ofSlowStatement: false, operations: row.by_operation },
    evidence: {
      class: name,
      limit_ns: limit,
      ...costEvidence(row),
      p10_ns: row.p10_ns,
      p50_ns: row.p50_ns,
      max_ns: row.max_ns,
      above_limit_ns: lostNs,
      rows_median: row.rows_median,
      failed_calls: row.failed_calls,
      tables: row.models,
      dialect: row.dialect,
    },
  }
}
