import type { Verdict } from '../../domain/optimization.ts'
import type { OperationKey } from '../../domain/span.ts'
import type { OptimizerSettings } from '../../settings/optimizer.ts'
import { lagOneAutocorrelation, varianceInflation } from '../../statistics/autocorrelation.ts'
import { hodgesLehmann } from '../../statistics/hodges-lehmann.ts'
import { holmAdjusted } from '../../statistics/holm.ts'
import { mannWhitney } from '../../statistics/mann-whitney.ts'
import { normalQuantile, twoSidedP } from '../../statistics/normal.ts'

export interface Block {
  readonly calls: number
  readonly errors: number
  readonly p50_ns: number
  readonly p95_ns: number
  readonly mean_ns: number
  readonly db_ns: number
}

/** One operation before and after a change: the blocks that are its samples, and each window as a whole. */
export interface MeasuredOperation {
  readonly operation: OperationKey
  readonly before: {
    readonly blocks: readonly Block[]
    readonly whole: Block
    readonly seconds: number
    /** Since the first execution: a service that began meanwhile had no traffic before. */
    readonly activeSeconds: number
    /** No more can be read: before it the operation was not the same, or it is too long ago. */
    readonly isAllThereIs: boolean
  }
  readonly after: {
    readonly blocks: readonly Block[]
    readonly whole: Block
    readonly seconds: number
  }
}

const METRICS = ['p50_ns', 'p95_ns', 'mean_ns', 'db_ns', 'error_ratio', 'throughput'] as const
export type Metric = (typeof METRICS)[number]

/** One row of `Impact.comparisons` (api/contract/insights.ts). */
export interface Comparison {
  readonly operation: OperationKey
  readonly metric: Metric
  readonly before: number
  readonly after: number
  readonly change: number
  readonly change_low: number
  /** Null: so few blocks say nothing about how much it may have risen. */
  readonly change_high: number | null
  readonly confidence: number
  readonly p_value: number
  readonly before_count: number
  readonly after_count: number
  readonly before_blocks: number
  readonly after_blocks: number
  readonly verdict: Verdict
}

export interface Look {
  /** What this look may spend of the chance of a false alarm. */
  readonly level: number
  readonly isLast: boolean
}

export interface Judgement {
  readonly verdict: Verdict
  readonly reason: string
  readonly comparisons: readonly Comparison[]
  /** False when there was too little to look at: the look is not spent. */
  readonly looked: boolean
  /** False when no traffic to come can change that: there was too little before the change. */
  readonly mayTellLater: boolean
}

/**
 * Did a change make a difference to the operations it was made for? Block statistics before and after are
 * compared by rank (no distribution is supposed), on a logarithmic scale (a change is a factor). Blocks
 * still depend on their neighbours: the correlation between them is estimated, and test and interval are
 * widened as if there were as many fewer blocks. All metrics of all operations share the level of the look
 * (Holm), and the looks share the level of the whole (alpha spending), so that the chance of any false
 * effect, ever, in one verification stays within `significance`.
 */
export function judgeEffect(
  operations: readonly MeasuredOperation[],
  look: Look,
  settings: OptimizerSettings['verification'],
): Judgement {
  const compared = operations.filter(
    ({ before, after }) =>
      before.blocks.length >= settings.minBlocks && after.blocks.length >= settings.minBlocks,
  )
  if (compared.length === 0) return tooLittle(operations, settings)

  const drafts = compared.flatMap(operation => compareOperation(operation, look, settings))
  const tested = drafts.filter(({ comparison }) => comparison.metric !== 'throughput')
  const adjusted = holmAdjusted(tested.map(({ comparison }) => comparison.p_value))
  const judged = tested.map((draft, at) => ({
    ...draft.comparison,
    p_value: adjusted[at] ?? 1,
    verdict: verdictOf(draft, (adjusted[at] ?? 1) <= look.level, look, settings),
  }))
  const traffic = drafts.flatMap(({ comparison }) =>
    comparison.metric === 'throughput' ? [comparison] : [],
  )
  const comparisons = [...judged, ...traffic]
  const conclusion = conclude(judged, traffic, look, settings)
  return { ...conclusion, comparisons, looked: true, mayTellLater: true }
}

interface Draft {
  readonly comparison: Comparison
  /** Lower bound for decisions, computed when one is near; the comparison carries the 95 % one, for people. */
  readonly decisiveLow: () => number
}

function compareOperation(
  measured: MeasuredOperation,
  look: Look,
  settings: OptimizerSettings['verification'],
): readonly Draft[] {
  const { before, after, operation } = measured
  return METRICS.flatMap(metric => {
    const samples = {
      before: before.blocks.map(block => sampleOf(block, metric)),
      after: after.blocks.map(block => sampleOf(block, metric)),
    }
    const values = {
      before: wholeValue(before.whole, metric, before.activeSeconds),
      after: wholeValue(after.whole, metric, after.seconds),
    }
    // An operation without a database has no database time to compare.
    if (metric === 'db_ns' && values.before === 0 && values.after === 0) return []

    const inflation = inflationOf(samples.before, samples.after)
    const shift = hodgesLehmann(samples.before, samples.after, 1 - settings.significance, inflation)
    if (shift === undefined) return []
    const toChange = isRatio(metric)
      ? (value: number) => value
      : (value: number) => Math.expm1(value)
    return [
      {
        decisiveLow: () => {
          const confidence = look.isLast ? settings.regressionConfidence : 1 - look.level
          const decisive = hodgesLehmann(samples.before, samples.after, confidence, inflation)
          return decisive === undefined ? Number.NEGATIVE_INFINITY : toChange(decisive.low)
        },
        comparison: {
          operation,
          metric,
          ...values,
          change: toChange(shift.estimate),
          // Nothing falls by more than all of it; a share of failures rises to all of them at most.
          change_low: Math.max(toChange(shift.low), -1),
          change_high: isRatio(metric)
            ? Math.min(toChange(shift.high), 1)
            : finiteOrNull(toChange(shift.high)),
          confidence: 1 - settings.significance,
          p_value: widenedP(samples.before, samples.after, inflation),
          before_count: Math.round(before.whole.calls),
          after_count: Math.round(after.whole.calls),
          before_blocks: before.blocks.length,
          after_blocks: after.blocks.length,
          verdict: 'inconclusive',
        },
      },
    ]
  })
}

/** Shares of failures are compared by their difference, all else by its factor. */
function isRatio(metric: Metric): boolean {
  return metric === 'error_ratio'
}

function sampleOf(block: Block, metric: Metric): number {
  if (metric === 'error_ratio') return block.errors / block.calls
  return Math.log(Math.max(1, metric === 'throughput' ? block.calls : block[metric]))
}

function wholeValue(whole: Block, metric: Metric, seconds: number): number {
  if (metric === 'error_ratio') return whole.calls === 0 ? 0 : whole.errors / whole.calls
  return metric === 'throughput' ? whole.calls / seconds : whole[metric]
}

function inflationOf(before: readonly number[], after: readonly number[]): number {
  const rho = lagOneAutocorrelation([before, after])
  return varianceInflation(rho, Math.min(before.length, after.length))
}

/** The p-value of the rank test with its statistic shrunk by what correlated blocks cannot know. */
function widenedP(before: readonly number[], after: readonly number[], inflation: number): number {
  const { pValue } = mannWhitney(after, before)
  if (inflation === 1 || pValue === 1) return pValue
  return twoSidedP(normalQuantile(1 - pValue / 2) / Math.sqrt(inflation))
}

function verdictOf(
  { comparison, decisiveLow }: Draft,
  isSignificant: boolean,
  look: Look,
  settings: OptimizerSettings['verification'],
): Verdict {
  const { change, change_low, change_high, metric, before, after } = comparison
  if (isSignificant && change > 0) {
    if (metric === 'error_ratio') {
      return after - before > settings.errorRatioRise ? 'regressed' : 'no_effect'
    }
    // Early, only what is beyond the limit for sure; in the end, what most likely is. What is slower within
    // the limit is no regression, and no effect that would be a reason to keep the change.
    const isWorse = metric !== 'db_ns' && change > settings.regressionRatio
    if (isWorse && decisiveLow() > settings.regressionRatio) return 'regressed'
    return look.isLast ? 'no_effect' : 'inconclusive'
  }
  const isNegligible =
    change_low >= -settings.noEffectRatio &&
    change_high !== null &&
    change_high <= settings.noEffectRatio
  if (isNegligible) return look.isLast ? 'no_effect' : 'inconclusive'
  if (isSignificant && change < 0) return 'improved'
  return look.isLast ? 'no_effect' : 'inconclusive'
}

function conclude(
  judged: readonly Comparison[],
  traffic: readonly Comparison[],
  look: Look,
  settings: OptimizerSettings['verification'],
): { readonly verdict: Verdict; readonly reason: string } {
  const regressed = judged.filter(({ verdict }) => verdict === 'regressed')
  const [worst] = regressed.toSorted((a, b) => b.change - a.change)
  if (worst !== undefined) return { verdict: 'regressed', reason: spoken(worst) }

  // Less traffic alone makes an application faster. More of it does not, and clients that wait for an answer
  // before they ask again send more as soon as answers are faster: that speaks for a gain, not against it.
  const incomparable = traffic.find(
    ({ before, after }) => before / after > settings.maxTrafficFactor,
  )
  const improved = judged.filter(
    ({ verdict, metric }) => verdict === 'improved' && metric !== 'error_ratio',
  )
  const [best] = improved.toSorted(
    (a, b) => FELT.indexOf(a.metric) - FELT.indexOf(b.metric) || a.change - b.change,
  )
  if (best !== undefined && incomparable === undefined) {
    // While something looks much worse, without being sure, a gain elsewhere is not the last word.
    const suspect = judged.find(
      ({ metric, change }) =>
        metric !== 'db_ns' && metric !== 'error_ratio' && change > settings.regressionRatio,
    )
    if (suspect === undefined || look.isLast) return { verdict: 'improved', reason: spoken(best) }
    return { verdict: 'inconclusive', reason: `${spoken(best)}; but ${spoken(suspect)}` }
  }
  if (incomparable !== undefined) {
    return {
      verdict: 'inconclusive',
      reason: `Traffic of ${incomparable.operation.operation} went from ${perSecond(incomparable.before)} to ${perSecond(incomparable.after)}: before and after cannot be compared.`,
    }
  }
  if (!look.isLast) return { verdict: 'inconclusive', reason: 'No significant effect yet.' }
  const [first] = judged
  return {
    verdict: 'no_effect',
    reason: `No significant effect${first === undefined ? '' : `: ${spoken(first)}`}`,
  }
}

function tooLittle(
  operations: readonly MeasuredOperation[],
  settings: OptimizerSettings['verification'],
): Judgement {
  const { minBlocks, minBlockCalls } = settings
  const neededCalls = minBlocks * minBlockCalls
  const counts = operations.map(
    ({ operation, before, after }) =>
      `${operation.operation} was executed ${times(before.whole.calls)} in the ${spokenSeconds(before.seconds)} before and ${times(after.whole.calls)} in the ${spokenSeconds(after.seconds)} after`,
  )
  const mayTellLater = operations.some(
    ({ before }) => !before.isAllThereIs || before.whole.calls >= neededCalls,
  )
  const when = mayTellLater ? 'to tell yet' : 'before the change to compare with'
  return {
    verdict: 'inconclusive',
    reason: `Too little traffic ${when}: ${counts.join('; ') || 'no operation is known'}. Needed are ${minBlocks} blocks of ${minBlockCalls} executions before and after.`,
    comparisons: [],
    looked: false,
    mayTellLater,
  }
}

function times(calls: number): string {
  return calls === 1 ? 'once' : `${Math.round(calls)} times`
}

const SECONDS_PER_MINUTE = 60
const SECONDS_PER_HOUR = 3_600

function spokenSeconds(seconds: number): string {
  if (seconds < 2 * SECONDS_PER_MINUTE) return `${Math.round(seconds)} s`
  if (seconds < 2 * SECONDS_PER_HOUR) return `${Math.round(seconds / SECONDS_PER_MINUTE)} min`
  return `${Math.round(seconds / SECONDS_PER_HOUR)} h`
}

/** What users feel comes before what it is made of. */
const FELT: readonly Metric[] = ['p95_ns', 'p50_ns', 'mean_ns', 'db_ns']

const NAMES: Readonly<Record<Metric, string>> = {
  p50_ns: 'The median',
  p95_ns: 'The 95th percentile',
  mean_ns: 'The mean',
  db_ns: 'Database time',
  error_ratio: 'The share of failures',
  throughput: 'Traffic',
}

function spoken({
  metric,
  operation,
  change,
  change_low,
  change_high,
  confidence,
}: Comparison): string {
  const level = `${Number((confidence * 100).toPrecision(3))} % confidence`
  const interval =
    change_high === null
      ? `too few blocks to bound it at ${level}`
      : `${signedPercent(change_low)} to ${signedPercent(change_high)} at ${level}`
  const amount = `${signedPercent(change)} (${interval})`
  return `${NAMES[metric]} of ${operation.operation} changed by ${amount}`
}

function signedPercent(share: number): string {
  const percent = (share * 100).toFixed(Math.abs(share) < 0.1 ? 1 : 0)
  return `${share > 0 ? '+' : ''}${percent} %`
}

function perSecond(value: number): string {
  return `${value.toPrecision(2)} a second`
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
