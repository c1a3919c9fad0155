import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { NS_PER_MS } from '../../domain/duration.ts'
import { SlowStatementOptions } from '../../settings/analyzers.ts'
import { statementCosts } from '../../store/telemetry/queries/statement-costs.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { enough, perHour, secondsOf } from '../evidence-window.ts'
import { severityOf } from '../severity-of.ts'
import { averageNs, formatCount, formatDuration, formatPercent, statementName } from '../words.ts'
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
    limits_ns: STATEMENT_CLASSES.map(name => BigInt(limitMs(name, options) * NS_PER_MS)),
    max_rows: options.maxRows,
    max_spans: options.maxSpans,
  }),

  judge(rows, window, options) {
    return rows.flatMap(row => {
      const name = statementClass({ verb: row.verb, text: row.text, rowsMedian: row.rows_median })
      return isSlow(row, name, window, options) ? [toFinding(row, name, window, options)] : []
    })
  },
})

function limitMs(name: StatementClass, options: Options): number {
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
const WAITS = new Set(['BLPOP', 'BRPOP', 'BZPOPMIN', 'XREAD', 'XREADGROUP', 'SUBSCRIBE', 'LISTEN'])

function isSlow(row: StatementCost, name: StatementClass, window: Window, options: Options) {
  const limitNs = limitMs(name, options) * NS_PER_MS
  return (
    !WAITS.has(row.verb.toUpperCase()) &&
    row.seen_calls >= enough(options.minCalls, window) &&
    row.p95_ns > limitNs &&
    // What slows a machine down adds to some calls more than to others; what is slow by itself is so each time.
    row.p10_ns > limitNs * options.minSteadyRatio
  )
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
  const limit = limitMs(name, options) * NS_PER_MS
  // What lies above the limit of its class is what can be hoped for: below it, it would be fine.
  const lostNs = row.excess_ns[STATEMENT_CLASSES.indexOf(name)] ?? 0
  const recoverableNsPerHour = perHour(lostNs, window)
  const statement = statementName(row.summary, row.text)

  return {
    environment: row.environment,
    service: row.service,
    operation: row.operation,
    operationKind: row.kind,
    subject: row.statement,
    operationIsIncidental: true,
    severity: severityOf(
      { perHourNs: recoverableNsPerHour, perExecutionNs: averageNs(lostNs, row.calls) },
      window,
      options.severity,
    ),
    title: `${statement} takes ${formatDuration(row.p95_ns)} at p95, in ${row.operation}`,
    description: `It ran ${formatCount(row.calls)} times, half of them longer than ${formatDuration(row.p50_ns)}; ${A_CLASS[name]} should take at most ${formatDuration(limit)}. ${formatPercent(row.operation_ratio)} of its time is spent by ${row.operation}. Look at its plan: does it read more rows than it returns, sort on disk, or wait for locks?`,
    // The share of calls that decide a p95 grows with their number.
    confidence: 0.95 * (1 - 1 / (1 + row.seen_calls)),
    symptom: { of: 'statement', timeNs: row.duration_ns },
    cause: { ofSlowStatement: false, operations: row.by_operation },
    statement: row.statement,
    statementText: row.text,
    ...(row.code_location === '' ? {} : { codeLocation: row.code_location }),
    traceId: row.trace_id,
    spanIds: [row.span_id],
    evidence: {
      class: name,
      limit_ns: limit,
      calls: row.calls,
      p10_ns: row.p10_ns,
      p50_ns: row.p50_ns,
      p95_ns: row.p95_ns,
      max_ns: row.max_ns,
      mean_ns: averageNs(row.duration_ns, row.calls),
      total_ns: row.duration_ns,
      above_limit_ns: lostNs,
      rows_median: row.rows_median,
      failed_calls: row.failed_calls,
      operations: row.operations,
      operation_ratio: row.operation_ratio,
      tables: row.models,
      dialect: row.dialect,
    },
    recoverableNsPerHour,
  }
}
