import type { OptimizationRecord } from '../store/control/control-store.ts'
import type { Changes } from './changes.ts'
import type { OptimizerOptions } from './optimizer.ts'
import { isInMaintenanceWindow, modeOf, type Policy, readPolicy } from './policy.ts'
import { readRecommendation } from './stored-recommendation.ts'

/** Does `work` for a record; what hinders it hinders no other. */
export type Guard = (
  record: OptimizationRecord,
  message: string,
  work: () => Promise<void>,
) => Promise<void>

/** Makes the changes that the policy allows without asking anybody. */
export class PolicyApplier {
  readonly #options: OptimizerOptions
  readonly #changes: Changes

  constructor(options: OptimizerOptions, changes: Changes) {
    this.#options = options
    this.#changes = changes
  }

  /** Aborted, it begins no further change: what was approved stays approved. */
  async applyAllowed(guarded: Guard, signal: AbortSignal): Promise<void> {
    const { control, clock, settings } = this.#options
    const policy = await readPolicy(control, settings.optimizer)
    if (policy.killSwitch) return
    if (!isInMaintenanceWindow(settings.optimizer.maintenanceWindow, clock.nowUnixMs())) return
    // The oldest first, and one change of an operation at a time: the others wait for its verdict.
    const waiting = (await this.#changes.list(['proposed', 'approved'])).toReversed()
    for (const record of waiting) {
      signal.throwIfAborted()
      await guarded(record, 'it has to wait', () => this.#applyIfAllowed(record, policy))
    }
  }

  async #applyIfAllowed(record: OptimizationRecord, policy: Policy): Promise<void> {
    const mode = modeOf(policy.rules, changeOf(record))
    if (mode === 'observe') return
    if (record.status === 'proposed' && mode !== 'auto') return
    if (await this.#isTooSoon(record)) return
    if (record.status === 'approved') {
      await this.#changes.apply(record.id, { actor: 'perfloop', reason: 'It was approved.' })
      return
    }
    const actor = 'policy:auto'
    const reason = `The policy lets ${record.type} be applied in ${record.environment}.`
    await this.#changes.step(record, 'approved', { actor, reason })
    await this.#changes.apply(record.id, { actor, reason })
  }

  /** So soon after another change of the same operations there is nothing yet to compare an effect with. */
  async #isTooSoon(record: OptimizationRecord): Promise<boolean> {
    const { operations } = readRecommendation(record.recommendation)
    const { clock, settings } = this.#options
    const now = clock.nowUnixMs()
    const last = await this.#changes.lastDisturbance(operations, now)
    return now - last < settings.optimizer.verification.beforeMs
  }
}

/** What a rule of the policy is compared with. */
export function changeOf(record: OptimizationRecord): {
  readonly kind: string
  readonly environment: string
  readonly service: string
} {
  return { kind: record.type, environment: record.environment, service: record.service }
}
