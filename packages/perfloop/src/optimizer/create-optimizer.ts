import { PerfloopError } from '../domain/perfloop-error.ts'
import type { OptimizationRecord } from '../store/control/control-store.ts'
import { Changes } from './changes.ts'
import type { OptimizationAction, Optimizer, OptimizerOptions } from './optimizer.ts'
import {
  isInMaintenanceWindow,
  modeOf,
  type Policy,
  readPolicy,
  writeKillSwitch,
  writeRules,
} from './policy.ts'
import { Recommender } from './recommender.ts'
import { removeTarget } from './remove-target.ts'
import { readRecommendation } from './stored-recommendation.ts'
import { TargetRegistry } from './target-registry.ts'
import { type Impact, verifyChange } from './verify/verify-change.ts'

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
  const { control, telemetry, clock, logger } = options
  const settings = options.settings.optimizer
  const stopping = new AbortController()
  const targets = new TargetRegistry(options)
  const recommender = new Recommender(options, targets)
  const changes = new Changes(options, targets, stopping.signal)
  const now = () => new Date(clock.nowUnixMs()).toISOString()
  /** One step of the loop at a time: a tick that takes long is not overtaken by the next. */
  let working: Promise<void> = Promise.resolve()

  return {
    addTarget: (target, actor) => targets.add(target, actor),
    removeTarget: (id, actor, isForced = false) =>
      removeTarget({ control, targets, changes }, id, actor, isForced),
    checkTarget: id => targets.check(id),
    shownOptions: target => targets.shownOptions(target),
    collectTargets: () => targets.collectAll(stopping.signal),
    recommend: () => recommender.recommend(stopping.signal),

    async approve(id, actor, reason) {
      const record = await changes.require(id)
      if (record.status === 'approved') return record
      requireAllowed(record, 'approve')
      const approved = await changes.step(record, 'approved', { actor, reason })
      const { rules } = await readPolicy(control, settings)
      // As soon as possible, but the answer does not wait for an index to be built.
      if (modeOf(rules, changeOf(approved)) !== 'observe') void inTurn(applyAllowed).catch(() => {})
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
    await applyAllowed()
    for (const record of await changes.list(['applied', 'verifying'])) {
      await guarded(record, 'it could not be verified', () => verify(record))
    }
    for (const record of await changes.list(['failed'])) {
      if (isRecent(record))
        await guarded(record, 'what it left is still there', () => changes.sweep(record))
    }
    for (const record of await changes.list(['verified'])) {
      if (isRecent(record)) await guarded(record, 'it could not be watched', () => watch(record))
    }
  }

  async function settleInterrupted(): Promise<void> {
    for (const record of await changes.list(['applying'])) {
      await guarded(record, 'its true state is not known yet', () => changes.settle(record))
    }
  }

  async function applyAllowed(): Promise<void> {
    const policy = await readPolicy(control, settings)
    if (policy.killSwitch) return
    if (!isInMaintenanceWindow(settings.maintenanceWindow, clock.nowUnixMs())) return
    // The oldest first, and one change of an operation at a time: the others wait for its verdict.
    const waiting = (await changes.list(['proposed', 'approved'])).toReversed()
    for (const record of waiting) {
      stopping.signal.throwIfAborted()
      await guarded(record, 'it has to wait', () => applyIfAllowed(record, policy))
    }
  }

  async function applyIfAllowed(record: OptimizationRecord, policy: Policy): Promise<void> {
    const mode = modeOf(policy.rules, changeOf(record))
    if (mode === 'observe') return
    if (record.status === 'proposed' && mode !== 'auto') return
    if (await isTooSoon(record)) return
    if (record.status === 'approved') {
      await changes.apply(record.id, { actor: 'perfloop', reason: 'It was approved.' })
      return
    }
    const actor = 'policy:auto'
    const reason = `The policy lets ${record.type} be applied in ${record.environment}.`
    await changes.step(record, 'approved', { actor, reason })
    await changes.apply(record.id, { actor, reason })
  }

  /** So soon after another change of the same operations there is nothing yet to compare an effect with. */
  async function isTooSoon(record: OptimizationRecord): Promise<boolean> {
    const { operations } = readRecommendation(record.recommendation)
    const now = clock.nowUnixMs()
    return now - (await changes.lastDisturbance(operations, now)) < settings.verification.beforeMs
  }

  async function verify(found: OptimizationRecord): Promise<void> {
    const record =
      found.status === 'applied'
        ? await changes.step(found, 'verifying', { actor: 'perfloop' })
        : found
    const recommendation = readRecommendation(record.recommendation)
    const made = {
      appliedUnixMs: Date.parse(record.appliedAt ?? record.updatedAt),
      undisturbedSinceUnixMs: await changes.lastDisturbance(
        recommendation.operations,
        recommendation.progress.startedUnixMs,
      ),
    }
    const step = await verifyChange(
      telemetry,
      recommendation,
      made,
      clock.nowUnixMs(),
      settings.verification,
    )
    // A change that was to be undone and could not be is tried again.
    if (step === undefined) return retryUndo(record)
    const { looksTaken, isOver } = step
    const impact = isOver ? withEnd(step.impact, settings.verification.undecided) : step.impact
    const progress = { ...recommendation.progress, looksTaken }
    await control.optimizations.update(record.id, {
      impact,
      recommendation: { ...recommendation, progress },
    })
    logger.info(
      { optimization: record.id, verdict: impact.verdict, reason: impact.reason },
      'verified',
    )
    if (isOver) await conclude(record, impact)
  }

  async function conclude(record: OptimizationRecord, impact: Impact): Promise<void> {
    const step = { actor: 'perfloop', reason: impact.reason, evidence: { impact } }
    const isKept =
      impact.verdict === 'improved' ||
      (impact.verdict === 'inconclusive' && settings.verification.undecided === 'keep')
    if (isKept) await changes.step(record, 'verified', step, { impact })
    else await changes.undo(record, step, { impact })
  }

  async function retryUndo(record: OptimizationRecord): Promise<void> {
    const impact = record.impact
    if (!isImpact(impact) || impact.verdict === 'inconclusive') return
    await conclude(record, impact)
  }

  async function watch(record: OptimizationRecord): Promise<void> {
    const kind = options.optimizationKinds.find(({ kind: name }) => name === record.type)
    const recommendation = readRecommendation(record.recommendation)
    if (kind?.findWaste === undefined || recommendation.progress.waste !== null) return
    const target = await targets.require(record.targetId)
    // What was collected before it was there knows nothing of its use.
    if (target.collectedAt === null || target.collectedAt < record.updatedAt) return
    const waste = kind.findWaste(recommendation, await targets.facts(target))
    if (waste === undefined) return
    await changes.note(record, {
      actor: 'perfloop',
      reason: `It no longer earns its place: ${waste}.`,
    })
    await control.optimizations.update(record.id, {
      recommendation: { ...recommendation, progress: { ...recommendation.progress, waste } },
    })
  }

  function isRecent(record: OptimizationRecord): boolean {
    return clock.nowUnixMs() - Date.parse(record.updatedAt) <= settings.verification.watchMs
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
    working = turn.catch(error => {
      if (!stopping.signal.aborted) logger.error({ error }, 'the optimizer could not go on')
    })
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

function changeOf(record: OptimizationRecord): {
  readonly kind: string
  readonly environment: string
  readonly service: string
} {
  return { kind: record.type, environment: record.environment, service: record.service }
}

/** What an end without a verdict means, said to people who did not follow it. */
function withEnd(impact: Impact, undecided: Undecided): Impact {
  if (impact.verdict !== 'inconclusive') return impact
  return { ...impact, reason: `${impact.reason} ${ENDS[undecided]}` }
}

type Undecided = OptimizerOptions['settings']['optimizer']['verification']['undecided']

const ENDS: Readonly<Record<Undecided, string>> = {
  rollback:
    'So it could not be told whether the change helps, and what is not shown to help does not stay: approve it again when there is more traffic, or choose to keep it meanwhile.',
  keep: 'So it could not be told whether the change helps. It stays, as the setting optimizer.verification.undecided says: roll it back if it is not wanted unproven.',
}

function isImpact(value: unknown): value is Impact {
  return typeof value === 'object' && value !== null && 'verdict' in value && 'reason' in value
}
