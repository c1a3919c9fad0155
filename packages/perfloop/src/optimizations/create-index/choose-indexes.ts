import type { OptimizerSettings } from '../../settings/optimizer.ts'
import {
  type CandidateIndex,
  isSameIndex,
  withoutPrefixes,
} from '../../targets/candidate-indexes.ts'
import type { ProvenPlan, Prover, StatementToProve } from './prover.ts'

export interface ChosenIndex {
  readonly index: CandidateIndex
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
): Promise<readonly ChosenIndex[]> {
  const candidates = bounded(distinct(statements.flatMap(({ candidates: own }) => own)), settings)
  const chosen: ChosenIndex[] = []
  const current = new Map<StatementToProve, ProvenPlan>()
  for (const statement of statements) {
    signal.throwIfAborted()
    const plan = await prover.explain(statement, [])
    if (plan !== undefined) current.set(statement, plan)
  }

  for (let left = candidates; left.length > 0; ) {
    const inPlace = chosen.map(({ index }) => index)
    const trials: ChosenIndex[] = []
    for (const index of left) {
      signal.throwIfAborted()
      trials.push(await tryIndex(index, inPlace, current, prover, settings))
    }
    const best = bestOf(trials)
    if (best === undefined) break
    chosen.push(best)
    for (const { statement, after } of best.served) current.set(statement, after)
    left = left.filter(index => index !== best.index)
  }
  return chosen
}

async function tryIndex(
  index: CandidateIndex,
  inPlace: readonly CandidateIndex[],
  current: ReadonlyMap<StatementToProve, ProvenPlan>,
  prover: Prover,
  settings: OptimizerSettings['createIndex'],
): Promise<ChosenIndex> {
  const served: ChosenIndex['served'][number][] = []
  for (const [statement, before] of current) {
    // Only a statement that reads the table can be served by the index.
    if (!statement.candidates.some(candidate => candidate.table === index.table)) continue
    const after = await prover.explain(statement, [...inPlace, index])
    if (after === undefined || !after.used.has(index)) continue
    const saved = 1 - after.cost / Math.max(before.cost, Number.MIN_VALUE)
    if (saved >= settings.minCostReductionRatio) served.push({ statement, before, after })
  }
  return { index, served }
}

function bestOf(trials: readonly ChosenIndex[]): ChosenIndex | undefined {
  const useful = trials.filter(({ served }) => served.length > 0)
  const most = Math.max(...useful.map(savingOf))
  // Among those as good as the best, the one with least to keep up to date: writes pay for every index.
  return useful
    .filter(trial => savingOf(trial) >= most * AS_GOOD)
    .sort((a, b) => upkeepOf(a.index) - upkeepOf(b.index) || savingOf(b) - savingOf(a))[0]
}

/** Within one part in a hundred two costs are the same: planners round. */
const AS_GOOD = 0.99

function savingOf({ served }: ChosenIndex): number {
  return served.reduce(
    (sum, { statement, before, after }) => sum + statement.weight * (1 - after.cost / before.cost),
    0,
  )
}

function upkeepOf(index: CandidateIndex): number {
  return index.columns.length - (index.predicate === null ? 0 : 0.5)
}

function distinct(candidates: readonly CandidateIndex[]): readonly CandidateIndex[] {
  return candidates.filter(
    (candidate, at) => candidates.findIndex(other => isSameIndex(other, candidate)) === at,
  )
}

/** A composite that begins with a shorter one serves its statements too: the shorter one is not tried. */
function bounded(
  candidates: readonly CandidateIndex[],
  settings: OptimizerSettings['createIndex'],
): readonly CandidateIndex[] {
  const perTable = new Map<string, number>()
  return withoutPrefixes(candidates).filter(({ table }) => {
    const count = (perTable.get(table) ?? 0) + 1
    perTable.set(table, count)
    return count <= settings.maxCandidatesPerTable
  })
}
