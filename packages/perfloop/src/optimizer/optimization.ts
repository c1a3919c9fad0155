import type { Fingerprint } from '../domain/fingerprint.ts'
import type { OperationKey, SpanKind } from '../domain/span.ts'
import type { OptimizerSettings } from '../settings/optimizer.ts'
import type { TargetFact } from '../store/telemetry/target-facts.ts'

/** What the planner said with and without the change. Evidence, not a promise. */
export interface Proof {
  /** hypopg, statistics-copy or sqlite-copy. */
  readonly method: string
  readonly statements: readonly {
    readonly statement: Fingerprint
    readonly text: string
    readonly costBefore: number
    readonly costAfter: number
    readonly planBefore: readonly string[]
    readonly planAfter: readonly string[]
    readonly usesChange: boolean
  }[]
}

/** A recommendation: what to change, where, expected gain, risk, how to undo. */
export interface Recommendation {
  /** Kind of the optimization, such as `create-index`. */
  readonly kind: string
  readonly targetId: string
  readonly title: string
  readonly description: string
  /** The exact artefact: SQL to run, configuration to write. */
  readonly change: string
  readonly undo: string
  /** What the change will own: undo touches nothing else. JSON; read back by `inspect`, `apply` and `undo`. */
  readonly owns: Readonly<Record<string, unknown>>
  readonly risk: string
  readonly proof: Proof
  /** What makes two proposals the same change, such as the table and the columns of an index. */
  readonly changeKey: string
  /** Expected share of the recoverable time that comes back, as a range 0–1. */
  readonly expectedGain: { readonly low: number; readonly high: number }
  /** The operations whose measurements decide. */
  readonly operations: readonly OperationKey[]
  readonly issueIds: readonly string[]
}

export interface IssueToSettle {
  readonly id: string
  readonly kind: string
  readonly environment: string
  readonly service: string
  readonly operation: string
  readonly operationKind: SpanKind
  readonly recoverableNsPerHour: number
  readonly statement: Fingerprint | null
  readonly evidence: Readonly<Record<string, unknown>>
}

/** What a kind may use while planning; it proves, it does not change. */
export interface PlanningContext {
  readonly targetId: string
  readonly targetKind: string
  /** Validated connection options of the target. */
  readonly targetOptions: unknown
  readonly facts: readonly TargetFact[]
  readonly settings: OptimizerSettings
  readonly scratchDirectory: string
  readonly signal: AbortSignal
}

export interface ApplyContext {
  readonly targetKind: string
  readonly targetOptions: unknown
  readonly settings: OptimizerSettings
  readonly signal: AbortSignal
}

/** The truth, read from the target: after a crash nothing else is believed. */
export type ChangeState = 'absent' | 'present' | 'partial'

/**
 * One kind of change. `plan` proves and proposes; `apply` and `undo` are idempotent and touch only what the
 * recommendation `owns`; `inspect` reads the truth. Policy, ledger, verification and rollback are the optimizer's.
 */
export interface OptimizationKind {
  readonly kind: string
  readonly title: string
  /** Kinds of issues it can settle. */
  readonly settles: readonly string[]
  readonly targetKinds: readonly string[]
  plan(
    issues: readonly IssueToSettle[],
    context: PlanningContext,
  ): Promise<readonly Recommendation[]>
  apply(recommendation: Recommendation, context: ApplyContext): Promise<void>
  undo(recommendation: Recommendation, context: ApplyContext): Promise<void>
  inspect(recommendation: Recommendation, context: ApplyContext): Promise<ChangeState>
  /** Of a change that is kept: why it no longer earns its place (an index nobody uses); undefined while it does. */
  findWaste?(recommendation: Recommendation, facts: readonly TargetFact[]): string | undefined
}

export function defineOptimization(optimization: OptimizationKind): OptimizationKind {
  return optimization
}
