import type { IndexFact, PlanNode, TableFact } from '../../store/telemetry/target-facts.ts'
import { findTable, type TableAccess } from '../table-access.ts'
import { isAutomatic, rangeSelectivity, rowsAfter, selectivityOf } from './query-plan.ts'

/**
 * SQLite tells the plan it takes but not its cost, so the work the plan comes to is counted here, in rows
 * read one after the other. The tables of a query are nested loops, outermost first; a row fetched through an
 * index costs a descent in the table's B-tree; a temporary B-tree, or index, costs n·log2 n. It need not agree with
 * SQLite's own estimate, for SQLite has already chosen: it says whether the choice pays.
 */
export function planCost(
  plan: PlanNode,
  statement: { readonly accesses: readonly TableAccess[]; readonly pageRows: number | undefined },
  tables: readonly TableFact[],
  indexes: readonly IndexFact[],
): number {
  const sortsOrGroups = plan.children.some(child => child.node === 'TEMP B-TREE')
  let reaching = 1
  let cost = 0
  for (const step of plan.children) {
    if (step.node === 'TEMP B-TREE') {
      cost += reaching * Math.log2(Math.max(2, reaching))
      continue
    }
    const table = step.table === undefined ? undefined : findTable(tables, step.table, undefined)
    // Each branch of an OR finds its rows by an index of its own.
    const either = step.node === 'MULTI-INDEX OR' ? tableBelow(step, tables) : undefined
    if (either !== undefined) {
      const whole = { ...statement, pageRows: undefined }
      cost += reaching * planCost({ ...step, node: 'SELECT' }, whole, tables, indexes)
      const access = statement.accesses.find(item => item.table === either.subject)
      reaching *= access === undefined ? 1 : rowsAfter(access, either)
      continue
    }
    if (table === undefined) {
      cost += planCost({ ...step, node: 'SELECT' }, statement, tables, indexes)
      continue
    }
    const access = statement.accesses.find(item => item.table === table.subject)
    const visited = rowsVisited(step, table, indexes)
    if (isAutomatic(step.index)) cost += table.rows * Math.log2(Math.max(2, table.rows))
    cost += reaching * (visited * costPerRow(step, table) + descent(step, table))
    reaching *= Math.min(visited, access === undefined ? visited : rowsAfter(access, table))
  }
  // Rows that come in the order wanted can stop at the end of the page.
  const stops = statement.pageRows !== undefined && !sortsOrGroups && reaching > 0
  return stops ? cost * Math.min(1, (statement.pageRows ?? 0) / reaching) : cost
}

function tableBelow(step: PlanNode, tables: readonly TableFact[]): TableFact | undefined {
  const found = step.table === undefined ? undefined : findTable(tables, step.table, undefined)
  for (const child of step.children) {
    const below: TableFact | undefined = found ?? tableBelow(child, tables)
    if (below !== undefined) return below
  }
  return found
}

function rowsVisited(step: PlanNode, table: TableFact, indexes: readonly IndexFact[]): number {
  if (step.node !== 'SEARCH') return table.rows
  const index = indexes.find(
    candidate => candidate.subject === step.index?.replace(' (covering)', ''),
  )
  const terms = (step.condition ?? '').split(' AND ')
  // The expression of an index is as selective as the column in it.
  const equal = terms.flatMap((term, at) =>
    term === '<expr>=?' ? (index?.columns[at] ?? []) : (/^(\w+)=\?$/.exec(term)?.[1] ?? []),
  )
  // Only the last column of an index can be bounded.
  const bounds = terms.filter(term => /^\w+[<>]/.test(term)).length
  const isOneRow =
    step.index?.includes('primary key') ||
    (index?.unique === true && index.columns.every(column => equal.includes(column)))
  if (isOneRow && bounds === 0) return 1
  const share = equal.reduce((product, name) => product * selectivityOf(table, name), 1)
  return Math.max(1, table.rows * share * (bounds === 0 ? 1 : rangeSelectivity(bounds)))
}

function costPerRow(step: PlanNode, table: TableFact): number {
  const isDirect =
    step.index === undefined ||
    step.index.endsWith('(covering)') ||
    step.index.includes('primary key')
  // A rowid found in an index is looked up in the table: a descent of log2(rows) comparisons, most of them
  // in pages that are in memory. SQLite's own planner weighs it with about a fifth of that beside a row read.
  return isDirect ? 1 : 1 + Math.log2(Math.max(2, table.rows)) / 5
}

function descent(step: PlanNode, table: TableFact): number {
  return step.node === 'SEARCH' ? Math.log2(Math.max(2, table.rows)) : 0
}
