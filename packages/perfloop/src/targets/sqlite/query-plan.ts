import type { Node } from 'libpg-query'
import { z } from 'zod'
import type { PlanFact, PlanNode, TableFact } from '../../store/telemetry/target-facts.ts'
import type { ExplainableStatement } from '../explainable-statement.ts'
import { type Branch, findTable, type TableAccess } from '../table-access.ts'
import { type Database, readRows } from './open-database.ts'

const PlanRow = z.object({ id: z.number(), parent: z.number(), detail: z.string() })

/** One line of EXPLAIN QUERY PLAN, taken apart. */
export interface PlanStep {
  readonly node: string
  /** The name in the plan: the table's, or its alias in the statement. */
  readonly name?: string | undefined
  readonly index?: string | undefined
  readonly covering: boolean
  readonly condition?: string | undefined
}

/**
 * Both ways SQLite has written plans: `SEARCH TABLE orders AS o USING INDEX i (a=?)` until 3.35, and
 * `SEARCH o USING INDEX i (a=?)` since.
 */
export function readStep(detail: string): PlanStep {
  const access =
    /^(SCAN|SEARCH)\s+(?:TABLE\s+)?(?!CONSTANT\b|SUBQUERY\b)(\S+)(?:\s+AS\s+(\S+))?(.*)$/.exec(
      detail,
    )
  if (access === null) {
    const temporary = /^USE TEMP B-TREE FOR (.*)$/.exec(detail)
    return temporary === null
      ? { node: detail, covering: false }
      : { node: 'TEMP B-TREE', condition: temporary[1], covering: false }
  }
  const [, node = '', table, alias, rest = ''] = access
  const using =
    /USING (AUTOMATIC )?(?:PARTIAL )?(COVERING )?(?:INDEX\s+(\S+)|(INTEGER PRIMARY KEY|PRIMARY KEY|INDEX))/.exec(
      rest,
    )
  const condition = /\((.*)\)\s*$/.exec(rest)?.[1]
  const isNamed = using?.[3] !== undefined && !using[3].startsWith('(')
  return {
    node,
    name: alias ?? table,
    index:
      using === null
        ? undefined
        : using[1] !== undefined
          ? AUTOMATIC_INDEX
          : isNamed
            ? using[3]
            : using[4]?.toLowerCase(),
    covering: using?.[2] !== undefined,
    condition,
  }
}

/** The plan as a tree below one node that stands for the statement, with table names in place of aliases. */
export function explainQuery(database: Database, statement: ExplainableStatement): PlanNode {
  const rows = readRows(database, PlanRow, `EXPLAIN QUERY PLAN ${statement.text}`)
  const aliases = aliasesOf(statement.tree)
  const childrenOf = (parent: number): PlanNode[] =>
    rows
      .filter(row => row.parent === parent)
      .map(row => {
        const step = readStep(row.detail)
        return {
          node: step.node,
          table:
            step.name === undefined
              ? undefined
              : (aliases.get(step.name.toLowerCase()) ?? step.name),
          index: step.covering ? `${step.index} (covering)` : step.index,
          condition: step.condition,
          children: childrenOf(row.id),
        }
      })
  return { node: statement.verb, children: childrenOf(0) }
}

function aliasesOf(tree: Node): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const relation = Relation.safeParse(value)
    if (relation.success && relation.data.alias !== undefined) {
      aliases.set(relation.data.alias.aliasname.toLowerCase(), relation.data.relname)
    }
    Object.values(value).forEach(visit)
  }
  visit(tree)
  return aliases
}

const Relation = z.object({
  relname: z.string(),
  alias: z.object({ aliasname: z.string() }).optional(),
})

export function readSqlitePlan(
  plan: PlanNode,
  tables: readonly TableFact[],
  accesses: readonly TableAccess[],
  /** Rows of a page, where the statement has a LIMIT. */
  pageRows?: number,
): Pick<PlanFact, 'words' | 'fullScans' | 'sorts'> {
  const words: string[] = []
  const fullScans: PlanFact['fullScans'] = []
  const sorts: PlanFact['sorts'] = []
  const isSorted = hasSort(plan)
  /** `isOuter`: nothing was read before it that a join could compare its rows with. */
  const visit = (node: PlanNode, isOuter: boolean): void => {
    const sentence = sentenceOf(node, tables)
    if (sentence !== undefined) words.push(sentence)
    const table = node.table === undefined ? undefined : findTable(tables, node.table, undefined)
    // An index that SQLite makes for one execution reads all of the table first, each time.
    const isReadWhole = node.node === 'SCAN' || isAutomatic(node.index)
    const access = accesses.find(item => item.table === table?.subject)
    if (isReadWhole && table !== undefined && access !== undefined) {
      const own = isOuter ? { ...access, joined: [] } : access
      const joinedRatio = isOuter ? ratioJoined(access, accesses, tables) : 1
      const conditions = conditionsOf(joinedRatio < 1 ? access : own)
      const matching = Math.max(1, rowsAfter(own, table) * joinedRatio)
      // Rows that come as they are wanted can stop at the end of the page.
      const isStopped = pageRows !== undefined && !isSorted && !access.isSummedUp
      const share = isStopped ? Math.min(1, pageRows / matching) : 1
      fullScans.push({
        table: table.subject,
        tableRows: table.rows,
        rowsRead: Math.ceil(table.rows * share),
        estimatedRowsOut: rowsOut(access, matching, pageRows),
        filter: conditions.length === 0 ? null : conditions.join(' AND '),
      })
    }
    if (node.node === 'TEMP B-TREE' && /ORDER BY/.test(node.condition ?? '')) {
      const access = accesses.find(item => item.order.length > 0)
      sorts.push({
        keys: (access?.order ?? []).map(key => `${key.name}${key.descending ? ' DESC' : ''}`),
        table: access?.table ?? null,
      })
    }
    // A subquery that is run for each row compares with that row.
    let isFirst = !node.node.startsWith('CORRELATED')
    for (const child of node.children) {
      visit(child, isFirst)
      if (child.table !== undefined) isFirst = false
    }
  }
  visit(plan, true)
  return { words, fullScans, sorts }
}

function hasSort(plan: PlanNode): boolean {
  return plan.node === 'TEMP B-TREE' || plan.children.some(hasSort)
}

function conditionsOf(access: TableAccess): readonly string[] {
  return [
    ...access.equal.map(name => `${name} = ?`),
    ...access.oneOf.map(name => `${name} IN (?)`),
    ...access.joined.map(name => `${name} = another table’s`),
    ...access.ranges.map(name => `${name} bounded`),
    ...access.alternatives.map(
      branches =>
        `(${branches.map(({ equal, oneOf, ranges }) => [...equal, ...oneOf, ...ranges].join(' and ')).join(' OR ')})`,
    ),
  ]
}

/** All rows are read to sort them, of which a page is wanted: in order, no more than the page would be read. */
function rowsOut(access: TableAccess, rows: number, pageRows: number | undefined): number {
  const isPage = access.order.length > 0 && !access.isSummedUp && pageRows !== undefined
  return Math.round(isPage ? Math.min(rows, pageRows) : rows)
}

/** Share of the rows of the outermost table that find a partner, as the conditions on the joined tables let few be one. */
function ratioJoined(
  access: TableAccess,
  accesses: readonly TableAccess[],
  tables: readonly TableFact[],
): number {
  if (access.joined.length === 0) return 1
  return accesses
    .filter(other => other !== access && other.joined.length > 0)
    .reduce((ratio, other) => {
      const table = tables.find(({ subject }) => subject === other.table)
      if (table === undefined || table.rows === 0) return ratio
      return ratio * Math.min(1, rowsAfter({ ...other, joined: [] }, table) / table.rows)
    }, 1)
}

export function isAutomatic(index: string | undefined): boolean {
  return index?.startsWith(AUTOMATIC_INDEX) ?? false
}

const AUTOMATIC_INDEX = 'automatic index'

/** Of a range nothing is known: SQLite supposes a quarter of the rows beyond one bound, and 1/64 between two; so do we. */
export function rangeSelectivity(bounds: number): number {
  return bounds > 1 ? 1 / 64 : 0.25
}

export function rowsAfter(access: TableAccess, table: TableFact): number {
  const others = [...access.folded.map(({ name }) => name), ...access.joined]
  const share = others.reduce((product, name) => product * selectivityOf(table, name), 1)
  const either = access.alternatives.reduce(
    (product, branches) =>
      product *
      Math.min(
        1,
        branches.reduce((sum, branch) => sum + shareOf(branch, table), 0),
      ),
    1,
  )
  return Math.max(1, Math.round(table.rows * shareOf(access, table) * share * either))
}

/** Of the rows, that fulfil the conditions on columns. */
function shareOf({ equal, oneOf, ranges, enclosed }: Branch, table: TableFact): number {
  const fixed = [...equal, ...oneOf].reduce(
    (product, name) => product * selectivityOf(table, name),
    1,
  )
  return ranges.reduce(
    (product, name) => product * rangeSelectivity(enclosed.includes(name) ? 2 : 1),
    fixed,
  )
}

/** Share of the rows that have one given value. Unknown: a tenth, as an index of SQLite without statistics. */
export function selectivityOf(table: TableFact, column: string): number {
  const distinct = table.columns.find(({ name }) => name === column)?.distinctValues ?? null
  if (distinct === null || table.rows === 0) return UNKNOWN_SELECTIVITY
  return 1 / Math.max(1, distinct < 0 ? -distinct * table.rows : distinct)
}

const UNKNOWN_SELECTIVITY = 0.1

function sentenceOf(node: PlanNode, tables: readonly TableFact[]): string | undefined {
  if (node.node === 'TEMP B-TREE') return `sorts with temp B-tree for ${node.condition}`
  if (node.table === undefined) return undefined
  const fact = findTable(tables, node.table, undefined)
  const rows = fact === undefined ? 'rows' : `${fact.rows.toLocaleString('en-US')} rows`
  if (node.node === 'SCAN') {
    return node.index === undefined
      ? `scans all ${rows} of ${node.table}`
      : `reads all ${rows} of ${node.table} in the order of ${node.index}`
  }
  if (node.node !== 'SEARCH') return undefined
  const where = node.condition === undefined ? '' : ` (${node.condition})`
  return isAutomatic(node.index)
    ? `builds an index of its own on ${node.table} for this statement alone${where}`
    : `uses ${node.index} on ${node.table}${where}`
}
