import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import type { Severity } from '../../domain/severity.ts'
import { ErrorRateOptions } from '../../settings/analyzers.ts'
import { wilsonInterval } from '../../statistics/wilson.ts'
import { operationFailures } from '../../store/telemetry/queries/operation-failures.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { enough, perHour, secondsOf } from '../evidence-window.ts'
import { subjectOf } from '../subject-of.ts'
import { averageNs, executionWord, formatCount, formatPercent } from '../words.ts'

type Options = z.output<typeof ErrorRateOptions>
type OperationFailures = RowOf<typeof operationFailures>

/** An operation that fails more often than is tolerated, beyond what chance explains. */
export const errorRate = defineAnalyzer({
  kind: 'error-rate',
  title: 'High error rate',
  description:
    'An operation whose share of failed executions is above the tolerated one, with enough executions to be sure, and what they fail with.',
  options: ErrorRateOptions,
  evidence: operationFailures,

  ask: (window, options) => ({ ...secondsOf(window), max_rows: options.maxRows }),

  judge(rows, window, options) {
    return rows.flatMap(row => {
      const isJob = executionWord(row.kind) === 'job'
      const minimum = isJob ? options.minJobExecutions : options.minExecutions
      if (row.seen_executions < enough(minimum, window)) return []
      // The interval is about what was seen; weights would make sampled traces look like more of them.
      const interval = wilsonInterval(row.seen_failed, row.seen_executions, options.confidence)
      return interval.low > options.maxRatio ? [toFinding(row, interval, window, options)] : []
    })
  },
})

function toFinding(
  row: OperationFailures,
  interval: { readonly low: number; readonly high: number },
  window: Window,
  options: Options,
): Finding {
  const ratio = row.executions > 0 ? row.failed / row.executions : 0
  const reason = commonest(row)
  const word = executionWord(row.kind)

  return {
    environment: row.environment,
    service: row.service,
    operation: row.operation,
    operationKind: row.kind,
    subject: subjectOf('error-rate', row.kind),
    severity: severity(interval.low, options),
    title: `${formatPercent(ratio)} of ${row.operation} fail${reason === undefined ? '' : `, most with ${reason}`}`,
    description: `${formatCount(row.failed)} of ${formatCount(row.executions)} ${word}s failed; with ${formatPercent(options.confidence)} confidence the share is between ${formatPercent(interval.low)} and ${formatPercent(interval.high)}, and at most ${formatPercent(options.maxRatio)} is tolerated. Open the exemplar trace: the first span that failed, deepest in the tree, is where it began.`,
    confidence: options.confidence,
    traceId: row.trace_id,
    spanIds: [row.span_id],
    evidence: {
      executions: row.executions,
      failed: row.failed,
      failed_ratio: ratio,
      failed_ratio_low: interval.low,
      failed_ratio_high: interval.high,
      tolerated_ratio: options.maxRatio,
      status_codes: row.status_codes,
      exceptions: row.exceptions,
      failed_mean_ns: averageNs(row.failed_ns, row.failed),
    },
    // Users waited for these executions and got nothing; most will have to wait once more.
    recoverableNsPerHour: perHour(row.failed_ns, window),
  }
}

function commonest(row: OperationFailures): string | undefined {
  const exception = row.exceptions[0]?.name
  if (exception !== undefined && exception !== '') {
    return exception.length > 100 ? `${exception.slice(0, 99)}…` : exception
  }
  const status = row.status_codes.find(({ name }) => name !== '0')
  return status === undefined ? undefined : `status ${status.name}`
}

function severity(ratio: number, options: Options): Severity {
  if (ratio >= options.criticalRatio) return 'critical'
  if (ratio >= options.highRatio) return 'high'
  return ratio >= options.mediumRatio ? 'medium' : 'low'
}
