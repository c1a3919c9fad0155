import type { Verdict } from '../../domain/optimization.ts'
import type { OptimizerSettings } from '../../settings/optimizer.ts'
import { levelsOfLooks } from '../../statistics/alpha-spending.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import type { TrackedRecommendation } from '../stored-recommendation.ts'
import { type Comparison, judgeEffect } from './judge-effect.ts'
import { type EffectWindows, measureEffect } from './measure-effect.ts'

/** `Impact` of the API contract. */
export interface Impact {
  readonly verdict: Verdict
  readonly reason: string
  readonly before: { readonly from: string; readonly to: string }
  readonly after: { readonly from: string; readonly to: string }
  readonly comparisons: readonly Comparison[]
}

export interface VerificationStep {
  readonly impact: Impact
  readonly looksTaken: number
  /** It will not get better than this verdict, even if it is inconclusive. */
  readonly isOver: boolean
}

/** When a change was made, and since when its operations have been what it changed. */
export interface MadeChange {
  readonly appliedUnixMs: number
  /** The last other change of the same operations: what was measured before it is of another world. */
  readonly undisturbedSinceUnixMs: number
  /** Until when measurements after it were looked at already; 0: none. */
  readonly triedUntilUnixMs: number
}

/**
 * Looks at a change if it is time to: at the set times after it, each time over all there is since. Answers
 * undefined between two looks. From the last of them on it waits for traffic that can be compared, until
 * `longestMs` after the change: then it is over, whatever is known.
 */
export async function verifyChange(
  telemetry: TelemetryStore,
  recommendation: TrackedRecommendation,
  made: MadeChange,
  nowUnixMs: number,
  settings: OptimizerSettings['verification'],
): Promise<VerificationStep | undefined> {
  const { looksTaken, startedUnixMs } = recommendation.progress
  const looks = looksOf(settings)
  const longestMs = looks.at(-1)?.afterMs ?? 0
  const fromUnixMs = made.appliedUnixMs + settings.settleMs
  const measuredMs = nowUnixMs - settings.measurementDelayMs - fromUnixMs
  const due = looks.findLastIndex(({ afterMs }) => measuredMs >= afterMs)
  const look = looks[due]
  if (look === undefined || due < looksTaken) return undefined
  const isVeryLast = due === looks.length - 1
  const triedMs = made.triedUntilUnixMs - fromUnixMs
  // While it waits for traffic, a look at hardly more than the last time would see the same.
  if (look.isLast && !isVeryLast && measuredMs < triedMs * WORTH_A_LOOK) return undefined

  const after = {
    fromUnixMs,
    toUnixMs: fromUnixMs + (look.isLast ? Math.min(longestMs, measuredMs) : look.afterMs),
  }
  const before = windowBefore(startedUnixMs, made, settings)
  const operations = await Promise.all(
    recommendation.operations.map(operation =>
      measureEffect(telemetry, operation, { ...before, after }, settings),
    ),
  )
  const level = levelOf(looks.slice(looksTaken, due + 1))
  const judgement = judgeEffect(operations, { level, isLast: look.isLast }, settings)
  const { verdict, reason, comparisons, looked } = judgement
  const isOver = isVeryLast || !judgement.mayTellLater
  const longestBeforeMs = Math.max(
    0,
    ...operations.map(operation => operation.before.seconds * MS_PER_S),
  )
  return {
    // A look at too little is not taken: its level stays for the next one. Nor is the very last one, so that it
    // is taken again until what it decided has been done.
    looksTaken: looked && !isOver ? due + 1 : looksTaken,
    isOver: isOver || verdict !== 'inconclusive',
    impact: {
      verdict,
      reason,
      before: toInstants({ ...before.before, fromUnixMs: startedUnixMs - longestBeforeMs }),
      after: toInstants(after),
      comparisons,
    },
  }
}

const MS_PER_S = 1_000
const WORTH_A_LOOK = 1.05

function windowBefore(
  startedUnixMs: number,
  { undisturbedSinceUnixMs }: MadeChange,
  settings: OptimizerSettings['verification'],
): Omit<EffectWindows, 'after'> {
  const undisturbedUnixMs = undisturbedSinceUnixMs + settings.settleMs
  const since = (lengthMs: number): number =>
    Math.min(startedUnixMs, Math.max(undisturbedUnixMs, startedUnixMs - lengthMs))
  return {
    before: { fromUnixMs: since(settings.beforeMs), toUnixMs: startedUnixMs },
    earliestUnixMs: since(Math.max(settings.beforeMs, settings.longestMs)),
  }
}

interface PlannedLook {
  readonly afterMs: number
  /** What it may spend of the chance of a false alarm. */
  readonly level: number
  /** It decides, if there is enough to decide on. */
  readonly isLast: boolean
  /** It comes after one that could not decide. */
  readonly isFurther: boolean
}

/**
 * The looks that are set share the significance. Where the last of them cannot compare, since traffic fell,
 * further ones follow, each after twice the time and at half the level: together they spend what the last one
 * was given and could not use.
 */
function looksOf(settings: OptimizerSettings['verification']): readonly PlannedLook[] {
  const looksMs = settings.looksMs.toSorted((a, b) => a - b)
  const lastMs = looksMs.at(-1) ?? 1
  const levels = levelsOfLooks(
    settings.significance,
    looksMs.map(lookMs => lookMs / lastMs),
  )
  const looks = looksMs.map((afterMs, at) => ({
    afterMs,
    level: levels[at] ?? 0,
    isLast: at === looksMs.length - 1,
    isFurther: false,
  }))
  const longestMs = Math.max(lastMs, settings.longestMs)
  let afterMs = lastMs
  let level = levels.at(-1) ?? 0
  while (afterMs < longestMs) {
    afterMs = Math.min(longestMs, 2 * afterMs)
    level /= 2
    looks.push({ afterMs, level, isLast: true, isFurther: true })
  }
  return looks
}

/** The level of a look is its own and that of the looks that were skipped before it. */
function levelOf(looks: readonly PlannedLook[]): number {
  const planned = looks.filter(({ isFurther }) => !isFurther)
  const spending = planned.length === 0 ? looks : planned
  return spending.reduce((sum, { level }) => sum + level, 0)
}

function toInstants({ fromUnixMs, toUnixMs }: { fromUnixMs: number; toUnixMs: number }) {
  return { from: new Date(fromUnixMs).toISOString(), to: new Date(toUnixMs).toISOString() }
}
