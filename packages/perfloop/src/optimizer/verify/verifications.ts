import type { OptimizationRecord } from '../../store/control/control-store.ts'
import { type Changes, lastOf } from '../changes.ts'
import type { OptimizerOptions } from '../optimizer.ts'
import { readRecommendation, type TrackedRecommendation } from '../stored-recommendation.ts'
import type { TargetRegistry } from '../target-registry.ts'
import { type Impact, verifyChange } from './verify-change.ts'

/** From a change that was made to one that is kept or taken back, and what becomes of one that is kept. */
export class Verifications {
  readonly #options: OptimizerOptions
  readonly #targets: TargetRegistry
  readonly #changes: Changes

  constructor(options: OptimizerOptions, targets: TargetRegistry, changes: Changes) {
    this.#options = options
    this.#targets = targets
    this.#changes = changes
  }

  /** One look, if it is time for one, and what follows from it. */
  async verify(found: OptimizationRecord): Promise<void> {
    const { control, telemetry, clock, logger } = this.#options
    const record =
      found.status === 'applied'
        ? await this.#changes.step(found, 'verifying', { actor: 'perfloop' })
        : found
    const recommendation = readRecommendation(record.recommendation)
    const made = {
      appliedUnixMs: Date.parse(record.appliedAt ?? record.updatedAt),
      undisturbedSinceUnixMs: await this.#undisturbedSince(recommendation),
      triedUntilUnixMs: isImpact(record.impact) ? Date.parse(record.impact.after.to) : 0,
    }
    const nowUnixMs = clock.nowUnixMs()
    const step = await verifyChange(telemetry, recommendation, made, nowUnixMs, this.#settings)
    // A change that was to be undone and could not be is tried again.
    if (step === undefined) return this.#retryUndo(record)
    const { looksTaken, isOver } = step
    const impact = isOver ? withEnd(step.impact, this.#settings.undecided) : step.impact
    const progress = { ...recommendation.progress, looksTaken }
    await control.optimizations.update(record.id, {
      impact,
      recommendation: { ...recommendation, progress },
    })
    logger.info(
      { optimization: record.id, verdict: impact.verdict, reason: impact.reason },
      'a change was looked at',
    )
    if (isOver) await this.#conclude(record, impact)
  }

  /** Of a change that is kept: whether it still earns its place. */
  async watch(record: OptimizationRecord): Promise<void> {
    const { control, optimizationKinds } = this.#options
    const kind = optimizationKinds.find(({ kind: name }) => name === record.type)
    const recommendation = readRecommendation(record.recommendation)
    if (kind?.findWaste === undefined || recommendation.progress.waste !== null) return
    const target = await this.#targets.find(record.targetId)
    // Removed by force: nothing tells of it any more.
    if (target === undefined) return
    // What was collected before it was there knows nothing of its use.
    if (target.collectedAt === null || target.collectedAt < record.updatedAt) return
    const waste = kind.findWaste(recommendation, await this.#targets.facts(target))
    if (waste === undefined) return
    await this.#changes.note(record, {
      actor: 'perfloop',
      reason: `It no longer earns its place: ${waste}.`,
    })
    await control.optimizations.update(record.id, {
      recommendation: { ...recommendation, progress: { ...recommendation.progress, waste } },
    })
  }

  /** What was last touched before it is no longer watched. */
  get watchedSince(): string {
    return new Date(this.#options.clock.nowUnixMs() - this.#settings.watchMs).toISOString()
  }

  /** Looked for as far back as a comparison can reach. */
  async #undisturbedSince({ operations, progress }: TrackedRecommendation): Promise<number> {
    const { beforeMs, longestMs, settleMs } = this.#settings
    const reachMs = Math.max(beforeMs, longestMs) + settleMs
    const { startedUnixMs } = progress
    return lastOf(
      await this.#changes.disturbances(startedUnixMs - reachMs, startedUnixMs),
      operations,
    )
  }

  async #conclude(record: OptimizationRecord, impact: Impact): Promise<void> {
    const step = { actor: 'perfloop', reason: impact.reason, evidence: { impact } }
    const isKept =
      impact.verdict === 'improved' ||
      (impact.verdict === 'inconclusive' && this.#settings.undecided === 'keep')
    if (isKept) await this.#changes.step(record, 'verified', step, { impact })
    else await this.#changes.undo(record, step, { impact })
  }

  async #retryUndo(record: OptimizationRecord): Promise<void> {
    const { impact } = record
    if (!isImpact(impact) || impact.verdict === 'inconclusive') return
    await this.#conclude(record, impact)
  }

  get #settings() {
    return this.#options.settings.optimizer.verification
  }
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
  return typeof value === 'object' && value !== null && 'verdict' in value && 'after' in value
}
