import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { durationNs, NS_PER_MS, NS_PER_SECOND } from '../../domain/duration.ts'
import { groupBy } from '../../domain/group-by.ts'
import { RegressionOptions } from '../../settings/analyzers.ts'
import { lagOneAutocorrelation, varianceInflation } from '../../statistics/autocorrelation.ts'
import { hodgesLehmann } from '../../statistics/hodges-lehmann.ts'
import { holmAdjusted } from '../../statistics/holm.ts'
import { mannWhitney } from '../../statistics/mann-whitney.ts'
import { normalQuantile, twoSidedP } from '../../statistics/normal.ts'
import { quantile } from '../../statistics/quantile.ts'
import { versionBlocks } from '../../store/telemetry/queries/version-blocks.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { perHour, secondsOf } from '../evidence-window.ts'
import { severityOf } from '../severity-of.ts'
import { subjectOf } from '../subject-of.ts'
import { formatDuration, formatPercent } from '../words.ts'

type Options = z.output<typeof RegressionOptions>
type VersionBlocks = RowOf<typeof versionBlocks>

/**
 * An operation that takes longer since its service has another version.
 *
 * The medians of blocks of time are compared by rank (H. B. Mann and D. R. Whitney, 1947; J. L. Hodges and
 * E. L. Lehmann, 1963), on a logarithmic scale, since a change is a factor. Blocks depend on their neighbours: test and
 * interval are widened by what correlation between them leaves unknown. All operations of a service share the chance of
 * a false alarm (S. Holm, 1979).
 */
export const regression = defineAnalyzer({
  kind: 'regression',
  title: 'Regression',
  description:
    'An operation that takes clearly longer under a new version of its service than it took under the one before. Needs `service.version`.',
  options: RegressionOptions,
  evidence: versionBlocks,

  ask(window, options) {
    const { to_s } = secondsOf(window)
    return {
      from_s: to_s - Math.round(options.horizonMs / 1_000),
      to_s,
      block_s: Math.max(1, Math.round(options.blockMs / 1_000)),
      max_rows: options.maxRows,
    }
  },

  restMs: options => options.restMs,

  // Once the version before is too long ago, nothing says that it became faster again.
  watches(rows, _window, options) {
    const services = groupBy(rows, row => JSON.stringify([row.environment, row.service]))
    return [...services.values()].flatMap(own =>
      comparedOf(own, options)
        .slice(0, 1)
        .map(({ after }) => after),
    )
  },

  judge(rows, window, options) {
    if (window.offline) return []
    const services = groupBy(rows, row => JSON.stringify([row.environment, row.service]))
    return [...services.values()].flatMap(own => slower(own, window, options))
  },
})

interface Compared {
  readonly before: VersionBlocks
  readonly after: VersionBlocks
  readonly p50Ns: readonly [before: number, after: number]
  /** How many times as long. */
  readonly factor: number
  readonly factorLow: number
  readonly pValue: number
}

function comparedOf(rows: readonly VersionBlocks[], options: Options): readonly Compared[] {
  const versions = lastTwoVersions(rows)
  if (versions === undefined) return []
  return [...groupBy(rows, row => JSON.stringify([row.operation, row.kind])).values()]
    .map(own => compare(own, versions, options))
    .filter(one => one !== undefined)
}

function slower(rows: readonly VersionBlocks[], window: Window, options: Options): Finding[] {
  const compared = comparedOf(rows, options)
  const adjusted = holmAdjusted(compared.map(({ pValue }) => pValue))
  const found = compared.filter(
    ({ factor, factorLow, p50Ns: [before, after] }, at) =>
      (adjusted[at] ?? 1) <= options.significance &&
      factor >= 1 + options.minRatio &&
      factorLow > 1 + options.minRatio / 2 &&
      after - before >= options.minSlowerMs * NS_PER_MS,
  )
  // A machine that became busier slows all of them down, as a new version hardly does.
  const isEverything = compared.length >= MANY_OPERATIONS && found.length > compared.length / 2
  return found.map(one => toFinding(one, isEverything, window, options))
}

const MANY_OPERATIONS = 4

interface Versions {
  readonly before: string
  readonly after: string
}

/** The one that began last, and of those that began before it the one that was in use last. */
function lastTwoVersions(rows: readonly VersionBlocks[]): Versions | undefined {
  const versions = [...groupBy(rows, ({ version }) => version).entries()].map(([version, own]) => ({
    version,
    firstS: Math.min(...own.map(({ first_s }) => first_s)),
    lastS: Math.max(...own.map(({ last_s }) => last_s)),
  }))
  const [after, ...others] = versions.toSorted((a, b) => b.firstS - a.firstS)
  const [before] = others.toSorted((a, b) => b.lastS - a.lastS)
  if (after === undefined || before === undefined) return undefined
  return { before: before.version, after: after.version }
}

/** Undefined where there is too little of one, or too much more traffic on the other. */
function compare(
  own: readonly VersionBlocks[],
  versions: Versions,
  options: Options,
): Compared | undefined {
  const before = own.find(({ version }) => version === versions.before)
  const after = own.find(({ version }) => version === versions.after)
  if (before === undefined || after === undefined) return undefined
  const [early, late] = [settledBlocks(before, options), settledBlocks(after, options)]
  if (early.length < options.minBlocks || late.length < options.minBlocks) return undefined
  if (meanCalls(late) > options.maxTrafficFactor * meanCalls(early)) return undefined
  const [a, b] = [early, late].map(blocks =>
    blocks.map(({ p50Ns }) => Math.log(Math.max(1, p50Ns))),
  )
  if (a === undefined || b === undefined) return undefined
  const inflation = varianceInflation(lagOneAutocorrelation([a, b]), Math.min(a.length, b.length))
  const shift = hodgesLehmann(a, b, options.confidence, inflation)
  if (shift === undefined) return undefined
  return {
    before,
    after,
    p50Ns: [Math.exp(quantile(a, 0.5) ?? 0), Math.exp(quantile(b, 0.5) ?? 0)],
    factor: Math.exp(shift.estimate),
    factorLow: Math.exp(shift.low),
    pValue: widened(mannWhitney(b, a).pValue, inflation),
  }
}

/** Without the time in which a process compiles, connects and fills its caches. */
function settledBlocks({ blocks, first_s }: VersionBlocks, options: Options) {
  const settledS = first_s + options.warmUpMs / 1_000
  return blocks.filter(({ startS, calls }) => startS >= settledS && calls >= options.minBlockCalls)
}

function meanCalls(blocks: readonly { readonly calls: number }[]): number {
  return blocks.reduce((sum, { calls }) => sum + calls, 0) / Math.max(1, blocks.length)
}

/** The p-value with its statistic shrunk by what correlated blocks cannot know. */
function widened(pValue: number, inflation: number): number {
  if (inflation === 1 || pValue === 1) return pValue
  return twoSidedP(normalQuantile(1 - pValue / 2) / Math.sqrt(inflation))
}

const PARTS = [
  { of: (row: VersionBlocks) => row.db_ns, name: 'db', where: 'in the database' },
  { of: (row: VersionBlocks) => row.render_ns, name: 'render', where: 'rendering templates' },
  {
    of: (row: VersionBlocks) => row.external_ns,
    name: 'external',
    where: 'waiting for other services',
  },
  {
    of: (row: VersionBlocks) => row.mean_ns - row.db_ns - row.render_ns - row.external_ns,
    name: 'self',
    where: 'in the application’s own code',
  },
] as const

function toFinding(
  { before, after, p50Ns, factor, factorLow, pValue }: Compared,
  isEverything: boolean,
  window: Window,
  options: Options,
): Finding {
  const grown = PARTS.map(part => ({ ...part, ns: part.of(after) - part.of(before) }))
  const [most] = grown.toSorted((a, b) => b.ns - a.ns)
  const slowerNs = p50Ns[1] - p50Ns[0]
  // What each execution takes more, at the rate of executions since.
  const secondsSince = Math.max(1, after.last_s - after.first_s)
  const windowS = Number(window.toUnixNs - window.fromUnixNs) / NS_PER_SECOND
  const recoverableNsPerHour = perHour((slowerNs * after.calls * windowS) / secondsSince, window)
  const queries =
    Math.abs(after.query_count - before.query_count) >= 0.5
      ? ` It runs ${after.query_count.toPrecision(2)} statements in place of ${before.query_count.toPrecision(2)}.`
      : ''
  const elsewhere = isEverything
    ? ' Most of the other operations became slower at the same time: should the machine be busier than before, that would do it, too.'
    : ''
  return {
    environment: after.environment,
    service: after.service,
    operation: after.operation,
    operationKind: after.kind,
    subject: subjectOf('regression', after.kind),
    severity: severityOf(
      { perHourNs: recoverableNsPerHour, perExecutionNs: slowerNs },
      window,
      options.severity,
    ),
    title: `${after.operation} takes ${formatPercent(factor - 1)} longer since version ${after.version}: ${formatDuration(p50Ns[1])} in place of ${formatDuration(p50Ns[0])}`,
    description: `Half of its executions took longer than ${formatDuration(p50Ns[0])} under version ${before.version} and take longer than ${formatDuration(p50Ns[1])} under version ${after.version}, since ${new Date(after.first_s * 1_000).toISOString()}; at least ${formatPercent(Math.max(0, factorLow - 1))} more at ${formatPercent(options.confidence)} confidence. Most of what was added is ${most?.where ?? 'nowhere'} (${formatDuration(Math.max(0, most?.ns ?? 0))} on average).${queries}${elsewhere} Compare its traces of both versions, look at what changed in that part, or go back to the version before.`,
    confidence: (isEverything ? 0.5 : 0.95) * (1 - Math.min(1, pValue)),
    traceId: after.trace_id,
    spanIds: [after.span_id],
    evidence: {
      version_before: before.version,
      version_after: after.version,
      changed_at: new Date(after.first_s * 1_000).toISOString(),
      p50_before_ns: p50Ns[0],
      p50_after_ns: p50Ns[1],
      factor,
      factor_low: factorLow,
      p_value: pValue,
      grown_part: most?.name ?? null,
      grown_ns: durationNs(Math.max(0, most?.ns ?? 0)),
      mean_before_ns: before.mean_ns,
      mean_after_ns: after.mean_ns,
      query_count_before: before.query_count,
      query_count_after: after.query_count,
      executions_before: before.calls,
      executions_after: after.calls,
      slower_everywhere: isEverything,
    },
    recoverableNsPerHour,
  }
}
