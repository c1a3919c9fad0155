import type { Finding, Window } from '../analysis/analyzer.ts'
import type { DurationNs } from '../domain/duration.ts'
import type { Fingerprint } from '../domain/fingerprint.ts'
import type { SpanKind } from '../domain/span.ts'
import { perHour } from './evidence-window.ts'
import { type SeverityLimits, severityOf } from './severity-of.ts'
import { averageNs } from './words.ts'

/** What a statement costs, over all operations that call it, and which of them it costs most. */
interface StatementCost {
  readonly environment: string
  readonly service: string
  readonly operation: string
  readonly kind: SpanKind
  readonly statement: Fingerprint
  readonly text: string
  readonly code_location: string
  readonly trace_id: string
  readonly span_id: string
  readonly calls: number
  readonly p95_ns: DurationNs
  readonly duration_ns: DurationNs
  readonly operations: number
  readonly operation_ratio: number
}

type StatementPart = Pick<
  Finding,
  | 'environment'
  | 'service'
  | 'operation'
  | 'operationKind'
  | 'subject'
  | 'operationIsIncidental'
  | 'severity'
  | 'statement'
  | 'statementText'
  | 'codeLocation'
  | 'traceId'
  | 'spanIds'
  | 'recoverableNsPerHour'
>

/** The part of a finding that follows from its being about a statement, wherever it is called. */
export function statementPart(
  row: Omit<StatementCost, 'p95_ns'>,
  lostNs: number,
  window: Window,
  limits: SeverityLimits,
): StatementPart {
  const recoverableNsPerHour = perHour(lostNs, window)
  const cost = {
    perHourNs: recoverableNsPerHour,
    perExecutionNs: averageNs(lostNs, row.calls),
  }
  return {
    environment: row.environment,
    service: row.service,
    operation: row.operation,
    operationKind: row.kind,
    subject: row.statement,
    operationIsIncidental: true,
    severity: severityOf(cost, window, limits),
    statement: row.statement,
    statementText: row.text,
    ...(row.code_location === '' ? {} : { codeLocation: row.code_location }),
    traceId: row.trace_id,
    spanIds: [row.span_id],
    recoverableNsPerHour,
  }
}

/** What it costs, as evidence. */
export function costEvidence(row: StatementCost) {
  return {
    calls: row.calls,
    mean_ns: averageNs(row.duration_ns, row.calls),
    p95_ns: row.p95_ns,
    total_ns: row.duration_ns,
    operations: row.operations,
    operation_ratio: row.operation_ratio,
  }
}
