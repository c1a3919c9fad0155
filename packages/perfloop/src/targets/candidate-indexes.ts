import type { OptimizerSettings } from '../settings/optimizer.ts'
import type { IndexFact, PlanFact, TableFact } from '../store/telemetry/target-facts.ts'
import { type Branch, type FoldedColumn, quoteName, type TableAccess } from './table-access.ts'

export type CandidateIndex = PlanFact['candidates'][number]

/**
 * Indexes that could serve an access: columns fixed to one value first, the most selective in front; then
 * either the order wanted, so that nothing need be sorted, or one bounded column, since a B-tree can be
 * entered by equality as deep as it goes but by a range only once. Whether one of them helps is for the
 * planner to say.
 */
export function candidateIndexes(
  accesses: readonly TableAccess[],
  tables: readonly TableFact[],
  indexes: readonly IndexFact[],
  settings: OptimizerSettings['createIndex'],
): { readonly candidates: readonly CandidateIndex[]; readonly obstacles: readonly string[] } {
  const candidates: CandidateIndex[] = []
  const together: CandidateIndex[] = []
  const obstacles = new Set<string>()

  for (const access of accesses) {
    const table = tables.find(fact => fact.subject === access.table)
    if (table === undefined) continue
    for (const obstacle of access.obstacles) obstacles.add(obstacle)
    if (table.rows < settings.minTableRows) {
      obstacles.add(`${access.table} has only ${table.rows} rows: reading all of them is cheap`)
      continue
    }
    const existing = indexes.filter(index => index.table === access.table && index.valid)
    for (const candidate of indexesFor(access, table, settings)) {
      const known = candidates.some(other => isSameIndex(other, candidate))
      if (!known && !existing.some(index => covers(index, candidate, access))) {
        candidates.push(candidate)
      }
    }
    for (const branches of access.alternatives) {
      const missing = branches.flatMap(branch => {
        const candidate = branchIndex(access.table, branch, table, settings)
        const inBranch = { ...access, ...branch, joined: [] }
        return existing.some(index => covers(index, candidate, inBranch)) ? [] : [candidate]
      })
      together.push(...asSet(missing, together.length))
    }
  }
  return { candidates: [...withoutPrefixes(candidates), ...together], obstacles: [...obstacles] }
}

/** For one branch of an OR: what it fixes, the most selective in front, and one bounded column. */
function branchIndex(
  table: string,
  { equal, oneOf, ranges }: Branch,
  fact: TableFact,
  { maxColumns }: OptimizerSettings['createIndex'],
): CandidateIndex {
  const distinct = distinctValues(fact)
  const bySelectivity = (names: readonly string[]) =>
    [...new Set(names)].sort((a, b) => distinct(b) - distinct(a))
  const fixed = bySelectivity([...equal, ...oneOf])
  const bounded = bySelectivity(ranges.filter(name => !fixed.includes(name))).slice(0, 1)
  return {
    table,
    columns: [...fixed, ...bounded].slice(0, maxColumns).map(name => ({ name, descending: false })),
    predicate: null,
    reason: filtered(fixed, bounded),
  }
}

/** A branch without an index makes the planner read everything anyway: they help together only. */
function asSet(indexes: readonly CandidateIndex[], number: number): readonly CandidateIndex[] {
  const distinct = indexes.filter(
    (one, at) => indexes.findIndex(other => isSameIndex(one, other)) === at,
  )
  const [first] = distinct
  if (first === undefined || distinct.length === 1) return distinct
  return distinct.map(index => ({ ...index, together: `${first.table} ${number}` }))
}

function indexesFor(
  access: TableAccess,
  table: TableFact,
  settings: OptimizerSettings['createIndex'],
): readonly CandidateIndex[] {
  const distinct = distinctValues(table)
  const bySelectivity = (names: readonly string[]): readonly string[] =>
    [...new Set(names)].sort((a, b) => distinct(b) - distinct(a))
  const build = (
    fixed: readonly string[],
    tail: readonly { readonly name: string; readonly descending: boolean }[],
    predicate: string | null,
    why: string,
  ): readonly CandidateIndex[] => {
    const head = fixed.slice(0, settings.maxColumns)
    const room = settings.maxColumns - head.length
    const rest = tail.filter(({ name }) => !head.includes(name))
    // A part of an order is no order, and a tail behind a cut head is out of reach.
    const fits = head.length === fixed.length && rest.length <= room
    const columns = [
      ...head.map(name => ({ name, descending: false })),
      ...(fits ? ascendingFirst(rest) : []),
    ]
    if (columns.length === 0) return []
    return [{ table: access.table, columns, predicate, reason: why }]
  }

  const equal = bySelectivity(access.equal.filter(name => !isMostlyNull(name, access, table)))
  const oneOf = bySelectivity(access.oneOf)
  const joined = bySelectivity(access.joined)
  const ranges = bySelectivity(access.ranges).slice(0, 1)
  const range = ranges.map(name => ({ name, descending: false }))
  const fixed = bySelectivity([...equal, ...access.oneOf])

  const found: CandidateIndex[] = []
  // Values of an IN list each have their own order: behind one, the index is not in the order wanted.
  if (access.order.length > 0 && (equal.length > 0 || fixed.length === 0)) {
    found.push(...build(equal, access.order, null, ordered(equal, access.order)))
  }
  if (fixed.length > 0 || range.length > 0) {
    found.push(...build(fixed, range, null, filtered(fixed, ranges)))
  }
  if (equal.length > 0 && oneOf.length > 0) {
    found.push(...build([...equal, ...oneOf], [], null, filtered([...equal, ...oneOf], [])))
  }
  if (joined.length > 0 && fixed.length > 0) {
    const both = bySelectivity([...joined, ...fixed])
    found.push(...build(both, range, null, filtered(both, ranges)))
  }
  if (joined.length > 0) {
    found.push(...build(joined, [], null, `rows are looked up by ${listed(joined)} for a join`))
  }
  for (const folded of access.folded.filter(({ name }) => distinct(name) >= SUPPOSED_DISTINCT)) {
    found.push(...foldedIndexes(access, folded, equal, settings))
  }
  found.push(...partialIndexes(access, table, settings, build, bySelectivity))
  return found
}

/**
 * PostgreSQL knows nothing of the values of an expression that has no index yet, and supposes so many different
 * ones (DEFAULT_NUM_DISTINCT of its selfuncs.h). Where the column itself has fewer, its word for the index is
 * worth nothing.
 */
const SUPPOSED_DISTINCT = 200

/** An index on the expression, and one with what else is fixed before it. */
function foldedIndexes(
  access: TableAccess,
  { name, within }: FoldedColumn,
  equal: readonly string[],
  settings: OptimizerSettings['createIndex'],
): readonly CandidateIndex[] {
  const heads = equal.length > 0 && equal.length < settings.maxColumns ? [equal, []] : [[]]
  return heads.map(head => ({
    table: access.table,
    columns: [
      ...head.map(column => ({ name: column, descending: false })),
      { name, descending: false, within },
    ],
    predicate: null,
    reason: filtered([...head, `${within}(${name})`], []),
  }))
}

/** A column that is asked to be NULL, and nearly always is (`deleted_at IS NULL`), finds no rows: it only widens an index. */
function isMostlyNull(name: string, access: TableAccess, table: TableFact): boolean {
  const isAskedToBeNull = access.constants.some(
    ({ column, predicate }) => column === name && / IS NULL$/.test(predicate),
  )
  const nullRatio = table.columns.find(column => column.name === name)?.nullRatio ?? 0
  return isAskedToBeNull && nullRatio > MOSTLY
}

const MOSTLY = 0.5

/** Where a condition without parameters throws most rows away, the index need not hold them. */
function partialIndexes(
  access: TableAccess,
  table: TableFact,
  settings: OptimizerSettings['createIndex'],
  build: (
    fixed: readonly string[],
    tail: readonly { readonly name: string; readonly descending: boolean }[],
    predicate: string,
    why: string,
  ) => readonly CandidateIndex[],
  bySelectivity: (names: readonly string[]) => readonly string[],
): readonly CandidateIndex[] {
  const selective = access.constants.filter(({ column, predicate }) => {
    const fact = table.columns.find(({ name }) => name === column)
    if (/ IS NULL$/.test(predicate)) return (fact?.nullRatio ?? 0) <= settings.maxPartialRatio
    if (/ IS NOT NULL$/.test(predicate)) {
      return fact?.nullRatio != null && 1 - fact.nullRatio <= settings.maxPartialRatio
    }
    // How many rows hold true is among the values we never collect: the planner, who knows, decides.
    return true
  })
  return selective.flatMap(({ column, predicate }) => {
    const others = bySelectivity(access.equal.filter(name => name !== column))
    const range = bySelectivity(access.ranges).slice(0, 1)
    const tail =
      access.order.length > 0 ? access.order : range.map(name => ({ name, descending: false }))
    const fixed = others.length + tail.length > 0 ? others : [column]
    const why = `only rows with ${predicate} are asked for${
      others.length > 0 ? `, by ${listed(others)}` : ''
    }`
    return build(fixed, tail, predicate, why)
  })
}

/** Read backwards, an index gives the opposite order: one whose order begins ascending serves both. */
function ascendingFirst(
  order: readonly { readonly name: string; readonly descending: boolean }[],
): readonly { readonly name: string; readonly descending: boolean }[] {
  if (order[0]?.descending !== true) return order
  return order.map(({ name, descending }) => ({ name, descending: !descending }))
}

function distinctValues(table: TableFact): (column: string) => number {
  const byName = new Map(
    table.columns.map(({ name, distinctValues: value }) => [
      name,
      value === null ? 0 : value < 0 ? -value * table.rows : value,
    ]),
  )
  return column => byName.get(column) ?? 0
}

/** An index in place that serves an access at least as well: nothing to gain from the candidate. */
function covers(index: IndexFact, candidate: CandidateIndex, access: TableAccess): boolean {
  if (index.partial !== null && index.partial !== candidate.predicate) return false
  const fixed = new Set([...access.equal, ...access.oneOf])
  const names = candidate.columns.map(keyOf)
  const single = new Set([...access.equal, ...access.joined])
  // A unique index over columns that are all fixed to one value finds one row: no index finds fewer.
  const isUniqueKey =
    index.unique &&
    index.partial === null &&
    index.columns.every(column => single.has(column)) &&
    (index.columns.every(column => access.equal.includes(column)) ||
      index.columns.every(column => names.includes(column)))
  if (isUniqueKey) return true
  const keys = index.columns.slice(0, names.length).map(withoutCasts)
  if (keys.length < names.length) return false
  // Among fixed columns the order in the index does not matter; behind them it does.
  const head = names.filter(name => fixed.has(name)).length
  const isPrefixFixed = names.slice(0, head).every(name => fixed.has(name))
  if (!isPrefixFixed) return names.every((name, at) => keys[at] === name)
  const sameHead = new Set(keys.slice(0, head))
  return (
    names.slice(0, head).every(name => sameHead.has(name)) &&
    names.slice(head).every((name, at) => keys[head + at] === name)
  )
}

type IndexKey = CandidateIndex['columns'][number]

function keyOf({ name, within }: IndexKey): string {
  return within === undefined ? name : `${within}(${name})`
}

/** `lower((email)::text)`, as PostgreSQL tells of a column that is varchar. */
function withoutCasts(key: string): string {
  return key.replaceAll(/::(?:text|character varying)\b/g, '').replaceAll(/\(\((\w+)\)\)/g, '($1)')
}

/** A candidate whose columns begin another one's adds nothing the other does not have. */
export function withoutPrefixes(candidates: readonly CandidateIndex[]): readonly CandidateIndex[] {
  return candidates.filter(
    candidate =>
      !candidates.some(
        other =>
          other !== candidate &&
          other.table === candidate.table &&
          other.predicate === candidate.predicate &&
          other.columns.length > candidate.columns.length &&
          startsWith(other, candidate),
      ),
  )
}

export function startsWith(index: CandidateIndex, prefix: CandidateIndex): boolean {
  return prefix.columns.every(
    (column, at) =>
      index.columns[at]?.name === column.name &&
      index.columns[at]?.within === column.within &&
      index.columns[at]?.descending === column.descending,
  )
}

export function isSameIndex(a: CandidateIndex, b: CandidateIndex): boolean {
  return (
    a.table === b.table &&
    a.predicate === b.predicate &&
    a.columns.length === b.columns.length &&
    startsWith(a, b)
  )
}

/** The columns as they stand in CREATE INDEX. */
export function columnList(candidate: CandidateIndex): string {
  return candidate.columns
    .map(({ name, within, descending }) => {
      const key = within === undefined ? quoteName(name) : `${within}(${quoteName(name)})`
      return `${key}${descending ? ' DESC' : ''}`
    })
    .join(', ')
}

function listed(names: readonly string[]): string {
  return names.length <= 1
    ? (names[0] ?? '')
    : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function filtered(fixed: readonly string[], ranges: readonly string[]): string {
  const parts = [
    ...(fixed.length > 0 ? [`rows are found by ${listed(fixed)}`] : []),
    ...(ranges.length > 0 ? [`bounded by ${listed(ranges)}`] : []),
  ]
  return parts.join(', then ')
}

function ordered(fixed: readonly string[], order: TableAccess['order']): string {
  const by = listed(order.map(({ name, descending }) => (descending ? `${name} descending` : name)))
  return fixed.length === 0
    ? `rows are wanted in the order of ${by}`
    : `rows are found by ${listed(fixed)} and wanted in the order of ${by}`
}
