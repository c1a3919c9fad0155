import type { OptimizerSettings } from '../../settings/optimizer.ts'
import {
  type CandidateIndex,
  isSameIndex,
  withoutPrefixes,
} from '../../targets/candidate-indexes.ts'
import type { ProvenPlan, Prover, StatementToProve } from './prover.ts'

/** One index, or several that help only together. */
export interface ChosenIndexes {
  readonly indexes: readonly CandidateIndex[]
  readonly served: readonly {
    readonly statement: StatementToProve
    readonly before: ProvenPlan
    readonly after: ProvenPlan
  }[]
}

/**
 * The fewest indexes that serve the statements: the one that saves most first, then, with it in place, the
 * next, as long as one still lowers the cost of a statement by the set share. An index the planner ignores,
 * or that saves too little, is never among them.
 */
export async function chooseIndexes(
  statements: readonly StatementToProve[],
  prover: Prover,
  settings: OptimizerSettings['createIndex'],
  signal: AbortSignal,
): Promise<readonly ChosenIndexes[]> {
  const candidates = bounded(statements.flatMap(choicesOf), settings)
  const chosen: ChosenIndexes[] = []
  const current = new Map<StatementToProve, ProvenPlan>()
  for (const statement of statements) {
    signal.throwIfAborted()
    const plan = await prover.explain(statement, [])
    if (plan !== undefined) current.set(statement, plan)
  }

  for (let left = candidates; left.length > 0; ) {
    const inPlace = chosen.flatMap(({ indexes }) => indexes)
    const trials: ChosenIndexes[] = []
    for (const indexes of left) {
      signal.throwIfAborted()
      trials.push(await tryIndexes(indexes, inPlace, current, prover, settings))
    }
    const best = bestOf(trials)
    if (best === undefined) break
    chosen.push(best)
    for (const { statement, after } of best.served) current.set(statement, after)
    left = left.filter(indexes => indexes !== best.indexes)
  }
  return chosen
}

async function tryIndexes(
  indexes: readonly CandidateIndex[],
  inPlace: readonly CandidateIndex[],
  current: ReadonlyMap<StatementToProve, ProvenPlan>,
  prover: Prover,
  settings: OptimizerSettings['createIndex'],
): Promise<ChosenIndexes> {
  const served: ChosenIndexes['served'][number][] = []
  const added = indexes.filter(index => !inPlace.some(other => isSameIndex(index, other)))
  for (const [statement, before] of added.length === 0 ? [] : current) {
    // Only a statement that reads the table can be served by the index.
    if (!statement.candidates.some(({ table }) => indexes.some(index => index.table === table))) {
      continue
    }
    const after = await prover.explain(statement, [...inPlace, ...added])
    const used = added.filter(index => after?.used.has(index) ?? false)
    if (after === undefined || used.length === 0) continue
    // Of several, one that the planner leaves aside (its branch has a primary key) would be kept up to date for nothing.
    if (used.length < added.length) return tryIndexes(used, inPlace, current, prover, settings)
    const saved = 1 - after.cost / Math.max(before.cost, Number.MIN_VALUE)
    if (saved >= settings.minCostReductionRatio) served.push({ statement, before, after })
  }
  return { indexes: added.length === indexes.length ? indexes : added, served }
}

function bestOf(trials: readonly ChosenIndexes[]): ChosenIndexes | undefined {
  const useful = trials.filter(({ served }) => served.length > 0)
  const most = Math.max(...useful.map(savingOf))
  // Among those as good as the best, the one with least to keep up to date: writes pay for every index.
  return useful
    .filter(trial => savingOf(trial) >= most * AS_GOOD)
    .sort((a, b) => upkeepOf(a.indexes) - upkeepOf(b.indexes) || savingOf(b) - savingOf(a))[0]
}

/** Within one part in a hundred two costs are the same: planners round. */
const AS_GOOD = 0.99

function savingOf({ served }: ChosenIndexes): number {
  return served.reduce(
    (sum, { statement, before, after }) => sum + statement.weight * (1 - after.cost / before.cost),
    0,
  )
}

function upkeepOf(indexes: readonly CandidateIndex[]): number {
  return indexes.reduce(
    (sum, { columns, predicate }) => sum + columns.length - (predicate === null ? 0 : 0.5),
    0,
  )
}

/** Its candidates, one by one, and those that help together as one. */
function choicesOf({ candidates }: StatementToProve): readonly (readonly CandidateIndex[])[] {
  const sets = new Map<string, CandidateIndex[]>()
  for (const [at, candidate] of candidates.entries()) {
    const set = candidate.together ?? String(at)
    sets.set(set, [...(sets.get(set) ?? []), candidate])
  }
  return [...sets.values()]
}

/** Each once. A composite that begins with a shorter one serves its statements too: the shorter one is not tried. */
function bounded(
  choices: readonly (readonly CandidateIndex[])[],
  settings: OptimizerSettings['createIndex'],
): readonly (readonly CandidateIndex[])[] {
  const longest = new Set(
    withoutPrefixes(choices.flatMap(choice => (choice.length === 1 ? choice : []))),
  )
  const perTable = new Map<string, number>()
  return choices.filter((choice, at) => {
    const [first] = choice
    if (first === undefined || choices.findIndex(other => isSameChoice(choice, other)) !== at) {
      return false
    }
    if (choice.length === 1 && !longest.has(first)) return false
    const count = (perTable.get(first.table) ?? 0) + 1
    perTable.set(first.table, count)
    return count <= settings.maxCandidatesPerTable
  })
}

function isSameChoice(a: readonly CandidateIndex[], b: readonly CandidateIndex[]): boolean {
  return a.length === b.length && a.every(index => b.some(other => isSameIndex(index, other)))
}
