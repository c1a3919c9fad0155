import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { durationNs, NS_PER_MS } from '../../domain/duration.ts'
import { groupBy } from '../../domain/group-by.ts'
import { SlowOperationOptions } from '../../settings/analyzers.ts'
import { designEffect } from '../../statistics/design-effect.ts'
import { wilsonInterval } from '../../statistics/wilson.ts'
import { operationCosts } from '../../store/telemetry/queries/operation-costs.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { enough, perHour, secondsOf } from '../evidence-window.ts'
import { severityOf } from '../severity-of.ts'
import { subjectOf } from '../subject-of.ts'
import { averageNs, executionWord, formatCount, formatDuration, formatPercent } from '../words.ts'

type Options = z.output<typeof SlowOperationOptions>
type OperationCost = RowOf<typeof operationCosts>

/** A request, message or job whose 95th percentile is over its limit, and what its slow executions spend their time on. */
export const slowOperation = defineAnalyzer({
  kind: 'slow-operation',
  title: 'Slow operation',
  description:
    'An operation whose 95th percentile is above its limit, with the part that dominates: database, rendering, calls to other services, waiting for a connection, or the application’s own code.',
  options: SlowOperationOptions,
  evidence: operationCosts,

  ask: (window, options) => ({
    ...secondsOf(window),
    request_limit_ns: BigInt(options.requestMs * NS_PER_MS),
    message_limit_ns: BigInt(options.messageMs * NS_PER_MS),
    job_limit_ns: BigInt(options.jobMs * NS_PER_MS),
    min_executions: options.minExecutions,
    block_ns: BigInt(Math.max(1, options.blockMs) * NS_PER_MS),
    max_rows: options.maxRows,
  }),

  judge(rows, window, options) {
    const slow = rows.filter(row => isSlow(row, window, options))
    if (window.offline) return slow.map(row => toFinding(row, window, options))
    const services = groupBy(slow, row => JSON.stringify([row.environment, row.service]))
    return [...services.values()].flatMap(own => {
      const usual = own.filter(row => isUsual(row, options) && !standsOut(row, options))
      const shared = isShared(usual, options) ? usual : []
      // Too few to be a matter of the service: what is always slow is so by itself.
      const left = shared.length > 0 ? shared : usual.filter(row => isSlowAtTimes(row, options))
      return [
        ...own.filter(row => !left.includes(row)).map(row => toFinding(row, window, options)),
        ...(shared.length > 0 ? [sharedFinding(shared, window, options)] : []),
      ]
    })
  },
})

/** Of a few executions the 95th percentile is the worst one, which a busy machine makes of any. */
function isSlow(row: OperationCost, window: Window, options: Options): boolean {
  if (row.p95_ns <= limitNs(row, options)) return false
  if (row.seen_executions < enough(minExecutions(row, options), window)) return false
  if (isHeldOpen(row, options)) return false
  if (window.offline || executionWord(row.kind) === 'job') return true
  if (row.blocks.filter(({ successes }) => successes > 0).length < options.minSlowBlocks)
    return false
  return lowestRatio(row, options) > 1 - QUANTILE
}

/** Slow ones that come together are one chance, not many. */
function lowestRatio(row: OperationCost, options: Options): number {
  const effect = designEffect(row.blocks)
  const { seen_slow_executions: slow, seen_executions: all } = row
  return wilsonInterval(slow / effect, all / effect, options.confidence).low
}

/** A busy machine makes some requests of every operation slow: only more than that is an operation's own doing. */
function standsOut(row: OperationCost, options: Options): boolean {
  const others = row.service_executions - row.seen_executions
  const slow = row.service_slow_executions - row.seen_slow_executions
  if (others < options.minExecutions) return true
  return lowestRatio(row, options) > options.standOutFactor * (slow / others)
}

/** A busy machine slows all operations down, most of them at times; one that is slow by itself stands out. */
function isUsual(row: OperationCost, options: Options): boolean {
  if (row.kind !== 'server') return false
  return isSlowAtTimes(row, options) || row.p50_ns < options.standOutFactor * row.service_p50_ns
}

function isSlowAtTimes(row: OperationCost, options: Options): boolean {
  return row.kind === 'server' && row.p50_ns < options.minSteadyRatio * limitNs(row, options)
}

function isShared(usual: readonly OperationCost[], options: Options): boolean {
  const all = usual[0]?.service_operations ?? 0
  return usual.length >= options.minShared && usual.length >= options.sharedRatio * all
}

/** A stream of events or a long poll lasts as long as somebody listens, and does nothing in between. */
function isHeldOpen(row: OperationCost, options: Options): boolean {
  if (row.kind !== 'server' || row.p50_ns < options.heldOpenMs * NS_PER_MS) return false
  const { part, ratio } = dominantPart(row)
  if (part.name !== 'self' || ratio < options.dominantRatio) return false
  const segments = row.operation.toLowerCase().split(/[\s/]+/)
  return options.heldOpenRoutes.some(route => segments.includes(route.toLowerCase()))
}

/** What the limit is about. */
const QUANTILE = 0.95

function limitNs(row: OperationCost, options: Options): number {
  const { requestMs: request, messageMs: message, jobMs: job } = options
  return { request, message, job }[executionWord(row.kind)] * NS_PER_MS
}

function minExecutions(row: OperationCost, options: Options): number {
  return executionWord(row.kind) === 'job' ? options.minJobExecutions : options.minExecutions
}

const PARTS = [
  { name: 'db', ns: 'slow_db_ns', where: 'in the database' },
  { name: 'render', ns: 'slow_render_ns', where: 'rendering templates' },
  { name: 'external', ns: 'slow_external_ns', where: 'waiting for other services' },
  { name: 'wait', ns: 'slow_wait_ns', where: 'waiting for a connection of its pool' },
  { name: 'self', ns: 'slow_self_ns', where: 'in the application’s own code' },
] as const
type Part = (typeof PARTS)[number]

const CURES: Readonly<Record<Part['name'], string>> = {
  db: 'Look at its statements: one that is slow by itself, many that repeat, or rows that nobody reads.',
  render:
    'Look at its templates: loops over many rows, queries made while rendering, or fragments that could be cached.',
  external:
    'Look at its calls: make them side by side, cache what changes rarely, and give each a time limit.',
  wait: 'Hold connections for less: ask for one late, give it back before anything else is waited for, and look at the statements that take longest. A larger pool helps only while the database has room for more.',
  self: 'Profile it: the time is spent by code without spans of its own, such as computing, serializing or waiting for a lock.',
}

function dominantPart(row: OperationCost): { readonly part: Part; readonly ratio: number } {
  const total = Math.max(1, row.slow_total_ns)
  const [first, ...others] = PARTS
  const part = others.reduce<Part>(
    (best, next) => (row[next.ns] > row[best.ns] ? next : best),
    first,
  )
  return { part, ratio: Math.min(1, row[part.ns] / total) }
}

function toFinding(row: OperationCost, window: Window, options: Options): Finding {
  const limit = limitNs(row, options)
  const { part, ratio } = dominantPart(row)
  const dominates = ratio >= options.dominantRatio
  const queries = row.slow_queries / Math.max(1, row.slow_executions)
  // Users would get back what each execution takes beyond the limit; the limit itself is theirs to wait.
  const recoverableNsPerHour = perHour(row.excess_ns, window)
  const heaviest = row.heaviest.find(([category]) => category === part.name)?.[1]
  const share = `${formatPercent(ratio)} of it ${part.where}`
  const statements =
    part.name === 'db'
      ? ` (${formatCount(queries)} ${Math.round(queries) === 1 ? 'statement' : 'statements'})`
      : ''
  const called = part.name === 'external' && heaviest !== undefined ? `, most for ${heaviest}` : ''

  return {
    environment: row.environment,
    service: row.service,
    operation: row.operation,
    operationKind: row.kind,
    subject: subjectOf('slow-operation', row.kind),
    severity: severityOf(
      {
        perHourNs: recoverableNsPerHour,
        perExecutionNs: averageNs(row.excess_ns, row.slow_executions),
      },
      window,
      options.severity,
    ),
    title: `${row.operation} takes ${formatDuration(row.p95_ns)} at p95, ${dominates ? `${share}${statements || called}` : `most of it ${part.where}, but no part dominates`}`,
    description: `${formatCount(row.slow_executions)} of ${formatCount(row.executions)} executions took longer than ${formatDuration(limit)}; half of all took longer than ${formatDuration(row.p50_ns)}. The slow ones spend ${parts(row)}.${heaviest === undefined ? '' : ` The slowest of them spent most of that part on ${heaviest}.`} ${CURES[part.name]}`,
    confidence: 0.95 * (1 - 1 / (1 + row.seen_executions)),
    symptom: { of: 'operation', timeNs: row.all_ns, isFitful: isSlowAtTimes(row, options) },
    traceId: row.trace_id,
    spanIds: [row.span_id],
    evidence: {
      limit_ns: limit,
      executions: row.executions,
      slow_executions: row.slow_executions,
      p50_ns: row.p50_ns,
      p95_ns: row.p95_ns,
      max_ns: row.max_ns,
      above_limit_ns: row.excess_ns,
      dominant_part: dominates ? part.name : null,
      dominant_ratio: ratio,
      heaviest: heaviest ?? null,
      slow_mean_ns: averageNs(row.slow_total_ns, row.slow_executions),
      slow_db_ns: averageNs(row.slow_db_ns, row.slow_executions),
      slow_render_ns: averageNs(row.slow_render_ns, row.slow_executions),
      slow_external_ns: averageNs(row.slow_external_ns, row.slow_executions),
      slow_wait_ns: averageNs(row.slow_wait_ns, row.slow_executions),
      slow_self_ns: averageNs(row.slow_self_ns, row.slow_executions),
      slow_query_count: queries,
    },
    recoverableNsPerHour,
  }
}

/** What most operations suffer from is a matter of none of them. */
function sharedFinding(rows: readonly OperationCost[], window: Window, options: Options): Finding {
  const sum = (of: (row: OperationCost) => number) =>
    rows.reduce((total, row) => total + of(row), 0)
  const [worst] = rows.toSorted((a, b) => b.excess_ns - a.excess_ns)
  const excessNs = sum(row => row.excess_ns)
  const slow = sum(row => row.slow_executions)
  const recoverableNsPerHour = perHour(excessNs, window)
  const all = worst?.service_operations ?? rows.length
  const of = `${formatCount(rows.length)} of ${formatCount(Math.max(all, rows.length))} operations`
  return {
    environment: worst?.environment ?? '',
    service: worst?.service ?? '',
    operation: '',
    // Of requests: only their number says when it is over.
    operationKind: 'server',
    subject: subjectOf('slow-operation', 'shared'),
    severity: severityOf(
      { perHourNs: recoverableNsPerHour, perExecutionNs: averageNs(excessNs, slow) },
      window,
      options.severity,
    ),
    title: `${of} of ${worst?.service ?? ''} are slow, whatever they do`,
    description: `${formatCount(slow)} of ${formatCount(sum(row => row.executions))} requests took longer than ${formatDuration(options.requestMs * NS_PER_MS)}, and none of these operations stands out: look at what they share. Is the machine busy with something else, is the process short of CPU, or waits it for its collector of garbage? The page Runtime shows it.`,
    // Who shares what is inferred.
    confidence: 0.8 * (1 - 1 / (1 + sum(row => row.seen_executions))),
    symptom: {
      of: 'operation',
      timeNs: durationNs(sum(row => row.all_ns)),
      isFitful: rows.every(row => isSlowAtTimes(row, options)),
      operations: rows.map(({ operation, kind }) => ({ operation, kind })),
    },
    traceId: worst?.trace_id ?? '',
    spanIds: worst === undefined ? [] : [worst.span_id],
    evidence: {
      limit_ns: options.requestMs * NS_PER_MS,
      service_operations: all,
      slow_executions: slow,
      above_limit_ns: excessNs,
      operations: rows
        .toSorted((a, b) => b.excess_ns - a.excess_ns)
        .slice(0, MOST_OPERATIONS)
        .map(({ operation, p50_ns, p95_ns }) => ({ operation, p50_ns, p95_ns })),
    },
    recoverableNsPerHour,
  }
}

/** Named in the evidence; nobody reads more. */
const MOST_OPERATIONS = 50

function parts(row: OperationCost): string {
  const total = Math.max(1, row.slow_total_ns)
  return PARTS.filter(({ ns }) => row[ns] > 0)
    .map(({ ns, where }) => `${formatPercent(row[ns] / total)} ${where}`)
    .join(', ')
}
