import type { A_Expr, ColumnRef, Node, SelectStmt, SortBy } from 'libpg-query'
import { FOLDING, type Folding, type TableFact } from '../store/telemetry/target-facts.ts'

/**
 * How a statement reaches the rows of one table: which columns it fixes, bounds, joins and sorts by. This is
 * what decides which index could help it, and nothing else of the statement does.
 */
export interface TableAccess {
  /** Subject of the table's fact. */
  readonly table: string
  /** Fixed to one value each: `= $1`, `IS NULL`, a boolean. */
  readonly equal: readonly string[]
  /** Fixed to a few values: `IN (…)`, `= ANY(…)`. */
  readonly oneOf: readonly string[]
  /** Fixed to one value, or a few, inside a function: `lower(email) = $1`. */
  readonly folded: readonly FoldedColumn[]
  /** Equal to a column of another table. */
  readonly joined: readonly string[]
  /** Bounded: `<`, `>`, BETWEEN. */
  readonly ranges: readonly string[]
  /** Those of them that are bounded on both sides. */
  readonly enclosed: readonly string[]
  /** Conditions without parameters, which can be the predicate of a partial index. */
  readonly constants: readonly { readonly column: string; readonly predicate: string }[]
  /** Each an OR whose branches fix or bound columns of this table: with an index for each branch it needs no scan. */
  readonly alternatives: readonly (readonly Branch[])[]
  /** The order wanted (or else the grouping), when all of it is plain columns of this table. */
  readonly order: readonly { readonly name: string; readonly descending: boolean }[]
  /** Its rows are counted, summed up or grouped: a page of what comes out is no page of them. */
  readonly isSummedUp: boolean
  /** Conditions no ordinary index serves, in words. */
  readonly obstacles: readonly string[]
}

/** What one branch of an OR asks of a row. */
export type Branch = Pick<TableAccess, 'equal' | 'oneOf' | 'ranges' | 'enclosed'>

export interface FoldedColumn {
  readonly name: string
  readonly within: Folding
}

interface Access {
  readonly table: string
  /** By their names in lower case: SQLite asks no more, and in PostgreSQL what is written is what there is. */
  readonly columns: ReadonlyMap<string, string>
  readonly equal: Set<string>
  readonly oneOf: Set<string>
  readonly folded: Map<string, FoldedColumn>
  readonly joined: Set<string>
  readonly above: Set<string>
  readonly below: Set<string>
  readonly constants: { column: string; predicate: string }[]
  readonly alternatives: (readonly Branch[])[]
  order: { name: string; descending: boolean }[]
  isSummedUp: boolean
  readonly obstacles: Set<string>
}

/** Names visible in one query level, the enclosing levels behind it. */
interface Scope {
  readonly accesses: Map<string, Access>
  readonly outer: Scope | undefined
}

export function readAccesses(tree: Node, tables: readonly TableFact[]): readonly TableAccess[] {
  const reader = new AccessReader(tables)
  reader.readStatement(tree, undefined)
  return reader.found.map(access => ({
    table: access.table,
    ...branchOf(access),
    folded: [...access.folded.values()],
    joined: [...access.joined],
    alternatives: access.alternatives,
    constants: access.constants,
    order: access.order,
    isSummedUp: access.isSummedUp,
    obstacles: [...access.obstacles],
  }))
}

function branchOf({ equal, oneOf, above, below }: Access): Branch {
  return {
    equal: [...equal],
    oneOf: [...oneOf],
    ranges: [...new Set([...above, ...below])],
    enclosed: [...above].filter(name => below.has(name)),
  }
}

function emptyAccess({ table, columns }: Pick<Access, 'table' | 'columns'>): Access {
  return {
    table,
    columns,
    equal: new Set(),
    oneOf: new Set(),
    folded: new Map(),
    joined: new Set(),
    above: new Set(),
    below: new Set(),
    constants: [],
    alternatives: [],
    order: [],
    isSummedUp: false,
    obstacles: new Set(),
  }
}

/** More than this many indexes for one statement are not worth keeping up to date. */
const MOST_BRANCHES = 4

class AccessReader {
  readonly found: Access[] = []
  readonly #tables: readonly TableFact[]

  constructor(tables: readonly TableFact[]) {
    this.#tables = tables
  }

  readStatement(node: Node, outer: Scope | undefined): void {
    if ('SelectStmt' in node) {
      this.#readSelect(node.SelectStmt, outer)
      return
    }
    if ('UpdateStmt' in node) {
      const { relation, fromClause, whereClause } = node.UpdateStmt
      this.#readChange(relation, fromClause, whereClause, outer)
      return
    }
    if ('DeleteStmt' in node) {
      const { relation, usingClause, whereClause } = node.DeleteStmt
      this.#readChange(relation, usingClause, whereClause, outer)
      return
    }
  }

  #readChange(
    relation: RangeVarLike | undefined,
    others: readonly Node[] | undefined,
    where: Node | undefined,
    outer: Scope | undefined,
  ): void {
    const scope: Scope = { accesses: new Map(), outer }
    if (relation !== undefined) this.#enter(relation, scope)
    for (const item of others ?? []) this.#readFrom(item, scope)
    this.#readCondition(where, scope)
  }

  #readSelect(select: SelectStmt, outer: Scope | undefined): void {
    for (const cte of select.withClause?.ctes ?? []) {
      if ('CommonTableExpr' in cte && cte.CommonTableExpr.ctequery !== undefined) {
        this.readStatement(cte.CommonTableExpr.ctequery, outer)
      }
    }
    if (select.larg !== undefined && select.rarg !== undefined) {
      this.#readSelect(select.larg, outer)
      this.#readSelect(select.rarg, outer)
      return
    }

    const scope: Scope = { accesses: new Map(), outer }
    for (const item of select.fromClause ?? []) this.#readFrom(item, scope)
    this.#readCondition(select.whereClause, scope)
    for (const target of select.targetList ?? []) this.#readSubqueries(target, scope)
    if (sumsUp(select)) for (const access of scope.accesses.values()) access.isSummedUp = true
    this.#readOrder(select, scope)
  }

  #readFrom(node: Node, scope: Scope): void {
    if ('RangeVar' in node) {
      this.#enter(node.RangeVar, scope)
      return
    }
    if ('RangeSubselect' in node) {
      const { subquery } = node.RangeSubselect
      if (subquery !== undefined) this.readStatement(subquery, scope)
      return
    }
    if (!('JoinExpr' in node)) return
    const { larg, rarg, quals, usingClause } = node.JoinExpr
    if (larg !== undefined) this.#readFrom(larg, scope)
    if (rarg !== undefined) this.#readFrom(rarg, scope)
    this.#readCondition(quals, scope)
    for (const column of usingClause ?? []) {
      if (!('String' in column)) continue
      const name = column.String.sval ?? ''
      for (const access of scope.accesses.values()) {
        const column = access.columns.get(name.toLowerCase())
        if (column !== undefined) access.joined.add(column)
      }
    }
  }

  #enter(relation: RangeVarLike, scope: Scope): void {
    const fact = findTable(this.#tables, relation.relname ?? '', relation.schemaname)
    // A CTE, a view or a table we know nothing of: no index to be had.
    if (fact === undefined) return
    const access = emptyAccess({
      table: fact.subject,
      columns: new Map(fact.columns.map(({ name }) => [name.toLowerCase(), name])),
    })
    const name = relation.alias?.aliasname ?? relation.relname ?? ''
    scope.accesses.set(name.toLowerCase(), access)
    this.found.push(access)
  }

  #readCondition(node: Node | undefined, scope: Scope): void {
    if (node === undefined) return
    if ('BoolExpr' in node) {
      this.#readBoolean(node.BoolExpr.boolop, node.BoolExpr.args, scope)
      return
    }
    if ('A_Expr' in node) {
      this.#readComparison(node.A_Expr, scope)
      return
    }
    if ('NullTest' in node) {
      const column = this.#resolve(node.NullTest.arg, scope)
      if (column === undefined) return
      const isNull = node.NullTest.nulltesttype === 'IS_NULL'
      if (isNull) column.access.equal.add(column.name)
      column.access.constants.push({
        column: column.name,
        predicate: `${quoteName(column.name)} IS ${isNull ? '' : 'NOT '}NULL`,
      })
      return
    }
    if ('BooleanTest' in node) {
      const column = this.#resolve(node.BooleanTest.arg, scope)
      const test = node.BooleanTest.booltesttype
      if (column === undefined) return
      if (test === 'IS_TRUE') {
        addBoolean(column, true)
        return
      }
      if (test === 'IS_FALSE') {
        addBoolean(column, false)
        return
      }
      return
    }
    if ('ColumnRef' in node) {
      const column = this.#resolve(node, scope)
      if (column !== undefined) addBoolean(column, true)
      return
    }
    if ('SubLink' in node) {
      const column = this.#resolve(node.SubLink.testexpr, scope)
      if (column !== undefined && node.SubLink.subLinkType === 'ANY_SUBLINK') {
        column.access.joined.add(column.name)
      }
    }
    this.#readSubqueries(node, scope)
  }

  #readBoolean(
    operator: string | undefined,
    args: readonly Node[] | undefined,
    scope: Scope,
  ): void {
    const arms = args ?? []
    const [first] = arms
    if (operator === 'AND_EXPR') {
      for (const arm of arms) this.#readCondition(arm, scope)
      return
    }
    if (operator === 'NOT_EXPR') {
      const column = first === undefined ? undefined : this.#resolve(first, scope)
      if (column !== undefined) {
        addBoolean(column, false)
        return
      }
      if (first !== undefined) this.#readSubqueries(first, scope)
      return
    }
    // a = $1 OR a = $2 is a IN ($1, $2). Any other OR needs an index for each arm.
    const columns = arms.map(arm => this.#equalityColumn(arm, scope))
    const [column] = columns
    if (
      column !== undefined &&
      columns.every(other => other?.access === column.access && other.name === column.name)
    ) {
      column.access.oneOf.add(column.name)
      return
    }
    const before = this.found.length
    if (this.#readAlternatives(arms, scope)) return
    this.found.length = before
    for (const access of this.#touched(arms, scope)) {
      access.obstacles.add('an OR over several columns is not served by one index')
    }
    for (const arm of arms) this.#readSubqueries(arm, scope)
  }

  /** Whether all arms ask for rows of one table, each by columns of it that an index can have. */
  #readAlternatives(arms: readonly Node[], scope: Scope): boolean {
    if (arms.length > MOST_BRANCHES) return false
    const branches: Branch[] = []
    let reached: Access | undefined
    for (const arm of arms) {
      const own = new Map([...scope.accesses.values()].map(access => [access, emptyAccess(access)]))
      const accesses = new Map(
        [...scope.accesses].map(([name, access]) => [name, own.get(access) ?? access]),
      )
      this.#readCondition(arm, { accesses, outer: scope.outer })
      const [only, ...others] = [...own].filter(([, asked]) => isAsked(asked))
      if (only === undefined || others.length > 0) return false
      const [access, asked] = only
      reached ??= access
      const branch = branchOf(asked)
      const isServed = branch.equal.length + branch.oneOf.length + branch.ranges.length > 0
      if (reached !== access || !isServed || isBeyondColumns(asked)) return false
      branches.push(branch)
    }
    reached?.alternatives.push(branches)
    return reached !== undefined
  }

  #equalityColumn(node: Node, scope: Scope): Resolved | undefined {
    if (!('A_Expr' in node)) return undefined
    const { kind, lexpr, rexpr } = node.A_Expr
    const isEquality =
      operatorOf(node.A_Expr) === '=' && (kind === 'AEXPR_OP' || kind === 'AEXPR_IN')
    return isEquality && isConstant(rexpr) ? this.#resolve(lexpr, scope) : undefined
  }

  #readComparison(expression: A_Expr, scope: Scope): void {
    const { kind, lexpr, rexpr } = expression
    const operator = operatorOf(expression)
    const left = this.#resolve(lexpr, scope)
    const right = this.#resolve(rexpr, scope)
    if (lexpr !== undefined) this.#readSubqueries(lexpr, scope)
    if (rexpr !== undefined) this.#readSubqueries(rexpr, scope)

    if (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE' || kind === 'AEXPR_SIMILAR') {
      left?.access.obstacles.add(
        `${left.name} is matched by a pattern: with a leading wildcard no ordinary index helps`,
      )
      return
    }
    if (left !== undefined && right !== undefined) {
      if (operator === '=' && kind === 'AEXPR_OP') {
        left.access.joined.add(left.name)
        right.access.joined.add(right.name)
      }
      return
    }
    const column = left ?? right
    if (column === undefined) {
      if (!this.#readFolded(expression, scope)) this.#noteExpressions([lexpr, rexpr], scope)
      return
    }
    const value = left === undefined ? lexpr : rexpr
    addComparison(column, kind, operator, value)
  }

  /** `lower(email) = $1`, `lower(email) IN (…)`: an index on the expression serves it as one on a column would. */
  #readFolded(expression: A_Expr, scope: Scope): boolean {
    const { kind, lexpr, rexpr } = expression
    const isFew = kind === 'AEXPR_IN' || kind === 'AEXPR_OP_ANY'
    if (operatorOf(expression) !== '=' || (kind !== 'AEXPR_OP' && !isFew)) return false
    const left = this.#foldedColumn(lexpr, scope)
    const right = isFew ? undefined : this.#foldedColumn(rexpr, scope)
    const found = left ?? right
    const value = left === undefined ? lexpr : rexpr
    if (found === undefined || !isFixed(value)) return false
    const { access, name, within } = found
    access.folded.set(`${within} ${name}`, { name, within })
    return true
  }

  #foldedColumn(
    node: Node | undefined,
    scope: Scope,
  ): (Resolved & { readonly within: Folding }) | undefined {
    const within = node === undefined ? undefined : foldingOf(node)
    if (within === undefined || node === undefined || !('FuncCall' in node)) return undefined
    const [argument] = node.FuncCall.args ?? []
    const column = this.#resolve(withoutTextCast(argument), scope)
    return column === undefined ? undefined : { ...column, within }
  }

  /** A function or cast around a column hides it from an index on the column. */
  #noteExpressions(sides: readonly (Node | undefined)[], scope: Scope): void {
    for (const side of sides) {
      if (side === undefined) continue
      const wrapper = wrapperOf(side)
      if (wrapper === undefined) continue
      for (const { access, name } of this.#columnsBelow(side, scope)) {
        access.obstacles.add(`${wrapper} around ${name} hides it from an index on the column`)
      }
    }
  }

  #readOrder(select: SelectStmt, scope: Scope): void {
    const sorts = (select.sortClause ?? []).flatMap(node => ('SortBy' in node ? [node.SortBy] : []))
    // Without an order wanted, rows that come in the order of the groups need neither hashing nor sorting.
    const keys: readonly SortBy[] =
      sorts.length > 0 ? sorts : (select.groupClause ?? []).map(node => ({ node }))
    const order = keys.map(key => this.#orderKey(key, select, scope))
    const [first] = order
    if (first === undefined) return
    // An index gives an order only if it gives all of it.
    if (order.every(key => key !== undefined && key.access === first.access)) {
      first.access.order = order.flatMap(key =>
        key === undefined ? [] : [{ name: key.name, descending: key.descending }],
      )
    }
  }

  #orderKey(
    sort: SortBy,
    select: SelectStmt,
    scope: Scope,
  ): (Resolved & { readonly descending: boolean }) | undefined {
    const descending = sort.sortby_dir === 'SORTBY_DESC'
    const nulls = sort.sortby_nulls ?? 'SORTBY_NULLS_DEFAULT'
    const isDefault =
      nulls === 'SORTBY_NULLS_DEFAULT' ||
      nulls === (descending ? 'SORTBY_NULLS_FIRST' : 'SORTBY_NULLS_LAST')
    if (!isDefault) return undefined
    const column = this.#resolve(sort.node, scope) ?? this.#outputColumn(sort.node, select, scope)
    return column === undefined ? undefined : { ...column, descending }
  }

  /** ORDER BY 2, ORDER BY the_alias. */
  #outputColumn(node: Node | undefined, select: SelectStmt, scope: Scope): Resolved | undefined {
    const targets = select.targetList ?? []
    if (node === undefined) return undefined
    if ('A_Const' in node) {
      const target = targets[(node.A_Const.ival?.ival ?? 0) - 1]
      return target !== undefined && 'ResTarget' in target
        ? this.#resolve(target.ResTarget.val, scope)
        : undefined
    }
    const name = 'ColumnRef' in node ? columnPath(node.ColumnRef).at(-1) : undefined
    const target = targets.find(item => 'ResTarget' in item && item.ResTarget.name === name)
    return name !== undefined && target !== undefined && 'ResTarget' in target
      ? this.#resolve(target.ResTarget.val, scope)
      : undefined
  }

  #resolve(node: Node | undefined, scope: Scope): Resolved | undefined {
    if (node === undefined || !('ColumnRef' in node)) return undefined
    const path = columnPath(node.ColumnRef)
    const name = path.at(-1)
    const qualifier = path.at(-2)
    if (name === undefined) return undefined
    const key = name.toLowerCase()
    for (let level: Scope | undefined = scope; level !== undefined; level = level.outer) {
      const access =
        qualifier === undefined
          ? [...level.accesses.values()].find(candidate => candidate.columns.has(key))
          : level.accesses.get(qualifier.toLowerCase())
      const column = access?.columns.get(key)
      if (access !== undefined && column !== undefined) return { access, name: column }
    }
    return undefined
  }

  #touched(nodes: readonly Node[], scope: Scope): ReadonlySet<Access> {
    return new Set(
      nodes.flatMap(node => this.#columnsBelow(node, scope).map(({ access }) => access)),
    )
  }

  #columnsBelow(node: Node, scope: Scope): readonly Resolved[] {
    const columns: Resolved[] = []
    visit(node, child => {
      const column = this.#resolve(child, scope)
      if (column !== undefined) columns.push(column)
      return !('SelectStmt' in child)
    })
    return columns
  }

  #readSubqueries(node: Node, scope: Scope): void {
    visit(node, child => {
      if (!('SelectStmt' in child)) return true
      this.#readSelect(child.SelectStmt, scope)
      return false
    })
  }
}

function isAsked(access: Access): boolean {
  const { equal, oneOf, above, below } = access
  return equal.size + oneOf.size + above.size + below.size > 0 || isBeyondColumns(access)
}

/** What an index on plain columns does not serve within an OR. */
function isBeyondColumns({
  folded,
  joined,
  obstacles,
  alternatives,
}: Pick<Access, 'folded' | 'joined' | 'obstacles' | 'alternatives'>): boolean {
  return folded.size + joined.size + obstacles.size + alternatives.length > 0
}

interface RangeVarLike {
  readonly relname?: string
  readonly schemaname?: string
  readonly alias?: { readonly aliasname?: string }
}

interface Resolved {
  readonly access: Access
  readonly name: string
}

const AGGREGATES = new Set(
  'count sum avg total min max group_concat string_agg array_agg json_agg jsonb_agg json_group_array'.split(
    ' ',
  ),
)

function sumsUp(select: SelectStmt): boolean {
  if ((select.groupClause ?? []).length > 0) return true
  let found = false
  visit(select.targetList ?? [], child => {
    if ('FuncCall' in child) {
      const name = child.FuncCall.funcname?.at(-1)
      const isWindow = child.FuncCall.over !== undefined
      if (name !== undefined && 'String' in name && !isWindow) {
        found ||= AGGREGATES.has(name.String.sval ?? '')
      }
    }
    return !('SelectStmt' in child)
  })
  return found
}

function addComparison(
  { access, name }: Resolved,
  kind: string | undefined,
  operator: string,
  value: Node | undefined,
): void {
  if (kind === 'AEXPR_IN' || kind === 'AEXPR_OP_ANY') {
    if (operator === '=') access.oneOf.add(name)
    return
  }
  if (kind === 'AEXPR_BETWEEN' || kind === 'AEXPR_BETWEEN_SYM') {
    access.above.add(name)
    access.below.add(name)
    return
  }
  if (kind === 'AEXPR_NOT_DISTINCT') {
    access.equal.add(name)
    return
  }
  if (kind !== 'AEXPR_OP') return
  // Which of the two it is when the column stands on the right is all one: the other bound is the other.
  if (operator === '>' || operator === '>=') access.above.add(name)
  else if (operator === '<' || operator === '<=') access.below.add(name)
  else if (operator === '=') {
    const constant = booleanOf(value)
    if (constant === undefined) access.equal.add(name)
    else addBoolean({ access, name }, constant)
  } else if (operator !== '<>') {
    access.obstacles.add(`${operator} on ${name} is not served by an ordinary index`)
  }
}

function addBoolean({ access, name }: Resolved, value: boolean): void {
  access.equal.add(name)
  access.constants.push({ column: name, predicate: `${quoteName(name)} = ${value}` })
}

function booleanOf(node: Node | undefined): boolean | undefined {
  if (node === undefined || !('A_Const' in node) || node.A_Const.boolval === undefined)
    return undefined
  return node.A_Const.boolval.boolval ?? false
}

function isConstant(node: Node | undefined): boolean {
  if (node === undefined) return false
  if ('ParamRef' in node || 'A_Const' in node) return true
  if ('TypeCast' in node) return isConstant(node.TypeCast.arg)
  return 'List' in node && (node.List.items ?? []).every(isConstant)
}

/** A constant, or a function of constants only: `lower($1)`. */
function isFixed(node: Node | undefined): boolean {
  if (node === undefined) return false
  if (foldingOf(node) !== undefined && 'FuncCall' in node) {
    return (node.FuncCall.args ?? []).every(isFixed)
  }
  return isConstant(node)
}

function foldingOf(node: Node): Folding | undefined {
  if (!('FuncCall' in node) || node.FuncCall.args?.length !== 1) return undefined
  const name = node.FuncCall.funcname?.at(-1)
  const spelled = name !== undefined && 'String' in name ? name.String.sval?.toLowerCase() : ''
  return FOLDING.find(folding => folding === spelled)
}

/** `UPPER("name"::text)`, as Django writes it: of a column that holds text, the same as without. */
function withoutTextCast(node: Node | undefined): Node | undefined {
  if (node === undefined || !('TypeCast' in node)) return node
  const type = node.TypeCast.typeName?.names?.at(-1)
  const isText = type !== undefined && 'String' in type && type.String.sval === 'text'
  return isText ? node.TypeCast.arg : node
}

function wrapperOf(node: Node): string | undefined {
  if ('FuncCall' in node) {
    const name = node.FuncCall.funcname?.at(-1)
    return name !== undefined && 'String' in name
      ? `the function ${name.String.sval}`
      : 'a function'
  }
  if ('CoalesceExpr' in node) return 'COALESCE'
  if ('TypeCast' in node) return 'a cast'
  return 'A_Expr' in node ? 'an expression' : undefined
}

function operatorOf(expression: A_Expr): string {
  const name = expression.name?.at(-1)
  return name !== undefined && 'String' in name ? (name.String.sval ?? '') : ''
}

function columnPath(reference: ColumnRef): readonly string[] {
  return (reference.fields ?? []).flatMap(field =>
    'String' in field && field.String.sval !== undefined ? [field.String.sval] : [],
  )
}

/** Depth first; `enter` answers whether to go below. */
function visit(value: unknown, enter: (node: Node) => boolean): void {
  if (Array.isArray(value)) {
    for (const child of value) visit(child, enter)
    return
  }
  if (typeof value !== 'object' || value === null) return
  // Every object of the tree is asked; those that are no nodes have none of the keys asked for.
  if (!enter(value as Node)) return
  for (const child of Object.values(value)) visit(child, enter)
}

/** By schema where one is written; else by name, `public` first, as the default search path would. */
export function findTable(
  tables: readonly TableFact[],
  name: string,
  schema: string | undefined,
): TableFact | undefined {
  if (schema !== undefined) {
    const qualified = tables.find(table => table.subject === `${schema}.${name}`)
    return qualified ?? (schema === 'main' ? findTable(tables, name, undefined) : undefined)
  }
  const wanted = name.toLowerCase()
  const named = tables.filter(table => tableName(table.subject).toLowerCase() === wanted)
  return named.find(table => table.subject.startsWith('public.')) ?? named[0]
}

/** `orders` of `public.orders`. */
export function tableName(subject: string): string {
  return subject.slice(subject.indexOf('.') + 1)
}

/** As an SQL identifier: quoted where it must be. */
export function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name)
    ? name
    : `"${name.replaceAll('"', '""')}"`
}

/** Words that are names of columns and tables in the wild and reserved in PostgreSQL or SQLite. */
const RESERVED = new Set(
  (
    'all analyse analyze and any array as asc authorization between binary both by case cast check collate ' +
    'collation column commit concurrently constraint create cross current_date current_role current_time ' +
    'current_timestamp current_user default deferrable delete desc distinct do drop else end except exists ' +
    'false fetch for foreign freeze from full glob grant group having ilike in index initially inner insert ' +
    'intersect into is isnull join key lateral leading left like limit localtime localtimestamp match natural ' +
    'not notnull null offset on only or order outer overlaps placing primary references returning right ' +
    'select session_user set similar some symmetric system_user table tablesample then to trailing ' +
    'transaction true union unique update user using values variadic verbose when where window with'
  ).split(' '),
)
