import type { OptimizationStatus } from '../domain/optimization.ts'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { OperationKey } from '../domain/span.ts'
import type { ControlStore, OptimizationRecord } from '../store/control/control-store.ts'
import type { ApplyContext, OptimizationKind } from './optimization.ts'
import type { OptimizerOptions } from './optimizer.ts'
import { isInMaintenanceWindow, readPolicy } from './policy.ts'
import { readRecommendation, type TrackedRecommendation } from './stored-recommendation.ts'
import type { TargetRegistry } from './target-registry.ts'

/** Made and not yet judged: nothing else may change the same operations meanwhile. */
const UNDER_WAY: readonly OptimizationStatus[] = ['applying', 'applied', 'verifying']
const MADE: readonly OptimizationStatus[] = ['applied', 'verifying', 'verified']
const PAGE = 200
/** Statuses that come with a change of the target. */
const DISTURBING: readonly OptimizationStatus[] = ['applied', 'rolled_back']

/** A change that was made or taken back: what was measured before it is of another world. */
export interface Disturbance {
  readonly atUnixMs: number
  readonly operations: readonly OperationKey[]
}

export interface Step {
  readonly actor: string
  readonly reason?: string | undefined
  readonly evidence?: Readonly<Record<string, unknown>>
}

type Extra = NonNullable<Parameters<ControlStore['optimizations']['transition']>[3]>

/** The only hand that changes targets: every step is in the ledger, in the same transaction as the status. */
export class Changes {
  readonly #options: OptimizerOptions
  readonly #targets: TargetRegistry
  readonly #signal: AbortSignal
  /** Being made by this process now; whatever else is `applying` was left by a crash. */
  readonly #inFlight = new Set<string>()
  /** Being taken back now: meanwhile nobody else may decide on them. */
  readonly #undoing = new Set<string>()

  constructor(options: OptimizerOptions, targets: TargetRegistry, signal: AbortSignal) {
    this.#options = options
    this.#targets = targets
    this.#signal = signal
  }

  async require(id: string): Promise<OptimizationRecord> {
    const record = await this.#options.control.optimizations.get(id)
    if (record === undefined) throw new PerfloopError('NOT_FOUND', { optimization: id })
    return record
  }

  /** All of them, the newest first. */
  async list(
    statuses: readonly OptimizationStatus[],
    filter: { readonly targetId?: string; readonly updatedSince?: string } = {},
  ): Promise<readonly OptimizationRecord[]> {
    const { optimizations } = this.#options.control
    const found: OptimizationRecord[] = []
    for (;;) {
      const page = { limit: PAGE, offset: found.length }
      const { rows } = await optimizations.list({ statuses, ...filter, ...page })
      found.push(...rows)
      if (rows.length < PAGE) return found
    }
  }

  underWay(): Promise<readonly OptimizationRecord[]> {
    return this.list(UNDER_WAY)
  }

  /** One step of one status, or CONFLICT when somebody else was first. */
  async step(
    record: OptimizationRecord,
    to: OptimizationStatus,
    step: Step,
    extra: Extra = {},
    before: (store: ControlStore) => Promise<void> = async () => {},
  ): Promise<OptimizationRecord> {
    if (to !== 'rolled_back') this.#requireNotUndoing(record)
    await this.#options.control.transaction(async store => {
      await before(store)
      if (!(await store.optimizations.transition(record.id, record.status, to, extra))) {
        throw new PerfloopError('CONFLICT', { optimization: record.id, from: record.status, to })
      }
      await store.ledger.append({
        at: this.#now(),
        subjectType: 'optimization',
        subjectId: record.id,
        actor: step.actor,
        from: record.status,
        to,
        reason: step.reason ?? null,
        evidence: step.evidence ?? {},
      })
    })
    return this.require(record.id)
  }

  /** What was changed, or taken back, in `[fromUnixMs, beforeUnixMs)`. */
  async disturbances(fromUnixMs: number, beforeUnixMs: number): Promise<readonly Disturbance[]> {
    const steps = await this.#options.control.optimizations.stepsTo({
      statuses: DISTURBING,
      from: new Date(Math.max(0, fromUnixMs)).toISOString(),
      before: new Date(beforeUnixMs).toISOString(),
    })
    return steps.map(({ at, recommendation }) => ({
      atUnixMs: Date.parse(at),
      operations: readRecommendation(recommendation).operations,
    }))
  }

  /** A remark in the ledger that is no change of status. */
  async note(record: OptimizationRecord, step: Step): Promise<void> {
    await this.#options.control.ledger.append({
      at: this.#now(),
      subjectType: 'optimization',
      subjectId: record.id,
      actor: step.actor,
      from: record.status,
      to: record.status,
      reason: step.reason ?? null,
      evidence: step.evidence ?? {},
    })
  }

  async apply(id: string, step: Step): Promise<OptimizationRecord> {
    const record = await this.require(id)
    if (MADE.includes(record.status) || record.status === 'applying') return record
    const recommendation = readRecommendation(record.recommendation)
    const progress = {
      startedUnixMs: this.#options.clock.nowUnixMs(),
      looksTaken: 0,
      waste: null,
    }
    // The undo is in the ledger, and synced, before anything is done that would need it.
    const applying = await this.step(
      record,
      'applying',
      {
        ...step,
        evidence: { change: record.change, undo: record.undo, owns: recommendation.owns },
      },
      { recommendation: { ...recommendation, progress }, failure: null, impact: null },
      store => this.#requireAllowed(store, record),
    )
    this.#inFlight.add(id)
    try {
      await this.#make(applying, recommendation, step.actor)
    } finally {
      this.#inFlight.delete(id)
    }
    return this.require(id)
  }

  async #make(
    record: OptimizationRecord,
    recommendation: TrackedRecommendation,
    actor: string,
  ): Promise<void> {
    try {
      const kind = this.#kind(record)
      await kind.apply(recommendation, await this.context(record))
    } catch (error) {
      const failure = failureOf(error)
      this.#options.logger.warn({ optimization: record.id, failure }, 'a change was not made')
      // Stopped, or cut off: what was made is for the target to say, here or after the next start.
      if (this.#signal.aborted || failure.code === 'TARGET_UNREACHABLE') return
      const to = failure.code === 'TARGET_PERMISSION_DENIED' ? 'manual_required' : 'failed'
      const reason =
        to === 'failed' ? failure.message : 'Perfloop may not make this change: make it by hand.'
      await this.step(record, to, { actor, reason, evidence: { failure } }, { failure })
      return
    }
    await this.step(record, 'applied', { actor }, { appliedAt: this.#now() })
    this.#options.logger.info(
      { optimization: record.id, change: record.change },
      'a change was made',
    )
  }

  /** Takes a change back, whatever there is of it. Doing it twice does no harm. */
  async undo(
    record: OptimizationRecord,
    step: Step,
    extra: Extra = {},
  ): Promise<OptimizationRecord> {
    this.#requireNotUndoing(record)
    this.#undoing.add(record.id)
    try {
      return await this.#takeBack(record, step, extra)
    } finally {
      this.#undoing.delete(record.id)
    }
  }

  #requireNotUndoing({ id }: OptimizationRecord): void {
    if (!this.#undoing.has(id)) return
    throw new PerfloopError('CONFLICT', { optimization: id, reason: 'it is being taken back' })
  }

  async #takeBack(
    record: OptimizationRecord,
    step: Step,
    extra: Extra,
  ): Promise<OptimizationRecord> {
    const recommendation = readRecommendation(record.recommendation)
    try {
      await this.#kind(record).undo(recommendation, await this.context(record))
    } catch (error) {
      const failure = failureOf(error)
      await this.#options.control.optimizations.update(record.id, { failure, ...extra })
      await this.note(record, { ...step, reason: 'It could not be undone.', evidence: { failure } })
      throw error
    }
    // From whatever somebody who was faster made of it: that it is gone is true all the same.
    const current = await this.require(record.id)
    if (current.status === 'rolled_back') return current
    const undone = await this.step(current, 'rolled_back', step, { failure: null, ...extra })
    this.#options.logger.info({ optimization: record.id, undo: record.undo }, 'a change was undone')
    return undone
  }

  /** `applying` without anybody applying: a crash, or a target that went away. The target knows the truth. */
  async settle(record: OptimizationRecord): Promise<void> {
    if (this.#inFlight.has(record.id)) return
    const recommendation = readRecommendation(record.recommendation)
    const context = await this.context(record)
    const kind = this.#kind(record)
    const state = await kind.inspect(recommendation, context)
    const step = { actor: 'perfloop', evidence: { found: state } }
    if (state === 'present') {
      const reason = 'Found made after an interruption.'
      await this.step(record, 'applied', { ...step, reason }, { appliedAt: this.#now() })
      return
    }
    if (state === 'partial') await kind.undo(recommendation, context)
    const reason =
      state === 'partial'
        ? 'Found half made after an interruption, and taken back.'
        : 'Found not made after an interruption.'
    const failure = { code: 'CHANGE_FAILED', message: reason, details: { found: state } }
    await this.step(record, 'failed', { ...step, reason }, { failure })
  }

  /** What a failed change left behind because something held it up. */
  async sweep(record: OptimizationRecord): Promise<void> {
    const recommendation = readRecommendation(record.recommendation)
    const context = await this.context(record)
    if ((await this.#kind(record).inspect(recommendation, context)) !== 'partial') return
    await this.#kind(record).undo(recommendation, context)
    await this.note(record, { actor: 'perfloop', reason: 'What it had left behind is removed.' })
  }

  async context(record: OptimizationRecord): Promise<ApplyContext> {
    const target = await this.#targets.require(record.targetId)
    return {
      targetKind: target.kind,
      targetOptions: target.options,
      settings: this.#options.settings.optimizer,
      signal: this.#signal,
    }
  }

  async #requireAllowed(store: ControlStore, record: OptimizationRecord): Promise<void> {
    const { optimizer } = this.#options.settings
    const policy = await readPolicy(store, optimizer)
    if (policy.killSwitch) {
      throw new PerfloopError('KILL_SWITCH_ENGAGED', { reason: policy.killSwitchReason })
    }
    if (record.status !== 'approved') {
      throw new PerfloopError('CONFLICT', {
        optimization: record.id,
        status: record.status,
        expected: 'approved',
      })
    }
    if (!isInMaintenanceWindow(optimizer.maintenanceWindow, this.#options.clock.nowUnixMs())) {
      throw new PerfloopError('CONFLICT', { maintenance_window: optimizer.maintenanceWindow })
    }
    const rival = rivalOf(record, await this.underWay())
    if (rival !== undefined) {
      throw new PerfloopError('CONFLICT', {
        reason: 'another change of the same operation is being made or judged',
        optimization: rival.id,
        title: rival.title,
      })
    }
  }

  #kind(record: OptimizationRecord): OptimizationKind {
    const kind = this.#options.optimizationKinds.find(({ kind: name }) => name === record.type)
    if (kind === undefined) throw new PerfloopError('NOT_FOUND', { optimization_kind: record.type })
    return kind
  }

  #now(): string {
    return new Date(this.#options.clock.nowUnixMs()).toISOString()
  }
}

/** Another change of the same operations that is being made or judged. */
export function rivalOf(
  record: OptimizationRecord,
  underWay: readonly OptimizationRecord[],
): OptimizationRecord | undefined {
  const { operations } = readRecommendation(record.recommendation)
  return underWay.find(
    other =>
      other.id !== record.id &&
      overlap(readRecommendation(other.recommendation).operations, operations),
  )
}

/** When one of the operations was last disturbed; 0: never. */
export function lastOf(
  disturbances: readonly Disturbance[],
  operations: readonly OperationKey[],
): number {
  return Math.max(
    0,
    ...disturbances
      .filter(disturbance => overlap(disturbance.operations, operations))
      .map(({ atUnixMs }) => atUnixMs),
  )
}

function overlap(some: readonly OperationKey[], others: readonly OperationKey[]): boolean {
  const known = new Set(some.map(operation => JSON.stringify(operation)))
  return others.some(operation => known.has(JSON.stringify(operation)))
}

/** `failure` of the API contract. */
interface Failure {
  readonly code: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

function failureOf(error: unknown): Failure {
  if (error instanceof PerfloopError) {
    return { code: error.code, message: error.message, details: error.details }
  }
  const reason = error instanceof Error ? error.message : String(error)
  return { code: 'CHANGE_FAILED', message: 'The change could not be made.', details: { reason } }
}
