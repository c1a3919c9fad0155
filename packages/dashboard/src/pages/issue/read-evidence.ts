import { formatEvidence } from '../../format/evidence-value.ts'
import { evidenceLabel, toWords } from '../../format/label.ts'
import { formatPercent } from '../../format/number.ts'

type Evidence = Readonly<Record<string, unknown>>

export interface EvidenceTerm {
  readonly key: string
  readonly term: string
  readonly value: string
}

/** What the keys of the built-in analyzers are called on the page; others are read from the key itself. */
const TERMS: Readonly<Record<string, string>> = {
  calls: 'Calls',
  calls_per_execution_median: 'Calls in one execution',
  calls_per_execution_max: 'At most',
  calls_at_once: 'Running at once',
  distinct_parameters_ratio: 'With other parameters',
  mean_call_ns: 'One call',
  busy_ns_per_execution: 'Waiting, per execution',
  recoverable_ns_per_execution: 'Spared, per execution',
  pattern: 'Calls, level by level',
  target: 'Database',
  plan_collected_at: 'Plan read',
  spareable_ratio: 'Of it to be spared',
  mean_ns: 'Mean',
  p10_ns: 'p10',
  p50_ns: 'p50',
  p95_ns: 'p95',
  max_ns: 'Slowest',
  total_ns: 'Time in all',
  limit_ns: 'Limit',
  above_limit_ns: 'Time above the limit',
  operations: 'Called by',
  operation_ratio: 'Of it by the first of them',
  rows_median: 'Rows returned',
  class: 'Kind of statement',
  failed: 'Failed',
  failed_ratio: 'Share that failed',
  failed_mean_ns: 'Time until it failed',
  tolerated_ratio: 'Tolerated',
  dominant_part: 'Most of it',
  dominant_ratio: 'Its share',
  slow_executions: 'Above the limit',
  slow_mean_ns: 'A slow one takes',
  slow_db_ns: 'Of that: database',
  slow_render_ns: 'Rendering',
  slow_external_ns: 'Other services',
  slow_wait_ns: 'Waiting for a connection',
  slow_self_ns: 'Its own code',
  slow_query_count: 'Statements in it',
  pool: 'Pool',
  exhausted_ratio: 'Exhausted',
  samples: 'Looks',
  connections: 'Connections',
  used_mean: 'In use, mean',
  waiting_max: 'Waiting at once',
  wait_mean_ns: 'One wait',
  wait_total_ns: 'Waits in all',
  held_mean_ns: 'Held for',
  kept_before: 'Kept before',
  kept: 'Kept now',
  blocked_ratio: 'Of the time',
  block_mean_ns: 'One block',
  block_longest_ns: 'Longest',
  block_total_ns: 'In all',
  what: 'What grows',
  growth_bytes_per_hour: 'It grows by',
  growth_bytes_per_hour_low: 'At least by',
  from_bytes: 'It was',
  to_bytes: 'It is',
  observed_seconds: 'Looked at for',
  limit_bytes: 'At most',
  full_in_seconds: 'Full in',
  doubled_in_seconds: 'Twice as much in',
  rises: 'Times it rose',
  longest_held_seconds: 'Longest held and given back',
  instances_growing: 'Instances that grow',
  instances_judged: 'Instances looked at',
  trend_p_value: 'By chance of noise',
  drift_p_value: 'By chance of wandering',
}

/** Said elsewhere on the page, or to programs only. */
const ELSEWHERE = new Set([
  'table',
  'dialect',
  'parameters_known_ratio',
  'failed_ratio_low',
  'failed_ratio_high',
  'parent_statement',
  'parent_rows',
])

/** The single facts, in words; those that say nothing are left out. */
export function readTerms(evidence: Evidence): readonly EvidenceTerm[] {
  return Object.entries(evidence).flatMap(([key, value]) => {
    if (value === null || value === undefined || typeof value === 'object') return []
    if (key.endsWith('_span_id') || ELSEWHERE.has(key) || saysNothing(key, value, evidence))
      return []
    return [
      { key, term: TERMS[key] ?? evidenceLabel(key), value: spokenValue(key, value, evidence) },
    ]
  })
}

function saysNothing(key: string, value: unknown, evidence: Evidence): boolean {
  switch (key) {
    case 'operations':
    case 'operation_ratio':
      return evidence.operations === 1
    case 'distinct_parameters_ratio':
      return evidence.parameters_known_ratio === 0
    case 'calls_per_execution_max':
      return value === evidence.calls_per_execution_median
    case 'calls_at_once':
      return typeof value === 'number' && value < HARDLY_AT_ONCE
    case 'pattern':
      return !String(value).includes('+')
    case 'failed_calls':
    case 'slow_render_ns':
    case 'slow_external_ns':
    case 'slow_wait_ns':
      return value === 0
    default:
      return false
  }
}

const HARDLY_AT_ONCE = 1.05

function spokenValue(key: string, value: unknown, evidence: Evidence): string {
  const { failed_ratio_low: low, failed_ratio_high: high } = evidence
  if (key === 'failed_ratio' && typeof low === 'number' && typeof high === 'number') {
    return `${formatEvidence(key, value)} (${formatPercent(low)} to ${formatPercent(high)})`
  }
  if (key === 'operations') return `${formatEvidence(key, value)} operations`
  if (key === 'class' || key === 'dominant_part') return toWords(String(value))
  return formatEvidence(key, value)
}

export type Entry = Readonly<Record<string, unknown>>

export interface EvidenceTable {
  readonly key: string
  readonly title: string
  readonly columns: readonly { readonly key: string; readonly label: string }[]
  readonly entries: readonly Entry[]
}

interface KnownTable {
  readonly title: string
  readonly columns: Readonly<Record<string, string>>
  /** Fewer entries say nothing that the rest of the page does not. */
  readonly fewest: number
}

const TABLES: Readonly<Record<string, KnownTable>> = {
  full_scans: {
    title: 'What is read',
    columns: {
      table: 'Table',
      tableRows: 'Rows',
      rowsRead: 'Read',
      estimatedRowsOut: 'Kept',
      filter: 'By',
    },
    fewest: 1,
  },
  candidates: {
    title: 'Indexes that would help',
    columns: { table: 'Table', columns: 'Columns', predicate: 'Only rows with', reason: 'Since' },
    fewest: 1,
  },
  levels: {
    title: 'The loops',
    columns: {
      depth: 'Level',
      summary: 'Statement',
      calls: 'Calls in one execution',
      rows: 'Rows it returned',
      mean_call_ns: 'One call',
      code_location: 'Code',
    },
    fewest: 2,
  },
  callers: {
    title: 'Who waits for it',
    columns: { operation: 'Operation', time_ns: 'Time' },
    fewest: 2,
  },
  status_codes: {
    title: 'Status codes',
    columns: { name: 'Status', executions: 'Executions' },
    fewest: 1,
  },
  exceptions: {
    title: 'Exceptions',
    columns: { name: 'Exception', executions: 'Executions' },
    fewest: 1,
  },
}

const NOT_AS_TABLES = new Set(['sorts', 'explains'])

/** Lists of things with names and numbers: the levels of a nested N+1, the status codes of failures. */
export function readTables(evidence: Evidence): readonly EvidenceTable[] {
  return Object.entries(evidence).flatMap(([key, value]) => {
    const entries = entriesOf(value)
    const known = TABLES[key]
    if (NOT_AS_TABLES.has(key) || entries.length < (known?.fewest ?? 1)) return []
    const columns = known?.columns ?? labelsOf(entries)
    return [
      {
        key,
        title: known?.title ?? evidenceLabel(key),
        columns: Object.entries(columns)
          .filter(([column]) => entries.some(entry => isTelling(column, entry)))
          .map(([column, label]) => ({ key: column, label })),
        entries,
      },
    ]
  })
}

function isTelling(column: string, entry: Entry): boolean {
  const value = entry[column]
  if (value === null || value === undefined) return false
  return column !== 'rowsRead' || value !== entry.tableRows
}

function labelsOf(entries: readonly Entry[]): Readonly<Record<string, string>> {
  const keys = [...new Set(entries.flatMap(Object.keys))]
  return Object.fromEntries(keys.map(key => [key, evidenceLabel(key)]))
}

function entriesOf(value: unknown): readonly Entry[] {
  if (!Array.isArray(value)) return []
  return value.filter(
    (entry): entry is Entry => typeof entry === 'object' && entry !== null && !Array.isArray(entry),
  )
}

export interface EvidenceList {
  readonly key: string
  readonly title: string
  readonly lines: readonly string[]
}

const LISTS: Readonly<Record<string, string>> = {
  plan_words: 'Its plan',
  tables: 'Tables',
  stack: 'Where it was',
}
const NOT_AS_LISTS = new Set(['columns'])

/** Plain lists, such as a plan in words. */
export function readLists(evidence: Evidence): readonly EvidenceList[] {
  return Object.entries(evidence).flatMap(([key, value]) => {
    if (!Array.isArray(value) || value.length === 0 || NOT_AS_LISTS.has(key)) return []
    if (!value.every(part => typeof part === 'string' || typeof part === 'number')) return []
    return [{ key, title: LISTS[key] ?? evidenceLabel(key), lines: value.map(String) }]
  })
}

export interface Explained {
  readonly kind: string
  readonly title: string
  readonly traceId: string
}

/** Other findings that this one is the cause of. */
export function readExplained(evidence: Evidence): readonly Explained[] {
  return entriesOf(evidence.explains).flatMap(({ kind, title, trace_id: traceId }) =>
    typeof kind === 'string' && typeof title === 'string' && typeof traceId === 'string'
      ? [{ kind, title, traceId }]
      : [],
  )
}
