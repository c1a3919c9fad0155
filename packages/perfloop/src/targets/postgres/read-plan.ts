import type {
  IndexFact,
  PlanFact,
  PlanNode,
  TableFact,
} from '../../store/telemetry/target-facts.ts'
import { findTable, quoteName, type TableAccess, tableName } from '../table-access.ts'
import type { Catalog } from './read-catalog.ts'

/** What a PostgreSQL plan comes to, for people and for analyzers. */
export function readPlan(
  plan: PlanNode,
  { tables, indexes }: Pick<Catalog, 'tables' | 'indexes'>,
  accesses: readonly TableAccess[] = [],
): Pick<PlanFact, 'words' | 'fullScans' | 'sorts'> {
  const words: string[] = []
  const fullScans: PlanFact['fullScans'] = []
  const sorts: PlanFact['sorts'] = []
  // A plan names tables without their schema; the statement knows which of the same name it means.
  const meant = tables.filter(({ subject }) => accesses.some(({ table }) => table === subject))
  const tableOf = (name: string): TableFact | undefined =>
    findTable(meant, name, undefined) ?? findTable(tables, name, undefined)

  walk(plan, { narrower: undefined, shareRead: 1 }, (node, { narrower, shareRead }) => {
    const sentence = sentenceOf(node, tableOf, shareRead)
    if (sentence !== undefined) words.push(sentence)
    const scanned =
      node.node === 'Seq Scan' ? node.table : tableReadThroughIndex(node, tables, indexes)
    if (scanned !== undefined) {
      const fact = tables.find(({ subject }) => subject === scanned) ?? tableOf(scanned)
      const tableRows = fact?.rows ?? node.estimatedRows ?? 0
      fullScans.push({
        table: fact?.subject ?? scanned,
        tableRows,
        rowsRead: Math.ceil(tableRows * shareRead),
        estimatedRowsOut: Math.min(node.estimatedRows ?? 0, narrower ?? Number.POSITIVE_INFINITY),
        filter: node.filter ?? node.condition ?? null,
      })
    }
    if (isSort(node)) {
      const below = tablesBelow(node)
      sorts.push({ keys: sortKeys(node), table: below.length === 1 ? (below[0] ?? null) : null })
    }
  })
  return { words, fullScans, sorts }
}

/**
 * The table of which an index is read from end to end: what is asked for is not among its first columns. Where
 * the first has few values, servers since version 18 skip from one to the next, which is as good as an index.
 */
function tableReadThroughIndex(
  node: PlanNode,
  tables: readonly TableFact[],
  indexes: readonly IndexFact[],
): string | undefined {
  if (!INDEX_SCANS.has(node.node) || node.condition === undefined) return undefined
  const index = indexes.find(({ subject }) => tableName(subject) === node.index)
  const [first] = index?.columns ?? []
  const table = tables.find(({ subject }) => subject === index?.table)
  const column = table?.columns.find(({ name }) => name === first)
  if (table === undefined || column === undefined) return undefined
  if (node.condition.includes(quoteName(column.name))) return undefined
  const { distinctValues } = column
  if (distinctValues === null) return undefined
  const distinct = distinctValues < 0 ? -distinctValues * table.rows : distinctValues
  return distinct * ENTRIES_OF_A_PAGE >= table.rows ? table.subject : undefined
}

const INDEX_SCANS = new Set(['Index Scan', 'Index Only Scan', 'Bitmap Index Scan'])
/** A page of 8 KiB holds more; this is where skipping clearly ends to pay. */
const ENTRIES_OF_A_PAGE = 100

interface Above {
  /** Fewest rows a join or limit above lets through. */
  readonly narrower: number | undefined
  /** Share of its rows that a node gives before a limit above has enough. */
  readonly shareRead: number
}

/** Depth first, inner before outer: the order rows flow in. */
function walk(node: PlanNode, above: Above, visit: (node: PlanNode, above: Above) => void): void {
  for (const child of node.children) walk(child, aboveChild(node, child, above), visit)
  visit(node, above)
}

/** These want all rows before they give one. */
const COLLECTS = new Set(['Sort', 'Aggregate', 'WindowAgg', 'Hash', 'SetOp'])
/** What comes out of these is no selection of what went in. */
const SUMS_UP = new Set(['Aggregate', 'WindowAgg', 'SetOp'])

function aboveChild(node: PlanNode, child: PlanNode, above: Above): Above {
  if (SUMS_UP.has(node.node)) return { narrower: undefined, shareRead: 1 }
  const limits = /Join|Nested Loop|Limit/.test(node.node) ? node.estimatedRows : undefined
  const narrower = Math.min(
    limits ?? Number.POSITIVE_INFINITY,
    above.narrower ?? Number.POSITIVE_INFINITY,
  )
  const asked =
    node.node === 'Limit'
      ? Math.min(1, (node.estimatedRows ?? 1) / Math.max(1, child.estimatedRows ?? 1))
      : 1
  return {
    narrower: Number.isFinite(narrower) ? narrower : undefined,
    shareRead: COLLECTS.has(node.node) ? 1 : above.shareRead * asked,
  }
}

function isSort(node: PlanNode): boolean {
  return node.node === 'Sort' || node.node === 'Incremental Sort'
}

function sortKeys(node: PlanNode): string[] {
  return (node.condition ?? '').split(', ').filter(key => key !== '')
}

function tablesBelow(node: PlanNode): readonly string[] {
  const below = node.children.flatMap(tablesBelow)
  return [...new Set(node.table === undefined ? below : [node.table, ...below])]
}

function sentenceOf(
  node: PlanNode,
  tableOf: (name: string) => TableFact | undefined,
  shareRead: number,
): string | undefined {
  const rows = count(node.estimatedRows)
  switch (node.node) {
    case 'Seq Scan': {
      const name = node.table ?? 'a table'
      const tableRows = tableOf(name)?.rows ?? node.estimatedRows ?? 0
      const all = count(tableRows)
      if (shareRead < 1) {
        return `scans ${name}, about ${count(Math.ceil(tableRows * shareRead))} of its ${all} rows until there are enough`
      }
      return node.filter === undefined
        ? `reads all ${all} rows of ${name}`
        : `scans all ${all} rows of ${name} and keeps ${rows}`
    }
    case 'Index Scan':
      return `uses ${node.index} to find ${rows} ${plural(node, 'row')} of ${node.table}${
        node.filter === undefined ? '' : ', then filters them'
      }`
    case 'Index Only Scan':
      return `uses ${node.index} alone for ${rows} ${plural(node, 'row')} of ${node.table}, without the table`
    case 'Bitmap Index Scan':
      return `uses ${node.index} to find ${rows} ${plural(node, 'row')}`
    case 'Bitmap Heap Scan':
      return `fetches ${rows} ${plural(node, 'row')} of ${node.table} by their pages`
    case 'Sort':
      return `sorts ${rows} ${plural(node, 'row')} by ${sortKeys(node).map(spoken).join(', ')}`
    case 'Incremental Sort':
      return `sorts ${rows} ${plural(node, 'row')}, partly in order already, by ${sortKeys(node).map(spoken).join(', ')}`
    case 'Hash Join':
      return `joins by hashing, ${rows} ${plural(node, 'row')} come out`
    case 'Merge Join':
      return `joins two sorted inputs, ${rows} ${plural(node, 'row')} come out`
    case 'Nested Loop':
      return `joins row by row, ${rows} ${plural(node, 'row')} come out`
    case 'Aggregate':
      return 'aggregates'
    case 'Limit':
      return `stops after ${rows} ${plural(node, 'row')}`
    default:
      return undefined
  }
}

function spoken(key: string): string {
  return key.replace(/ DESC\b/, ' descending')
}

function plural(node: PlanNode, noun: string): string {
  return node.estimatedRows === 1 ? noun : `${noun}s`
}

function count(rows: number | undefined): string {
  return Math.round(rows ?? 0).toLocaleString('en-US')
}
