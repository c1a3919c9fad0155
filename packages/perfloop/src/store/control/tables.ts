import type { Generated, Kysely } from 'kysely'
import type { IssueStatus } from '../../domain/issue.ts'
import type { OptimizationStatus } from '../../domain/optimization.ts'
import type { Severity } from '../../domain/severity.ts'
import type { SpanKind } from '../../domain/span.ts'
import type {
  KnobValueRecord,
  LedgerRecord,
  ProfileRecord,
  RunRecord,
  TargetRecord,
} from './control-store.ts'

/**
 * The tables as both engines give them to us: names in camelCase (snake_case in the database), instants as
 * ISO 8601 text in UTC, documents as JSON text, flags as 0/1 or booleans.
 */
export interface ControlTables {
  performanceIssues: IssueRow
  issueHistory: { issueId: string; at: string; recoverableNsPerHour: number }
  performanceOptimizations: OptimizationRow
  optimizationIssues: { optimizationId: string; issueId: string; position: number }
  performanceRuns: RunRow
  ledger: LedgerRow
  targets: TargetRow
  ingestTokens: {
    id: string
    name: string
    environment: string
    tokenHash: string
    createdAt: string
    revokedAt: string | null
  }
  controlState: { key: string; value: string; updatedAt: string }
  agents: AgentRow
  agentDeclarations: DeclarationRow
  agentProfiles: { -readonly [Name in keyof ProfileRecord]: ProfileRecord[Name] }
  agentProfileBytes: { profileId: string; pprof: Uint8Array }
  knobValues: { -readonly [Name in keyof KnobValueRecord]: KnobValueRecord[Name] }
}

export type ControlDatabase = Kysely<ControlTables>

export interface IssueRow {
  id: string
  kind: string
  title: string
  description: string
  severity: Severity
  status: IssueStatus
  environment: string
  service: string
  operation: string
  operationKind: SpanKind
  fingerprint: string
  statement: string | null
  statementText: string | null
  codeLocation: string | null
  confidence: number
  recoverableNsPerHour: number
  evidence: string
  exemplarTrace: string
  exemplarSpans: string
  windowsSeen: number
  firstSeen: string
  lastSeen: string
  ignoredUntil: string | null
  ignoreReason: string | null
  createdAt: string
  updatedAt: string
}

export interface OptimizationRow {
  id: string
  type: string
  title: string
  description: string
  status: OptimizationStatus
  environment: string
  service: string
  targetId: string
  change: string
  undo: string
  risk: string
  recommendation: string
  expectedGain: string
  recoverableNsPerHour: number
  impact: string | null
  failure: string | null
  changeKey: string
  appliedAt: string | null
  createdAt: string
  updatedAt: string
}

export interface RunRow {
  id: string
  kind: RunRecord['kind']
  name: string
  actor: string
  environment: string
  service: string
  parameters: string
  version: string | null
  result: string | null
  status: RunRecord['status']
  startedAt: string
  finishedAt: string | null
}

export interface LedgerRow {
  sequence: Generated<number>
  id: string
  at: string
  subjectType: LedgerRecord['subjectType']
  subjectId: string
  actor: string
  fromStatus: string | null
  toStatus: string
  reason: string | null
  evidence: string
}

export interface TargetRow {
  id: string
  kind: string
  name: string
  environment: string
  services: string
  options: string
  status: TargetRecord['status']
  version: string | null
  notes: string
  canChange: boolean | number
  collectedAt: string | null
  createdAt: string
}

export interface AgentRow {
  id: string
  environment: string
  service: string
  instance: string
  agentVersion: string
  runtime: string
  runtimeVersion: string
  host: string
  processId: number
  frameworks: string
  knobs: string
  declarations: string | null
  startedAt: string
  firstSeen: string
  lastSeen: string
}

export interface DeclarationRow {
  environment: string
  service: string
  revision: string
  routes: string
  models: string
  omitted: number
  declaredAt: string
}
