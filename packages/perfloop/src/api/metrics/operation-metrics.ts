import { OTHER } from '../../domain/span.ts'
import { OPERATION_BUCKETS_SECONDS, type OperationCounters } from '../../ingest/ingest-buffer.ts'
import { counter, histogramSamples, type MetricFamily } from './metric-family.ts'

/**
 * Rate, errors and duration of every operation since start. Beyond `most` operations the quieter ones are
 * added up as `_other` of their service, so that the number of series is bounded and the totals stay right.
 */
export function operationMetrics(
  operations: readonly OperationCounters[],
  most: number,
): readonly MetricFamily[] {
  const shown = boundOperations(operations, most)
  return [
    counter(
      'perfloop_operation_errors',
      'Failed executions of an operation since Perfloop started.',
      shown.map(operation => ({ labels: labelsOf(operation), value: operation.errors })),
    ),
    {
      name: 'perfloop_operation_duration_seconds',
      type: 'histogram',
      unit: 'seconds',
      help: 'Duration of the executions of an operation since Perfloop started.',
      samples: shown.flatMap(operation =>
        histogramSamples(
          labelsOf(operation),
          OPERATION_BUCKETS_SECONDS,
          operation.buckets,
          operation.calls,
          operation.durationSecondsSum,
        ),
      ),
    },
  ]
}

function boundOperations(
  operations: readonly OperationCounters[],
  most: number,
): readonly OperationCounters[] {
  const byKey = new Map<string, OperationCounters>()
  const ranked = [...operations].sort((a, b) => b.calls - a.calls)
  ranked.forEach((operation, rank) => {
    const kept = rank < most ? operation : { ...operation, operation: OTHER, kind: 'unspecified' }
    const key = JSON.stringify(labelsOf(kept))
    const before = byKey.get(key)
    byKey.set(key, before === undefined ? kept : addCounters(before, kept))
  })
  return [...byKey.values()]
}

function addCounters(a: OperationCounters, b: OperationCounters): OperationCounters {
  return {
    ...a,
    calls: a.calls + b.calls,
    errors: a.errors + b.errors,
    durationSecondsSum: a.durationSecondsSum + b.durationSecondsSum,
    buckets: a.buckets.map((count, index) => count + (b.buckets[index] ?? 0)),
  }
}

function labelsOf({
  environment,
  service,
  operation,
  kind,
}: OperationCounters): Record<string, string> {
  return { environment, service, operation, kind }
}
