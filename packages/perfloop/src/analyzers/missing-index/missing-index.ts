import type { z } from 'zod'
import { defineAnalyzer, type Finding, type Window } from '../../analysis/analyzer.ts'
import { NS_PER_MS } from '../../domain/duration.ts'
import { MissingIndexOptions } from '../../settings/analyzers.ts'
import { statementPlans } from '../../store/telemetry/queries/statement-plans.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import { enough, secondsOf } from '../evidence-window.ts'
import { costEvidence, statementPart } from '../statement-finding.ts'
import { averageNs, formatCount, formatDuration, formatPercent, statementName } from '../words.ts'

type Options = z.output<typeof MissingIndexOptions>
type PlannedStatement = RowOf<typeof statementPlans>
type FullScan = PlannedStatement['plan']['fullScans'][number]
type Candidate = PlannedStatement['plan']['candidates'][number]

/** A statement that reads all of a big table to return little of it, where an index would find it. */
export const missingIndex = defineAnalyzer({
  kind: 'missing-index',
  title: 'Missing index',
  description:
    'A statement that reads a whole table, as its plan tells, although its filter keeps little of it. Needs a database target that tells plans.',
  options: MissingIndexOptions,
  evidence: statementPlans,

  ask: (window, options) => ({
    ...secondsOf(window),
    limits_ns: [],
    max_rows: options.maxRows,
    max_spans: options.maxSpans,
  }),

  judge(rows, window, options) {
    return rows.flatMap(row => {
      if (row.seen_calls < enough(options.minCalls, window)) return []
      if (averageNs(row.duration_ns, row.calls) < options.minMeanMs * NS_PER_MS) return []
      const spared = sparedScans(row, options)
      return spared.length === 0 ? [] : [toFinding(row, spared, window, options)]
    })
  },
})

interface SparedScan {
  readonly scan: FullScan
  readonly candidates: readonly Candidate[]
  /** Share of the table that is read in vain. */
  readonly waste: number
}

/** Scans of big tables with a filter that keeps little, and a candidate on that table; the biggest first. */
function sparedScans({ plan }: PlannedStatement, options: Options): readonly SparedScan[] {
  return plan.fullScans
    .filter(scan => rowsReadBy(scan) >= Math.max(1, options.minTableRows))
    .map(scan => ({
      scan,
      candidates: plan.candidates.filter(({ table }) => sameTable(table, scan.table)),
      waste: 1 - Math.min(1, Math.max(0, scan.estimatedRowsOut) / rowsReadBy(scan)),
    }))
    .filter(({ waste, candidates }) => waste >= 1 - options.maxSelectivity && candidates.length > 0)
    .toSorted((a, b) => rowsReadBy(b.scan) - rowsReadBy(a.scan))
}

function rowsReadBy({ rowsRead, tableRows }: FullScan): number {
  return rowsRead ?? tableRows
}

function spokenScan(scan: FullScan): string {
  const { table, tableRows, estimatedRowsOut, filter } = scan
  const read =
    rowsReadBy(scan) < tableRows
      ? `${formatCount(rowsReadBy(scan))} of ${formatCount(tableRows)} rows`
      : `${formatCount(tableRows)} rows`
  const kept = `${formatCount(estimatedRowsOut)} kept${filter === null ? '' : ` by ${filter}`}`
  return `${table} (${read}, ${kept})`
}

/** Plans name tables with and without their schema. */
function sameTable(a: string, b: string): boolean {
  const [left, right] = [unquoted(a), unquoted(b)]
  return left === right || left.endsWith(`.${right}`) || right.endsWith(`.${left}`)
}

function unquoted(table: string): string {
  return table.replaceAll(/["`[\]]/g, '').toLowerCase()
}

function columnsOf(candidate: Candidate): string {
  return candidate.columns
    .map(column => (column.descending ? `${keyOf(column)} DESC` : keyOf(column)))
    .join(', ')
}

/** Itself, or with it an index for each branch of an OR. */
function isTogether(other: Candidate, candidate: Candidate | undefined): boolean {
  if (candidate?.together === undefined) return other === candidate
  return other.together === candidate.together
}

function keyOf({ name, within }: Candidate['columns'][number]): string {
  return within === undefined ? name : `${within}(${name})`
}

function toFinding(
  row: PlannedStatement,
  spared: readonly SparedScan[],
  window: Window,
  options: Options,
): Finding {
  const scanned = spared.reduce((sum, { scan }) => sum + rowsReadBy(scan), 0)
  const wasted = spared.reduce((sum, { scan, waste }) => sum + rowsReadBy(scan) * waste, 0)
  // The time of a scan goes with the rows it reads, so the share of rows read in vain is the share of time
  // an index could spare; finding the others through it costs something too.
  const spareable = Math.min(options.spareableRatio, wasted / Math.max(1, scanned))
  const lostNs = row.duration_ns * spareable
  const [first] = spared
  const table = first?.scan.table ?? ''
  const readRows = first === undefined ? 0 : rowsReadBy(first.scan)
  const allOrAbout = readRows < (first?.scan.tableRows ?? 0) ? 'about' : 'all'
  const [candidate] = first?.candidates ?? []
  const set = first?.candidates.filter(other => isTogether(other, candidate)) ?? []
  const columns = set.map(index => `(${columnsOf(index)})`).join(' and one on ')
  const statement = statementName(row.summary, row.text)

  return {
    ...statementPart(row, lostNs, window, options.severity),
    title: `${statement} reads ${allOrAbout} ${formatCount(readRows)} rows of ${table} for want of an index on ${columns}, in ${row.operation}`,
    description:
      `The plan scans ${spared.map(({ scan }) => spokenScan(scan)).join(' and ')}. It ran ${formatCount(row.calls)} times at ${formatDuration(averageNs(row.duration_ns, row.calls))} each; up to ${formatPercent(spareable)} of that would be spared. ${sentence(set.map(({ reason }) => reason).join(', or '))}`.trim(),
    // The plan is an estimate without literals, of a time that may be past.
    confidence: 0.85 * (1 - 1 / (1 + row.seen_calls)),
    cause: { ofSlowStatement: true, operations: row.by_operation },
    evidence: {
      target: row.target,
      table,
      columns: candidate?.columns.map(keyOf) ?? [],
      full_scans: spared.map(({ scan }) => scan),
      candidates: spared.flatMap(({ candidates }) => candidates),
      sorts: row.plan.sorts,
      plan_words: row.plan.words,
      plan_collected_at: row.collected_at,
      ...costEvidence(row),
      spareable_ratio: spareable,
      callers: row.by_operation.map(({ operation, kind, timeNs }) => ({
        operation,
        kind,
        time_ns: timeNs,
      })),
      dialect: row.plan.dialect,
    },
  }
}

function sentence(words: string): string {
  return words === '' ? '' : `${words.charAt(0).toUpperCase()}${words.slice(1)}.`
}
