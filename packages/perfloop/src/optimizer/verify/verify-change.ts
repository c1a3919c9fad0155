import type { Verdict } from '../../domain/optimization.ts'
import type { OptimizerSettings } from '../../settings/optimizer.ts'
import { levelsOfLooks } from '../../statistics/alpha-spending.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import type { TrackedRecommendation } from '../stored-recommendation.ts'
import { type Comparison, judgeEffect } from './judge-effect.ts'
import { measureEffect } from './measure-effect.ts'

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
}

/**
 * Looks at a change if it is time to: at the set times after it, each time over all there is since. Answers
 * undefined between two looks. The last look waits until there is enough to look at.
 */
export async function verifyChange(
  telemetry: TelemetryStore,
  recommendation: TrackedRecommendation,
  appliedUnixMs: number,
  nowUnixMs: number,
  settings: OptimizerSettings['verification'],
): Promise<VerificationStep | undefined> {
  const { looksTaken, startedUnixMs } = recommendation.progress
  const looksMs = settings.looksMs.toSorted((a, b) => a - b)
  const lastMs = looksMs.at(-1) ?? 0
  const fromUnixMs = appliedUnixMs + settings.settleMs
  const measuredMs = nowUnixMs - settings.measurementDelayMs - fromUnixMs
  const due = looksMs.findLastIndex(lookMs => measuredMs >= lookMs)
  if (due < looksTaken) return undefined

  const isLast = due === looksMs.length - 1
  const toUnixMs = fromUnixMs + (isLast ? Math.max(lastMs, measuredMs) : (looksMs[due] ?? 0))
  const windows = {
    before: { fromUnixMs: startedUnixMs - settings.beforeMs, toUnixMs: startedUnixMs },
    after: { fromUnixMs, toUnixMs: isLast ? boundedEnd(fromUnixMs, toUnixMs, settings) : toUnixMs },
  }
  const operations = await Promise.all(
    recommendation.operations.map(operation =>
      measureEffect(telemetry, operation, windows, settings),
    ),
  )
  const level = levelOf(looksMs, looksTaken, due, settings.significance)
  const { verdict, reason, comparisons, looked } = judgeEffect(
    operations,
    { level, isLast },
    settings,
  )
  return {
    // A look at too little is not taken: its level stays for the next one.
    looksTaken: looked && !(isLast && verdict === 'inconclusive') ? due + 1 : looksTaken,
    impact: {
      verdict,
      reason,
      before: toInstants(windows.before),
      after: toInstants(windows.after),
      comparisons,
    },
  }
}

/** A last look that waits for traffic goes on gathering, as long as what it compares with is as long. */
function boundedEnd(
  fromUnixMs: number,
  toUnixMs: number,
  settings: OptimizerSettings['verification'],
): number {
  const longest = Math.max(settings.beforeMs, ...settings.looksMs) * LONGEST_WAIT_IN_WINDOWS
  return Math.min(toUnixMs, fromUnixMs + longest)
}

const LONGEST_WAIT_IN_WINDOWS = 144

/** The level of a look is its own and that of the looks that were skipped before it. */
function levelOf(
  looksMs: readonly number[],
  taken: number,
  due: number,
  significance: number,
): number {
  const lastMs = looksMs.at(-1) ?? 1
  const levels = levelsOfLooks(
    significance,
    looksMs.map(lookMs => lookMs / lastMs),
  )
  return levels.slice(taken, due + 1).reduce((sum, level) => sum + level, 0)
}

function toInstants({ fromUnixMs, toUnixMs }: { fromUnixMs: number; toUnixMs: number }) {
  return { from: new Date(fromUnixMs).toISOString(), to: new Date(toUnixMs).toISOString() }
}
