import type { IssueStatus } from '../../domain/issue.ts'
import type { OptimizationStatus } from '../../domain/optimization.ts'
import type { Severity } from '../../domain/severity.ts'
import type { SpanKind } from '../../domain/span.ts'

/**
 * The control plane: small, transactional. Two engines behind it, SQLite and PostgreSQL, with the same
 * tables (`performance_issues`, `performance_optimizations`, `performance_runs`, `ledger`, `targets`,
 * `ingest_tokens`, `control_state`, and those of agents). Times are ISO 8601 strings in UTC; JSON columns are values here.
 */
export interface ControlStore extends AsyncDisposable {
  readonly issues: IssueRepository
  readonly optimizations: OptimizationRepository
  readonly ledger: LedgerRepository
  readonly targets: TargetRepository
  readonly ingestTokens: IngestTokenRepository
  readonly runs: RunRepository
  /** Small documents by key: policy, kill switch, watermarks, sessions' secret. */
  readonly state: StateRepository
  readonly agents: AgentRepository
  readonly profiles: ProfileRepository
  readonly knobValues: KnobValueRepository
  /** Runs `work` in one transaction: all of it, or nothing. */
  transaction<T>(work: (store: ControlStore) => Promise<T>): Promise<T>
}

export interface PageOf<T> {
  readonly rows: readonly T[]
  readonly total: number
}

export interface IssueRecord {
  readonly id: string
  readonly kind: string
  readonly title: string
  readonly description: string
  readonly severity: Severity
  readonly status: IssueStatus
  readonly environment: string
  readonly service: string
  readonly operation: string
  readonly operationKind: SpanKind
  /** Subject fingerprint; unique with kind, environment, service, operation. */
  readonly fingerprint: string
  readonly statement: string | null
  readonly statementText: string | null
  readonly codeLocation: string | null
  readonly confidence: number
  readonly recoverableNsPerHour: number
  readonly evidence: Readonly<Record<string, unknown>>
  readonly exemplarTrace: string
  readonly exemplarSpans: readonly string[]
  readonly windowsSeen: number
  readonly firstSeen: string
  readonly lastSeen: string
  readonly ignoredUntil: string | null
  readonly ignoreReason: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

export interface IssueFilter {
  readonly statuses?: readonly IssueStatus[]
  readonly minSeverity?: Severity
  readonly kind?: string
  readonly environment?: string
  readonly service?: string
  readonly operation?: string
  /** Subject, in whichever operations it was found. */
  readonly fingerprint?: string
  /** Not seen since before this instant. */
  readonly lastSeenBefore?: string
  readonly sort?: 'recoverable' | 'recent' | 'severity'
  readonly limit: number
  readonly offset: number
}

export interface IssueRepository {
  list(filter: IssueFilter): Promise<PageOf<IssueRecord>>
  get(id: string): Promise<IssueRecord | undefined>
  findByIdentity(identity: {
    kind: string
    environment: string
    service: string
    operation: string
    fingerprint: string
  }): Promise<IssueRecord | undefined>
  insert(issue: IssueRecord): Promise<void>
  /** Sets `updatedAt`; leaves `createdAt`. */
  update(id: string, change: Partial<Omit<IssueRecord, 'id' | 'createdAt'>>): Promise<void>
  /** One point a window it was found in; bounded to the newest 1,000 an issue. */
  appendHistory(id: string, at: string, recoverableNsPerHour: number): Promise<void>
  history(id: string): Promise<readonly { at: string; recoverableNsPerHour: number }[]>
}

export interface OptimizationRecord {
  readonly id: string
  readonly type: string
  readonly title: string
  readonly description: string
  readonly status: OptimizationStatus
  readonly environment: string
  readonly service: string
  readonly targetId: string
  readonly change: string
  readonly undo: string
  readonly risk: string
  /** The whole `Recommendation` (optimizer/optimization.ts), as proposed. */
  readonly recommendation: unknown
  readonly expectedGain: { readonly low: number; readonly high: number }
  readonly recoverableNsPerHour: number
  /** `Impact` of the API contract: measured before/after numbers with sample sizes; null until measured. */
  readonly impact: unknown
  readonly failure: unknown
  readonly issueIds: readonly string[]
  /** One optimization for one change: a proposal with the same key is not made twice. */
  readonly changeKey: string
  readonly appliedAt: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

export interface OptimizationRepository {
  list(filter: {
    readonly statuses?: readonly OptimizationStatus[]
    readonly type?: string
    readonly environment?: string
    readonly service?: string
    readonly issueId?: string
    readonly targetId?: string
    /** Not left as it was since before this instant. */
    readonly updatedSince?: string
    readonly limit: number
    readonly offset: number
  }): Promise<PageOf<OptimizationRecord>>
  /** Steps to one of the statuses in `[from, before)`, by the ledger, each with the recommendation. */
  stepsTo(filter: {
    readonly statuses: readonly OptimizationStatus[]
    readonly from: string
    readonly before: string
  }): Promise<readonly { readonly at: string; readonly recommendation: unknown }[]>
  get(id: string): Promise<OptimizationRecord | undefined>
  findByChangeKey(changeKey: string): Promise<OptimizationRecord | undefined>
  insert(optimization: OptimizationRecord): Promise<void>
  /** Compare-and-set: false when the status is no longer `from` (somebody else was first). */
  transition(
    id: string,
    from: OptimizationStatus,
    to: OptimizationStatus,
    change?: Partial<
      Pick<OptimizationRecord, 'impact' | 'failure' | 'appliedAt' | 'recommendation'>
    >,
  ): Promise<boolean>
  update(
    id: string,
    change: Partial<Omit<OptimizationRecord, 'id' | 'createdAt' | 'status'>>,
  ): Promise<void>
}

export interface LedgerRecord {
  readonly id: string
  readonly at: string
  readonly subjectType: 'issue' | 'optimization' | 'policy' | 'target' | 'token'
  readonly subjectId: string
  readonly actor: string
  readonly from: string | null
  readonly to: string
  readonly reason: string | null
  readonly evidence: Readonly<Record<string, unknown>>
}

/** Append-only: there is no update and no delete, and the database refuses both. */
export interface LedgerRepository {
  append(entry: Omit<LedgerRecord, 'id'>): Promise<void>
  of(subjectType: LedgerRecord['subjectType'], subjectId: string): Promise<readonly LedgerRecord[]>
}

export interface TargetRecord {
  readonly id: string
  readonly kind: string
  readonly name: string
  readonly environment: string
  readonly services: readonly string[]
  /** Connection options with their secrets: never leaves the server. */
  readonly options: Readonly<Record<string, unknown>>
  readonly status: 'unknown' | 'ok' | 'degraded' | 'unreachable'
  readonly version: string | null
  readonly notes: readonly string[]
  readonly canChange: boolean
  readonly collectedAt: string | null
  readonly createdAt: string
}

export interface TargetRepository {
  list(): Promise<readonly TargetRecord[]>
  get(id: string): Promise<TargetRecord | undefined>
  insert(target: TargetRecord): Promise<void>
  update(id: string, change: Partial<Omit<TargetRecord, 'id' | 'createdAt'>>): Promise<void>
  remove(id: string): Promise<void>
}

export interface IngestTokenRecord {
  readonly id: string
  readonly name: string
  readonly environment: string
  /** SHA-256 of the token; the token itself is shown once and not kept. */
  readonly tokenHash: string
  readonly createdAt: string
  readonly revokedAt: string | null
}

export interface IngestTokenRepository {
  list(): Promise<readonly IngestTokenRecord[]>
  insert(token: IngestTokenRecord): Promise<void>
  revoke(id: string, at: string): Promise<boolean>
}

export interface StateRepository {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown): Promise<void>
}

/** One benchmark, load test, validation or import whose measurements are kept together (PerformanceRun). */
export interface RunRecord {
  readonly id: string
  readonly kind: 'benchmark' | 'load' | 'validation' | 'import' | 'measure' | 'check'
  readonly name: string
  readonly actor: string
  readonly environment: string
  readonly service: string
  readonly parameters: Readonly<Record<string, unknown>>
  /** Version of the application that was run, where told. */
  readonly version: string | null
  /** Null until it has finished. */
  readonly result: unknown
  readonly status: 'running' | 'finished' | 'failed'
  readonly startedAt: string
  readonly finishedAt: string | null
}

export interface RunRepository {
  /** Newest first. */
  list(filter: {
    readonly kind?: RunRecord['kind']
    readonly environment?: string
    readonly service?: string
    readonly limit: number
    readonly offset: number
  }): Promise<PageOf<RunRecord>>
  get(id: string): Promise<RunRecord | undefined>
  insert(run: RunRecord): Promise<void>
  /** False when it is unknown or has finished already. */
  finish(
    id: string,
    end: {
      readonly status: 'finished' | 'failed'
      readonly result: unknown
      readonly finishedAt: string
    },
  ): Promise<boolean>
}

/** What an agent tells of a knob that its host lets be turned. */
export interface KnobReport {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly value: number
  /** What it was before anybody turned it, and is put back to. */
  readonly ownValue: number
  /** The host's bounds. */
  readonly minimum: number
  readonly maximum: number
}

export interface AgentRecord {
  /** Of environment, service and instance: 16 hex digits. */
  readonly id: string
  readonly environment: string
  readonly service: string
  readonly instance: string
  readonly agentVersion: string
  readonly runtime: string
  readonly runtimeVersion: string
  readonly host: string
  readonly processId: number
  readonly frameworks: readonly { readonly name: string; readonly version: string }[]
  readonly knobs: readonly KnobReport[]
  /** Revision of its declarations; null until it told them. */
  readonly declarations: string | null
  readonly startedAt: string
  readonly firstSeen: string
  readonly lastSeen: string
}

export interface DeclarationRecord {
  readonly environment: string
  readonly service: string
  readonly revision: string
  readonly routes: readonly {
    readonly method: string
    readonly route: string
    readonly framework: string
  }[]
  readonly models: readonly {
    readonly name: string
    readonly table: string
    readonly mapper: string
  }[]
  /** Declared beyond the agent's bounds. */
  readonly omitted: number
  readonly declaredAt: string
}

export interface AgentRepository {
  /** The latest seen first. */
  list(filter: {
    readonly environment?: string
    readonly service?: string
    readonly limit: number
    readonly offset: number
  }): Promise<PageOf<AgentRecord>>
  get(id: string): Promise<AgentRecord | undefined>
  /** New or known; `firstSeen` and `declarations` of a known one stay. */
  put(agent: AgentRecord): Promise<void>
  seen(id: string, at: string): Promise<void>
  declare(id: string, declaration: DeclarationRecord): Promise<void>
  declaration(
    environment: string,
    service: string,
    revision: string,
  ): Promise<DeclarationRecord | undefined>
  /**
   * Forgets those not seen since `before`, those beyond the newest `most`, declarations of none, and the declarations
   * not seen for longest until the rest is at most so long. What belongs to the living stays whatever the bounds.
   */
  prune(bounds: {
    readonly before: string
    readonly most: number
    readonly mostDeclarationsBytes: number
    /** Ids of those that are connected. */
    readonly living: ReadonlySet<string>
  }): Promise<void>
  /** Length of all declarations together. */
  declarationsBytes(): Promise<number>
}

export interface ProfileRecord {
  readonly id: string
  readonly agent: string
  readonly environment: string
  readonly service: string
  readonly instance: string
  readonly kind: 'cpu' | 'heap'
  /** Asked for by somebody, or of the low-rate profile that runs always. */
  readonly origin: 'request' | 'continuous'
  readonly status: 'requested' | 'running' | 'finished' | 'failed'
  readonly durationMs: number
  readonly actor: string | null
  readonly requestedAt: string
  readonly startedAt: string | null
  readonly finishedAt: string | null
  readonly failure: string | null
  readonly sizeBytes: number
}

export interface ProfileRepository {
  /** Newest first. */
  list(filter: {
    readonly environment?: string
    readonly service?: string
    readonly agent?: string
    readonly kind?: ProfileRecord['kind']
    readonly origin?: ProfileRecord['origin']
    /** Asked for (or, of the continuous one, received) within `[since, until)`. */
    readonly since?: string
    readonly until?: string
    readonly limit: number
    readonly offset: number
  }): Promise<PageOf<ProfileRecord>>
  get(id: string): Promise<ProfileRecord | undefined>
  /** Requested and not yet finished, the oldest first; of one agent or of all. */
  open(agent?: string): Promise<readonly ProfileRecord[]>
  /** False when one that its agent was asked for is still open: there is one at a time. */
  insert(profile: ProfileRecord): Promise<boolean>
  /** False when it is unknown or no longer in one of the statuses `from`. */
  change(
    id: string,
    from: readonly ProfileRecord['status'][],
    change: Partial<Pick<ProfileRecord, 'status' | 'startedAt' | 'finishedAt' | 'failure'>>,
  ): Promise<boolean>
  /** Its bytes, gzipped pprof; it is finished with them. False when it was finished or given up already. */
  finish(id: string, pprof: Uint8Array, at: string): Promise<boolean>
  bytes(id: string): Promise<Uint8Array | undefined>
  /** Forgets those requested before, and the oldest until the rest is at most so many, of so many bytes. */
  prune(before: string, mostBytes: number, most: number): Promise<void>
}

/** A knob turned for all instances of a service, until it expires. */
export interface KnobValueRecord {
  readonly environment: string
  readonly service: string
  readonly name: string
  readonly value: number
  readonly actor: string
  readonly reason: string | null
  readonly setAt: string
  readonly expiresAt: string
}

export interface KnobValueRepository {
  list(scope?: {
    readonly environment: string
    readonly service: string
  }): Promise<readonly KnobValueRecord[]>
  put(value: KnobValueRecord): Promise<void>
  /** False when there was none. */
  remove(environment: string, service: string, name: string): Promise<boolean>
}
