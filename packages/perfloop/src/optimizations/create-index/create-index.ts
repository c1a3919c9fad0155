import { z } from 'zod'
import { SPAN_KINDS } from '../../domain/span.ts'
import {
  type ApplyContext,
  type ChangeState,
  defineOptimization,
  type IssueToSettle,
  type PlanningContext,
  type Recommendation,
} from '../../optimizer/optimization.ts'
import type {
  IndexFact,
  PlanFact,
  TableFact,
  TargetFact,
} from '../../store/telemetry/target-facts.ts'
import { type CandidateIndex, columnList } from '../../targets/candidate-indexes.ts'
import { type TargetDialect, toExplainable } from '../../targets/explainable-statement.ts'
import { openSession, PostgresOptions } from '../../targets/postgres/open-session.ts'
import { SqliteOptions } from '../../targets/sqlite/open-database.ts'
import { readAccesses } from '../../targets/table-access.ts'
import { type ChosenIndexes, chooseIndexes } from './choose-indexes.ts'
import {
  changeOf,
  type OwnedIndex,
  ownedInPostgres,
  ownedInSqlite,
  readOwned,
  writeOwned,
} from './index-definition.ts'
import {
  createInPostgres,
  createSql,
  dropFromPostgres,
  dropSql,
  inspectPostgres,
} from './postgres/postgres-index.ts'
import { hasHypopg, proveWithHypopg } from './postgres/prove-with-hypopg.ts'
import { readPlannerStatistics } from './postgres/read-statistics.ts'
import { type Prover, type StatementToProve, withinTime } from './prover.ts'
import { proveOnSqliteCopy } from './sqlite/prove-on-sqlite-copy.ts'
import {
  changeSqlite,
  createSqliteSql,
  dropSqliteSql,
  inspectSqlite,
} from './sqlite/sqlite-index.ts'

export const createIndex = defineOptimization({
  kind: 'create-index',
  title: 'Create an index',
  settles: ['missing-index'],
  targetKinds: ['postgres', 'sqlite'],

  async plan(issues, context) {
    const facts = sortFacts(context.facts)
    const statements = await statementsOf(issues, facts.plans, context)
    if (statements.every(({ candidates }) => candidates.length === 0)) return []

    const { proofTimeoutMs } = context.settings.createIndex
    await using prover = withinTime(await openProver(statements, facts, context), proofTimeoutMs)
    const chosen = await chooseIndexes(
      statements,
      prover,
      context.settings.createIndex,
      context.signal,
    )
    return chosen.map(choice => recommend(choice, issues, facts, prover.method, context))
  },

  async apply(recommendation, context) {
    const made: OwnedIndex[] = []
    try {
      for (const owned of readOwned(recommendation.owns)) {
        made.push(owned)
        if (isPostgres(context)) await createInPostgres(owned, context)
        else await changeSqlite('create', owned, context)
      }
    } catch (error) {
      // Those before it help nobody without it. The one that failed has cleared up after itself.
      for (const owned of made.slice(0, -1).reverse()) await dropQuietly(owned, context)
      throw error
    }
  },

  async undo(recommendation, context) {
    for (const owned of readOwned(recommendation.owns).toReversed()) await drop(owned, context)
  },

  async inspect(recommendation, context) {
    const states = new Set<ChangeState>()
    for (const owned of readOwned(recommendation.owns)) {
      states.add(
        await (isPostgres(context)
          ? inspectPostgres(owned, context)
          : inspectSqlite(owned, context)),
      )
    }
    const [state = 'absent'] = states
    return states.size === 1 ? state : 'partial'
  },

  findWaste(recommendation, facts) {
    for (const owned of readOwned(recommendation.owns)) {
      const subject = owned.schema === null ? owned.name : `${owned.schema}.${owned.name}`
      const index = facts.find(fact => fact.fact === 'index' && fact.subject === subject)
      if (index?.fact === 'index' && index.scans === 0) {
        return `no statement has used ${owned.name} since it was built`
      }
    }
    return undefined
  },
})

async function drop(owned: OwnedIndex, context: ApplyContext): Promise<void> {
  if (isPostgres(context)) await dropFromPostgres(owned, context)
  else await changeSqlite('drop', owned, context)
}

/** What is left is found half made, and taken back then. */
async function dropQuietly(owned: OwnedIndex, context: ApplyContext): Promise<void> {
  try {
    await drop(owned, context)
  } catch {
    // Why the change failed is told already.
  }
}

interface SortedFacts {
  readonly tables: readonly TableFact[]
  readonly indexes: readonly IndexFact[]
  readonly plans: readonly PlanFact[]
}

function sortFacts(facts: readonly TargetFact[]): SortedFacts {
  return {
    tables: facts.filter(fact => fact.fact === 'table'),
    indexes: facts.filter(fact => fact.fact === 'index'),
    plans: facts.filter(fact => fact.fact === 'plan'),
  }
}

function isPostgres(context: ApplyContext): boolean {
  return context.targetKind === 'postgres'
}

/** Each statement once, worth what its issues could give back. */
async function statementsOf(
  issues: readonly IssueToSettle[],
  plans: readonly PlanFact[],
  context: PlanningContext,
): Promise<readonly StatementToProve[]> {
  const dialect: TargetDialect = context.targetKind === 'postgres' ? 'postgresql' : 'sqlite'
  const limitRows = context.settings.collect.assumedPageRows
  const statements: StatementToProve[] = []
  for (const statement of new Set(issues.map(issue => issue.statement))) {
    const plan = plans.find(fact => fact.subject === statement)
    if (statement === null || plan === undefined) continue
    // The text was made explainable when it was collected: it comes out as it is, with its tree.
    const explainable = await toExplainable(plan.text, dialect, { limitRows })
    if (explainable.verb === 'none') continue
    const own = issues.filter(issue => issue.statement === statement)
    statements.push({
      statement,
      text: plan.text,
      explainable: { ...explainable, assumptions: plan.assumptions ?? explainable.assumptions },
      candidates: plan.candidates,
      weight: own.reduce((sum, issue) => sum + Math.max(1, issue.recoverableNsPerHour), 0),
    })
  }
  return statements
}

async function openProver(
  statements: readonly StatementToProve[],
  facts: SortedFacts,
  context: PlanningContext,
): Promise<Prover> {
  const { collect, createIndex: settings } = context.settings
  if (context.targetKind !== 'postgres') {
    return proveOnSqliteCopy({
      target: SqliteOptions.parse(context.targetOptions),
      tables: facts.tables,
      indexes: facts.indexes,
      pageRows: collect.assumedPageRows,
      busyTimeoutMs: collect.lockTimeoutMs,
    })
  }

  const options = PostgresOptions.parse(context.targetOptions)
  const session = await openSession(options, { ...collect, readOnly: true })
  let isKept = false
  try {
    isKept = await hasHypopg(session)
    if (isKept) return proveWithHypopg(session, facts.tables)
    const tables = new Set(
      statements.flatMap(({ explainable }) =>
        readAccesses(explainable.tree, facts.tables).map(access => access.table),
      ),
    )
    // It brings a PostgreSQL and its driver along.
    const { proveOnStatisticsCopy } = await import('./postgres/prove-on-statistics-copy.ts')
    return await proveOnStatisticsCopy({
      statistics: await readPlannerStatistics(session, [...tables]),
      candidates: statements.flatMap(({ candidates }) => candidates),
      tables: facts.tables,
      searchPath: options.schemas,
      scratchDirectory: context.scratchDirectory,
      timeoutMs: settings.proofTimeoutMs,
      signal: context.signal,
    })
  } finally {
    if (!isKept) await session[Symbol.asyncDispose]()
  }
}

function recommend(
  { indexes, served }: ChosenIndexes,
  issues: readonly IssueToSettle[],
  facts: SortedFacts,
  method: Prover['method'],
  context: PlanningContext,
): Recommendation {
  const postgres = context.targetKind === 'postgres'
  const owned = indexes.map(postgres ? ownedInPostgres : ownedInSqlite)
  const helped = new Set(served.map(({ statement }) => statement.statement))
  const settled = issues.filter(issue => issue.statement !== null && helped.has(issue.statement))
  const tableName = indexes[0]?.table ?? ''
  const table = facts.tables.find(fact => fact.subject === tableName)
  const saved = savedShare(served)
  return {
    kind: 'create-index',
    targetId: context.targetId,
    title: `Index ${tableName} by ${indexes.map(keysOf).join(' and by ')}`,
    description: describe(indexes, served),
    change: owned.map(postgres ? createSql : createSqliteSql).join('\n'),
    undo: owned
      .toReversed()
      .map(postgres ? dropSql : dropSqliteSql)
      .join('\n'),
    owns: writeOwned(owned),
    risk: riskOf(indexes, tableName, table, postgres),
    proof: {
      method,
      statements: served.map(({ statement, before, after }) => ({
        statement: statement.statement,
        text: statement.text,
        costBefore: before.cost,
        costAfter: after.cost,
        planBefore: before.words,
        planAfter: after.words,
        usesChange: indexes.every(index => after.used.has(index)),
      })),
    },
    changeKey: `create-index:${context.targetId}:${indexes.map(changeOf).sort().join(' + ')}`,
    // Cost is a planner's unit, not time: the whole share at best, half of it when most was in memory anyway.
    expectedGain: { low: saved / 2, high: saved },
    operations: operationsOf(settled, context.settings.createIndex.minCallerRatio),
    issueIds: settled.map(issue => issue.id),
  }
}

function savedShare(served: ChosenIndexes['served']): number {
  const weight = served.reduce((sum, { statement }) => sum + statement.weight, 0)
  return served.reduce(
    (sum, { statement, before, after }) =>
      sum + (statement.weight / weight) * (1 - after.cost / before.cost),
    0,
  )
}

function keysOf(index: CandidateIndex): string {
  return `${columnList(index)}${index.predicate === null ? '' : ` where ${index.predicate}`}`
}

function describe(indexes: readonly CandidateIndex[], served: ChosenIndexes['served']): string {
  const [first] = served
  const others = served.length - 1
  const factor = first === undefined ? 0 : first.before.cost / Math.max(first.after.cost, 1e-9)
  const more =
    others === 0
      ? ''
      : ` ${others} more statement${others === 1 ? ' is' : 's are'} served by it too.`
  const [one, ...alternatives] = indexes.map(({ reason }) => reason)
  const why =
    alternatives.length === 0
      ? `${one}, and no index serves that`
      : `${[one, ...alternatives].join(', or ')}, and only an index for each spares reading all`
  return (
    `In ${indexes[0]?.table}, ${why}. ` +
    `Without it the planner ${first?.before.words.join(', ')}; with it, it ${first?.after.words.join(', ')}: ` +
    `${factor.toFixed(factor < 10 ? 1 : 0)} times less work by its own estimate.${more}`
  )
}

function riskOf(
  indexes: readonly CandidateIndex[],
  tableName: string,
  table: TableFact | undefined,
  postgres: boolean,
): string {
  const rows = (table?.rows ?? 0).toLocaleString('en-US')
  const columns = new Set(indexes.flatMap(index => index.columns.map(({ name }) => name)))
  const isOne = indexes.length === 1
  const upkeep = `Every insert into ${tableName}, and every change of ${[...columns].join(' or ')}, keeps ${isOne ? 'it' : 'them'} up to date.`
  return postgres
    ? `Built over about ${rows} rows without stopping reads or writes (CONCURRENTLY); it waits for older transactions, at most as long as the lock timeout. ${upkeep}`
    : `Writers wait while ${isOne ? 'it is' : 'they are'} built over about ${rows} rows; with a WAL, readers do not. ${upkeep}`
}

const Callers = z
  .array(z.object({ operation: z.string(), kind: z.enum(SPAN_KINDS), time_ns: z.number() }))
  .catch([])

/** Those that suffer most, and the others that wait for the same statements: the change is for all of them. */
function operationsOf(
  issues: readonly IssueToSettle[],
  minCallerRatio: number,
): Recommendation['operations'] {
  const operations = issues.flatMap(issue => {
    const { environment, service, operation, operationKind: kind } = issue
    const callers = Callers.parse(issue.evidence.callers)
    const totalNs = callers.reduce((sum, { time_ns }) => sum + time_ns, 0)
    const waiting = callers.filter(({ time_ns }) => time_ns >= totalNs * minCallerRatio)
    return [
      { environment, service, operation, kind },
      ...waiting.map(caller => ({
        environment,
        service,
        operation: caller.operation,
        kind: caller.kind,
      })),
    ]
  })
  const seen = new Map(
    operations.map(one => [
      JSON.stringify([one.environment, one.service, one.operation, one.kind]),
      one,
    ]),
  )
  return [...seen.values()]
}
