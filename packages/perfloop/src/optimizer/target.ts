import type { z } from 'zod'
import type { OptimizerSettings } from '../settings/optimizer.ts'
import type { TargetFact } from '../store/telemetry/target-facts.ts'

/** A statement pattern that telemetry saw on a target's services: what plans are asked for. */
export interface ObservedStatement {
  readonly statement: string
  readonly text: string
  readonly calls: number
  readonly totalNs: number
}

/**
 * Something that can be inspected or changed: a database, a cache, a proxy, an agent.
 * Targets collect, analyzers judge, the optimizer proves.
 */
export interface TargetConnection extends AsyncDisposable {
  /** Version and what Perfloop may do here; throws TARGET_UNREACHABLE. */
  check(signal?: AbortSignal): Promise<TargetStatus>
  /** Schema, statistics, index use and plans (without literals) of the observed statements. Read-only. */
  collect(observed: readonly ObservedStatement[], signal?: AbortSignal): Promise<Collected>
}

export interface Collected {
  readonly facts: readonly TargetFact[]
  /** Observed statements without a plan, and why: said in the target's notes. */
  readonly skipped: readonly { readonly statement: string; readonly reason: string }[]
}

export interface TargetStatus {
  readonly version: string
  readonly canCollect: boolean
  readonly canChange: boolean
  /** What is missing and how to grant it, in words. */
  readonly notes: readonly string[]
}

export interface TargetKind<Options extends z.ZodType = z.ZodType> {
  /** Permanent: `postgres`, `sqlite`, … */
  readonly kind: string
  readonly title: string
  /** Systems whose statements it can explain, as telemetry names them (`db.system`). */
  readonly dialects: readonly string[]
  /** Connection settings. Secrets are marked with `.meta({ secret: true })` and never leave the server. */
  readonly options: Options
  connect(options: z.output<Options>, settings: OptimizerSettings): Promise<TargetConnection>
}

export function defineTarget<Options extends z.ZodType>(
  target: TargetKind<Options>,
): TargetKind<Options> {
  return target
}
