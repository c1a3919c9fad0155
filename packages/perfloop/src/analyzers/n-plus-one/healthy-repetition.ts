import { NS_PER_MS } from '../../domain/duration.ts'
import { executionWord } from '../words.ts'
import { type Neighbour, type RepeatedStatement, returnedTheRows } from './parent-statement.ts'

const VALUE = String.raw`(?:\?|\$\d+|:\w+|%s|%\(\w+\)s|@\w+)`
const COLUMN = String.raw`[\w."\`[\]]+`

const ORDER = /\border\s+by\b/i
const PAGE = /\b(limit|fetch|offset)\b/i
const BY_OFFSET = new RegExp(String.raw`\boffset\s+${VALUE}`, 'i')
/** `id > ?`, and what is ordered by. A name is tried from its beginning only, or a long one would be read as often as it is long. */
const BOUND_OR_ORDER = new RegExp(
  String.raw`(?<![\w."\`[\]])(?:order\s+by\s+(?<ordered>${COLUMN})|(?<bound>${COLUMN})\s*[<>]=?\s*${VALUE})`,
  'gi',
)
const FIXED_TO_A_VALUE = new RegExp(String.raw`(?<![<>!])=\s*(?:\(\s*)?${VALUE}`, 'i')
const BY_A_LIST = new RegExp(String.raw`\bin\s*\(\s*${VALUE}\s*\)|=\s*any\s*\(`, 'i')
const READS_THE_CATALOG =
  /\b(information_schema|pg_catalog|pg_(class|attribute|attrdef|type|namespace|index|constraint|enum|range|proc)|sqlite_(master|schema)|sys\.(tables|columns|indexes|objects)|all_tab_columns)\b/i
const INSERTS_VALUES = /^\s*(insert|replace)\b.*\bvalues\b/is
const RETURNS_ROWS = /\breturning\b/i
const GUARDS = /^\s*(savepoint|begin|start\s+transaction)\b/i
const TAKES_FROM_A_QUEUE = /\bskip\s+locked\b|\breadpast\b/i

interface WriteOptions {
  readonly batchWriteMs: number
  readonly embeddedBatchWriteMs: number
}

/**
 * Repetitions that one statement for all would not make better: pages of a table read one after the other,
 * lists of keys asked for, or rows written, in portions, a queue that is emptied, a schema that is read. Each of them could also be a loop over rows: where
 * an earlier statement returned as many rows as there were calls, it is.
 */
export function isHealthyRepetition(
  row: RepeatedStatement,
  parent: Neighbour | undefined,
  options: WriteOptions,
): boolean {
  // What a mapper learns about tables, one after the other, it learns once.
  if (TAKES_FROM_A_QUEUE.test(row.text) || READS_THE_CATALOG.test(row.text)) return true
  if (parent !== undefined && returnedTheRows(parent, row)) return false
  const isJob = executionWord(row.kind) === 'job'
  if (INSERTS_VALUES.test(row.text)) return writesPortions(row, isJob, options)
  // Pages of what belongs to one row look like the rows of each of many; a job may read many pages.
  if (isPaging(row.text)) return isJob || !FIXED_TO_A_VALUE.test(row.text)
  return isJob && BY_A_LIST.test(row.text)
}

/**
 * By the rows of each call, which the driver told or the text has: a slow disk makes one row take as long as a hundred.
 * Where neither is known (a statement of one row that is sent with many), by a time that hardly any single row takes. A
 * request may wait as long for a server far away.
 */
function writesPortions(row: RepeatedStatement, isJob: boolean, options: WriteOptions): boolean {
  const rows = writtenRows(row)
  if (rows !== undefined) return rows >= 2 * row.exemplar_calls
  // Who wants to know what the row became writes one.
  if (RETURNS_ROWS.test(row.text)) return false
  if (row.dialect === 'sqlite' && !isGuardedEach(row)) {
    return row.short_call_ns >= options.embeddedBatchWriteMs * NS_PER_MS
  }
  return isJob && row.mean_call_ns >= options.batchWriteMs * NS_PER_MS
}

/** A savepoint or a transaction around each: what waits for the disk so long may be one row. */
function isGuardedEach(row: RepeatedStatement): boolean {
  return row.neighbours.some(({ calls, text }) => calls >= row.exemplar_calls && GUARDS.test(text))
}

/** Whether each call of an INSERT may write many rows, for all that is told: of Python's executemany neither rows nor parameters are. */
export function mayBeBatches(row: RepeatedStatement): boolean {
  return (
    row.parameters_known === 0 &&
    INSERTS_VALUES.test(row.text) &&
    !RETURNS_ROWS.test(row.text) &&
    writtenRows(row) === undefined
  )
}

function writtenRows(row: RepeatedStatement): number | undefined {
  return row.neighbours.find(({ statement }) => statement === row.statement)?.rows ?? undefined
}

function isPaging(text: string): boolean {
  const order = text.search(ORDER)
  if (order < 0 || !PAGE.test(text.slice(order))) return false
  return BY_OFFSET.test(text) || isByKey(text)
}

/** `WHERE id > ? … ORDER BY id`: from where the last page ended. */
function isByKey(text: string): boolean {
  const bounds = new Set<string>()
  for (const { groups } of text.matchAll(BOUND_OR_ORDER)) {
    const { bound, ordered } = groups ?? {}
    if (bound !== undefined) bounds.add(nameOf(bound))
    if (ordered !== undefined && bounds.has(nameOf(ordered))) return true
  }
  return false
}

/** `o."id"` and `id` are one column to whoever pages through a table. */
function nameOf(column: string): string {
  return column
    .slice(column.lastIndexOf('.') + 1)
    .replaceAll(/["`[\]]/g, '')
    .toLowerCase()
}
