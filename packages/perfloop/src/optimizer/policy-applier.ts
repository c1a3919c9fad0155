import type { OptimizationRecord } from '../store/control/control-store.ts'
import { type Changes, type Disturbance, lastOf, rivalOf } from './changes.ts'
import type { OptimizerOptions } from './optimizer.ts'
import { isInMaintenanceWindow, modeOf, type Policy, readPolicy } from './policy.ts'
import { readRecommendation } from './stored-recommendation.ts'

/** Does `work` for a record; what hinders it hinders no other. */
export type Guard = (
  record: OptimizationRecord,
  message: string,
  work: () => Promise<void>,
) => Promise<void>

/** The changes that others have to wait for. */
interface Neighbours {
  readonly underWay: readonly OptimizationRecord[]
  readonly disturbances: readonly Disturbance[]
}

/** Makes the changes that the policy allows without asking anybody. */
export class PolicyApplier {
  readonly #options: OptimizerOptions
  readonly #changes: Changes
  /** By optimization: why it waits, as its ledger has it. */
  readonly #told = new Map<string, string>()

  constructor(options: OptimizerOptions, changes: Changes) {
    this.#options = options
    this.#changes = changes
  }

  /** Aborted, it begins no further change: what was approved stays approved. */
  async applyAllowed(guarded: Guard, signal: AbortSignal): Promise<void> {
    const { control, settings } = this.#options
    const policy = await readPolicy(control, settings.optimizer)
    const allowed = await this.#allowed(policy)
    for (const id of this.#told.keys()) {
      if (!allowed.some(record => record.id === id)) this.#told.delete(id)
    }
    if (allowed.length === 0) return
    let neighbours = await this.#neighbours()
    for (const record of allowed) {
      signal.throwIfAborted()
      await guarded(record, 'it has to wait', async () => {
        const reason = this.#reasonToWait(record, policy, neighbours)
        if (reason !== undefined) return this.#tell(record, reason)
        try {
          await this.#apply(record)
        } finally {
          neighbours = await this.#neighbours()
        }
      })
    }
  }

  /** The oldest first. */
  async #allowed({ rules }: Policy): Promise<readonly OptimizationRecord[]> {
    const isAuto = rules.some(({ mode }) => mode === 'auto')
    const waiting = await this.#changes.list(isAuto ? ['proposed', 'approved'] : ['approved'])
    return waiting.toReversed().filter(record => {
      const mode = modeOf(rules, changeOf(record))
      return mode === 'auto' || (mode === 'approve' && record.status === 'approved')
    })
  }

  async #neighbours(): Promise<Neighbours> {
    const { clock, settings } = this.#options
    const now = clock.nowUnixMs()
    const { beforeMs } = settings.optimizer.verification
    return {
      underWay: await this.#changes.underWay(),
      disturbances: await this.#changes.disturbances(now - beforeMs, now),
    }
  }

  /** Undefined: it need not wait. */
  #reasonToWait(
    record: OptimizationRecord,
    policy: Policy,
    { underWay, disturbances }: Neighbours,
  ): string | undefined {
    const { clock, settings } = this.#options
    const { maintenanceWindow, verification } = settings.optimizer
    const now = clock.nowUnixMs()
    if (policy.killSwitch) return 'It waits: every change is stopped by the kill switch.'
    if (maintenanceWindow !== null && !isInMaintenanceWindow(maintenanceWindow, now)) {
      return `It waits for the maintenance window, ${maintenanceWindow.from} to ${maintenanceWindow.to} UTC.`
    }
    const rival = rivalOf(record, underWay)
    if (rival !== undefined) {
      return `It waits for the verdict on “${rival.title}”, a change of the same operation.`
    }
    const last = lastOf(disturbances, readRecommendation(record.recommendation).operations)
    if (now - last >= verification.beforeMs) return undefined
    const until = new Date(last + verification.beforeMs).toISOString()
    return `It waits until ${until}: the same operation was changed at ${new Date(last).toISOString()}, and so soon after that there is nothing to compare an effect with.`
  }

  /** A person who approved it finds in the ledger why nothing happens; once for each reason. */
  async #tell(record: OptimizationRecord, reason: string): Promise<void> {
    if (record.status !== 'approved' || this.#told.get(record.id) === reason) return
    // Told before this process was started, perhaps.
    const last = (await this.#options.control.ledger.of('optimization', record.id)).at(-1)
    if (last?.reason !== reason) await this.#changes.note(record, { actor: 'perfloop', reason })
    this.#told.set(record.id, reason)
  }

  async #apply(record: OptimizationRecord): Promise<void> {
    if (record.status === 'approved') {
      await this.#changes.apply(record.id, { actor: 'perfloop', reason: 'It was approved.' })
      return
    }
    const actor = 'policy:auto'
    const reason = `The policy lets ${record.type} be applied in ${record.environment}.`
    await this.#changes.step(record, 'approved', { actor, reason })
    await this.#changes.apply(record.id, { actor, reason })
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
