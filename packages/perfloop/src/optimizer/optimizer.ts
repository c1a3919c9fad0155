import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../domain/logger.ts'
import type { Settings } from '../settings/settings.ts'
import type {
  ControlStore,
  OptimizationRecord,
  TargetRecord,
} from '../store/control/control-store.ts'
import type { TelemetryEngine } from '../store/telemetry/engine.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import type { OptimizationKind } from './optimization.ts'
import type { Policy, PolicyRule } from './policy.ts'
import type { TargetKind } from './target.ts'

export interface OptimizerOptions {
  readonly control: ControlStore
  readonly telemetry: TelemetryStore
  /** Where facts of targets are written. */
  readonly engine: TelemetryEngine
  readonly settings: Settings
  readonly targetKinds: readonly TargetKind[]
  readonly optimizationKinds: readonly OptimizationKind[]
  readonly clock: Clock
  readonly logger: Logger
  /** Scratch copies for proofs live in `scratch` below it, only while a proof runs. */
  readonly dataDirectory: string
}

export interface NewTarget {
  readonly kind: string
  readonly name: string
  readonly environment: string
  readonly services: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
}

/**
 * Recommend, apply, verify. `recover` once at start, then `collectTargets`, `recommend` and `tick` every
 * so often; the rest is what people ask for. Every method may be called at any time and in parallel:
 * the control store decides who was first.
 */
export interface Optimizer extends AsyncDisposable {
  /** Throws INVALID_REQUEST for an unknown kind or wrong options. The target is checked, not yet collected. */
  addTarget(target: NewTarget, actor: string): Promise<TargetRecord>
  /** Throws TARGET_IN_USE while changes made there may have to be taken back, unless it is forced. */
  removeTarget(id: string, actor: string, isForced?: boolean): Promise<void>
  /** Reads the target's status into its record; an unreachable one is a status, not an error. */
  checkTarget(id: string): Promise<TargetRecord>
  /** Options of a target as they may be shown: secrets replaced by `***`. */
  shownOptions(target: TargetRecord): Readonly<Record<string, unknown>>
  collectTargets(): Promise<void>

  /** Open issues that a change could settle → proposals with their proof. Answers how many are new. */
  recommend(): Promise<number>
  approve(id: string, actor: string, reason?: string): Promise<OptimizationRecord>
  /** Makes the change now. Already applied: answers the record, changes nothing. */
  apply(id: string, actor: string, reason?: string): Promise<OptimizationRecord>
  dismiss(id: string, actor: string, reason?: string): Promise<OptimizationRecord>
  rollBack(id: string, actor: string, reason?: string): Promise<OptimizationRecord>
  /** Ends the verification: the change stays, whatever was measured. */
  keep(id: string, actor: string, reason?: string): Promise<OptimizationRecord>
  /** What may be asked of it now. */
  allowed(optimization: OptimizationRecord): readonly OptimizationAction[]

  policy(): Promise<Policy>
  setRules(rules: readonly PolicyRule[], actor: string): Promise<Policy>
  setKillSwitch(engaged: boolean, actor: string, reason?: string): Promise<Policy>

  /** One step: applies what policy allows, moves verifications on, undoes what failed them. */
  tick(): Promise<void>
  /** At start: whatever a crash left half-way is brought to what the target says is true. */
  recover(): Promise<void>
}

export type OptimizationAction = 'approve' | 'apply' | 'dismiss' | 'rollback' | 'keep'
