import type { PlanFact, PlanNode, TableFact } from '../../store/telemetry/target-facts.ts'
import { findTable } from '../table-access.ts'

/** What a PostgreSQL plan comes to, for people and for analyzers. */
export function readPlan(
  plan: PlanNode,
  tables: readonly TableFact[],
): Pick<PlanFact, 'words' | 'fullScans' | 'sorts'> {
  const words: string[] = []
  const fullScans: PlanFact['fullScans'] = []
  const sorts: PlanFact['sorts'] = []

  walk(plan, undefined, (node, narrower) => {
    const sentence = sentenceOf(node, tables)
    if (sentence !== undefined) words.push(sentence)
    if (node.node === 'Seq Scan' && node.table !== undefined) {
      const fact = findTable(tables, node.table, undefined)
      fullScans.push({
        table: fact?.subject ?? node.table,
        tableRows: fact?.rows ?? node.estimatedRows ?? 0,
        estimatedRowsOut: Math.min(node.estimatedRows ?? 0, narrower ?? Number.POSITIVE_INFINITY),
        filter: node.filter ?? null,
      })
    }
    if (isSort(node)) {
      const below = tablesBelow(node)
      sorts.push({ keys: sortKeys(node), table: below.length === 1 ? (below[0] ?? null) : null })
    }
  })
  return { words, fullScans, sorts }
}

/** Depth first, inner before outer: the order rows flow in. `narrower`: fewest rows a join or limit above lets through. */
function walk(
  node: PlanNode,
  narrower: number | undefined,
  visit: (node: PlanNode, narrower: number | undefined) => void,
): void {
  const limits = /Join|Nested Loop|Limit/.test(node.node) ? node.estimatedRows : undefined
  const below = Math.min(limits ?? Number.POSITIVE_INFINITY, narrower ?? Number.POSITIVE_INFINITY)
  for (const child of node.children) walk(child, Number.isFinite(below) ? below : undefined, visit)
  visit(node, narrower)
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

function sentenceOf(node: PlanNode, tables: readonly TableFact[]): string | undefined {
  const rows = count(node.estimatedRows)
  switch (node.node) {
    case 'Seq Scan': {
      const name = node.table ?? 'a table'
      const all = count(findTable(tables, name, undefined)?.rows ?? node.estimatedRows)
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
