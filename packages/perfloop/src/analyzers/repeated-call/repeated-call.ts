import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { NS_PER_MS } from '../../domain/duration.ts'
import { RepeatedCallOptions } from '../../settings/analyzers.ts'
import { repeatedCalls } from '../../store/telemetry/queries/repeated-calls.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { enough, perHour, secondsOf } from '../evidence-window.ts'
import { severityOf } from '../severity-of.ts'
import { subjectOf } from '../subject-of.ts'
import { averageNs, executionWord, formatCount, formatDuration, formatPercent } from '../words.ts'

type Options = z.output<typeof RepeatedCallOptions>
type RepeatedCall = RowOf<typeof repeatedCalls>

/** One call to another service per row, or again and again since it fails. */
export const repeatedCall = defineAnalyzer({
  kind: 'repeated-call',
  title: 'Repeated calls',
  description:
    'The same call to another service many times within one request: one after the other for each of many things, or again and again because it fails.',
  options: RepeatedCallOptions,
  evidence: repeatedCalls,

  ask: (window, options) => ({
    ...secondsOf(window),
    min_calls: Math.max(2, Math.min(options.minCalls, options.minAttempts)),
    max_rows: options.maxRows,
    max_spans: options.maxSpans,
  }),

  judge(rows, window, options) {
    return rows.flatMap(row => {
      if (row.seen_executions < enough(options.minExecutions, window)) return []
      if (isShared(row.call, options) || !isSpareable(row, options)) return []
      if (isRetried(row, options)) return [toFinding(row, RETRIED, window, options)]
      return isLooped(row, options) ? [toFinding(row, LOOPED, window, options)] : []
    })
  },
})

function failedRatio(row: RepeatedCall): number {
  return row.calls_total > 0 ? row.failed_total / row.calls_total : 0
}

function isRetried(row: RepeatedCall, options: Options): boolean {
  return row.calls_median >= options.minAttempts && failedRatio(row) >= options.minFailedRatio
}

/** A job that calls for each of its things does what it is for, and nobody waits for it. */
function isLooped(row: RepeatedCall, options: Options): boolean {
  return row.calls_median >= options.minCalls && executionWord(row.kind) === 'request'
}

/** Side by side they cost hardly more than one. */
function isSpareable(row: RepeatedCall, options: Options): boolean {
  return averageNs(row.spareable_ns, row.executions) >= options.minSpareableMs * NS_PER_MS
}

/** Method, host and path, as far as they are told; what has another form is a name that somebody chose. */
const REQUEST = /^[A-Z]+(?: [^\s/]*(\/\S*)?)?$/

function isShared(call: string, options: Options): boolean {
  const request = REQUEST.exec(call)
  if (request === null) return false
  const path = request[1]?.replace(/\/+$/, '') ?? ''
  return path === '' || options.sharedPaths.some(end => path.endsWith(end))
}

interface Reason {
  readonly name: 'retries' | 'loop'
  title(row: RepeatedCall): string
  readonly cure: string
  /** At the most. */
  readonly confidence: number
}

const LOOPED: Reason = {
  name: 'loop',
  title: () => ', one after the other',
  cure: 'Ask once for all of them, where the other side takes a list; else ask side by side, a bounded number at a time (Promise.all, asyncio.gather), and keep answers that change rarely. Where each call asks for the next page, ask for larger ones; where it asks whether something is ready yet, wait longer in between or let the other side tell.',
  // Pages and polling look the same from here.
  confidence: 0.7,
}

/** Why to wait, and by chance: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. */
const RETRIED: Reason = {
  name: 'retries',
  title: row => `, ${formatPercent(failedRatio(row))} of which fail`,
  cure: 'Repeating at once adds load to what is failing already. Try two or three times at most, wait twice as long each time with a part left to chance, give each try a time limit, and stop asking for a while when most tries fail (a circuit breaker). Then look at why the other side fails.',
  confidence: 0.95,
}

function toFinding(row: RepeatedCall, reason: Reason, window: Window, options: Options): Finding {
  const one = executionWord(row.kind)
  const recoverableNsPerHour = perHour(row.spareable_ns, window)
  const perExecutionNs = averageNs(row.spareable_ns, row.executions)
  return {
    environment: row.environment,
    service: row.service,
    operation: row.operation,
    operationKind: row.kind,
    subject: subjectOf('repeated-call', row.call),
    severity: severityOf(
      { perHourNs: recoverableNsPerHour, perExecutionNs },
      window,
      options.severity,
    ),
    title: `${row.operation} calls ${row.call} ${formatCount(row.exemplar_calls)} times in one ${one}${reason.title(row)}`,
    description: `In ${formatCount(row.executions)} executions it was called ${formatCount(row.calls_total)} times, ${formatCount(row.calls_median)} times in a typical one, ${formatDuration(row.mean_call_ns)} each. Up to ${formatDuration(perExecutionNs)} of each execution would be spared. ${reason.cure}`,
    confidence:
      reason.confidence *
      (1 - 1 / (Math.max(1, row.seen_executions) * Math.max(2, row.calls_median))),
    cause: {
      ofSlowStatement: false,
      operations: [{ operation: row.operation, kind: row.kind, timeNs: row.loop_ns }],
    },
    ...(row.code_location === '' ? {} : { codeLocation: row.code_location }),
    traceId: row.trace_id,
    spanIds: row.span_ids,
    evidence: {
      call: row.call,
      reason: reason.name,
      calls_per_execution_median: row.calls_median,
      calls_per_execution_max: row.calls_max,
      calls: row.calls_total,
      failed_ratio: failedRatio(row),
      executions: row.executions,
      mean_call_ns: row.mean_call_ns,
      busy_ns_per_execution: averageNs(row.busy_ns, row.executions),
      recoverable_ns_per_execution: perExecutionNs,
    },
    recoverableNsPerHour,
  }
}
