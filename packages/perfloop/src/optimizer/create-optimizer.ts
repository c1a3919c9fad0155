import { PerfloopError } from '../domain/perfloop-error.ts'
import type { OptimizationRecord } from '../store/control/control-store.ts'
import { Changes } from './changes.ts'
import type { OptimizationAction, Optimizer, OptimizerOptions } from './optimizer.ts'
import { modeOf, readPolicy, writeKillSwitch, writeRules } from './policy.ts'
import { changeOf, PolicyApplier } from './policy-applier.ts'
import { Recommender } from './recommender.ts'
import { removeTarget, requireRemovable } from './remove-target.ts'
import { TargetRegistry } from './target-registry.ts'
import { Verifications } from './verify/verifications.ts'

const ALLOWED: Readonly<Record<OptimizationRecord['status'], readonly OptimizationAction[]>> = {
  proposed: ['approve', 'dismiss'],
  approved: ['apply', 'dismiss'],
  applying: [],
  applied: ['rollback', 'keep'],
  verifying: ['rollback', 'keep'],
  verified: ['rollback'],
  rolled_back: ['approve'],
  failed: ['approve', 'dismiss'],
  dismissed: [],
  manual_required: ['approve', 'dismiss'],
}

export function createOptimizer(options: OptimizerOptions): Optimizer {
  const { control, clock, logger } = options
  const settings = options.settings.optimizer
  const stopping = new AbortController()
  const targets = new TargetRegistry(options)
  const recommender = new Recommender(options, targets)
  const changes = new Changes(options, targets, stopping.signal)
  const policyApplier = new PolicyApplier(options, changes)
  const verifications = new Verifications(options, targets, changes)
  const now = () => new Date(clock.nowUnixMs()).toISOString()
  /** One step of the loop at a time: a tick that takes long is not overtaken by the next. */
  let working: Promise<void> = Promise.resolve()

  return {
    addTarget: (target, actor) => targets.add(target, actor),
    async removeTarget(id, actor, isForced = false) {
      // Said at once: in its turn it may come after an index that takes hours to build.
      await requireRemovable({ targets, changes }, id, isForced)
      await inTurn(() => removeTarget({ targets, changes }, id, actor, isForced))
    },
    checkTarget: id => targets.check(id),
    shownOptions: target => targets.shownOptions(target),
    collectTargets: () => targets.collectAll(stopping.signal),
    recommend: () => recommender.recommend(stopping.signal),

    async approve(id, actor, reason) {
      const record = await changes.require(id)
      if (record.status === 'approved') return record
      requireAllowed(record, 'approve')
      await targets.require(record.targetId)
      const approved = await changes.step(record, 'approved', { actor, reason })
      const { rules } = await readPolicy(control, settings)
      // As soon as possible, but the answer does not wait for an index to be built.
      if (modeOf(rules, changeOf(approved)) !== 'observe')
        void inTurn(() => policyApplier.applyAllowed(guarded, stopping.signal)).catch(error => {
          if (!stopping.signal.aborted) logger.error({ error }, 'the optimizer could not go on')
        })
      return approved
    },
    async apply(id, actor, reason) {
      return changes.apply(id, { actor, reason })
    },
    async dismiss(id, actor, reason) {
      const record = await changes.require(id)
      if (record.status === 'dismissed') return record
      requireAllowed(record, 'dismiss')
      return changes.step(record, 'dismissed', { actor, reason })
    },
    async rollBack(id, actor, reason) {
      const record = await changes.require(id)
      if (record.status === 'rolled_back') return record
      requireAllowed(record, 'rollback')
      return changes.undo(record, { actor, reason })
    },
    async keep(id, actor, reason) {
      const record = await changes.require(id)
      if (record.status === 'verified') return record
      requireAllowed(record, 'keep')
      const verifying =
        record.status === 'applied'
          ? await changes.step(record, 'verifying', { actor: 'perfloop' })
          : record
      return changes.step(verifying, 'verified', { actor, reason: reason ?? 'Kept by a person.' })
    },
    allowed: record => ALLOWED[record.status],

    policy: () => readPolicy(control, settings),
    async setRules(rules, actor) {
      await writeRules(control, rules, actor, now())
      return readPolicy(control, settings)
    },
    async setKillSwitch(engaged, actor, reason) {
      await writeKillSwitch(control, engaged, reason ?? null, actor, now())
      return readPolicy(control, settings)
    },

    tick: () => inTurn(tick),
    recover: () => inTurn(settleInterrupted),
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await working
    },
  }

  async function tick(): Promise<void> {
    await settleInterrupted()
    await policyApplier.applyAllowed(guarded, stopping.signal)
    for (const record of await changes.list(['applied', 'verifying'])) {
      await guarded(record, 'it could not be verified', () => verifications.verify(record))
    }
    const recent = { updatedSince: verifications.watchedSince }
    for (const record of await changes.list(['failed'], recent)) {
      await guarded(record, 'what it left is still there', () => changes.sweep(record))
    }
    for (const record of await changes.list(['verified'], recent)) {
      await guarded(record, 'it could not be watched', () => verifications.watch(record))
    }
  }

  async function settleInterrupted(): Promise<void> {
    for (const record of await changes.list(['applying'])) {
      await guarded(record, 'its true state is not known yet', () => changes.settle(record))
    }
  }

  async function guarded(
    record: OptimizationRecord,
    message: string,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work()
    } catch (error) {
      stopping.signal.throwIfAborted()
      const isExpected = error instanceof PerfloopError && error.code === 'CONFLICT'
      logger[isExpected ? 'debug' : 'warn']({ optimization: record.id, error }, message)
    }
  }

  function inTurn(work: () => Promise<void>): Promise<void> {
    const turn = working.then(work)
    // Whoever asked for it is told.
    working = turn.catch(() => {})
    return turn
  }
}

function requireAllowed(record: OptimizationRecord, action: OptimizationAction): void {
  if (ALLOWED[record.status].includes(action)) return
  throw new PerfloopError('CONFLICT', {
    optimization: record.id,
    status: record.status,
    asked: action,
    allowed: ALLOWED[record.status],
  })
}
