import type { IssueRecord, LedgerRecord } from '../store/control/control-store.ts'
import type { Issue, LedgerEntry } from './contract/insights.ts'
import { traceOrNull } from './present-trace.ts'

export function toIssue(record: IssueRecord): Issue {
  return {
    id: record.id,
    kind: record.kind,
    title: record.title,
    description: record.description,
    severity: record.severity,
    status: record.status,
    environment: record.environment,
    service: record.service,
    operation: record.operation,
    operation_kind: record.operationKind,
    fingerprint: record.fingerprint,
    statement: record.statement,
    statement_text: record.statementText,
    code_location: record.codeLocation,
    confidence: record.confidence,
    recoverable_ns_per_hour: record.recoverableNsPerHour,
    evidence: { ...record.evidence },
    exemplar_trace: traceOrNull(record.exemplarTrace) ?? '',
    exemplar_spans: [...record.exemplarSpans],
    windows_seen: record.windowsSeen,
    first_seen: record.firstSeen,
    last_seen: record.lastSeen,
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    ignored_until: record.ignoredUntil,
    ignore_reason: record.ignoreReason,
  }
}

export function toLedgerEntry(record: LedgerRecord): LedgerEntry {
  return {
    id: record.id,
    at: record.at,
    actor: record.actor,
    from: record.from,
    to: record.to,
    reason: record.reason,
    evidence: { ...record.evidence },
  }
}
