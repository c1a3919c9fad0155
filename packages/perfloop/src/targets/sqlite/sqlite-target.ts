import { setImmediate as breathe } from 'node:timers/promises'
import { z } from 'zod'
import {
  type Collected,
  defineTarget,
  type ObservedStatement,
  type TargetConnection,
  type TargetStatus,
} from '../../optimizer/target.ts'
import type { OptimizerSettings } from '../../settings/optimizer.ts'
import type { PlanFact } from '../../store/telemetry/target-facts.ts'
import { candidateIndexes } from '../candidate-indexes.ts'
import { toExplainable } from '../explainable-statement.ts'
import { readAccesses, type TableAccess } from '../table-access.ts'
import { canWrite, type Database, openDatabase, readRows, SqliteOptions } from './open-database.ts'
import { planCost } from './plan-cost.ts'
import { explainQuery, readSqlitePlan } from './query-plan.ts'
import { readSchema, type SqliteSchema } from './read-schema.ts'

export const sqliteTarget = defineTarget({
  kind: 'sqlite',
  title: 'SQLite',
  dialects: ['sqlite', 'other_sql'],
  options: SqliteOptions,
  connect: async (options, settings) => new SqliteConnection(options, settings),
})

/** The file is opened for each question and closed after it: no lock is held and no WAL kept from shrinking. */
class SqliteConnection implements TargetConnection {
  readonly #options: SqliteOptions
  readonly #settings: OptimizerSettings

  constructor(options: SqliteOptions, settings: OptimizerSettings) {
    this.#options = options
    this.#settings = settings
  }

  async check(): Promise<TargetStatus> {
    const database = this.#open()
    try {
      return readStatus(database, this.#options)
    } finally {
      database.close()
    }
  }

  async collect(observed: readonly ObservedStatement[], signal?: AbortSignal): Promise<Collected> {
    const database = this.#open()
    try {
      const endsAtMs = performance.now() + this.#settings.collect.timeoutMs
      const schema = readSchema(database, this.#settings.collect)
      const plans: PlanFact[] = []
      const skipped: { statement: string; reason: string }[] = []
      for (const statement of observed) {
        signal?.throwIfAborted()
        if (performance.now() >= endsAtMs) {
          skipped.push({ statement: statement.statement, reason: OUT_OF_TIME })
          continue
        }
        const plan = await explainObserved(database, statement, schema, this.#settings)
        if ('reason' in plan) skipped.push({ statement: statement.statement, reason: plan.reason })
        else plans.push(plan)
        // The driver is synchronous: others get their turn between two plans.
        await breathe()
      }
      return { facts: [...schema.tables, ...schema.indexes, ...plans], skipped }
    } finally {
      database.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #open(): Database {
    const busyTimeoutMs = this.#settings.collect.lockTimeoutMs
    return openDatabase(this.#options, { readOnly: true, busyTimeoutMs })
  }
}

const OUT_OF_TIME = 'the time for one collection was over (optimizer.collect.timeoutMs)'

async function explainObserved(
  database: Database,
  observed: ObservedStatement,
  schema: SqliteSchema,
  settings: OptimizerSettings,
): Promise<PlanFact | { readonly reason: string }> {
  const limitRows = settings.collect.assumedPageRows
  const statement = await toExplainable(observed.text, 'sqlite', { limitRows })
  if (statement.verb === 'none') return { reason: statement.reason }
  try {
    const accesses = readAccesses(statement.tree, schema.tables)
    const plan = explainQuery(database, statement)
    const pageRows = statement.assumptions.length > 0 ? limitRows : undefined
    const found = candidateIndexes(
      accesses.map(withoutFolded),
      schema.tables,
      schema.indexes,
      settings.createIndex,
    )
    return {
      fact: 'plan',
      subject: observed.statement,
      dialect: 'sqlite',
      text: statement.text,
      plan: {
        ...plan,
        cost: planCost(plan, { accesses, pageRows }, schema.tables, schema.indexes),
      },
      ...readSqlitePlan(plan, schema.tables, accesses, pageRows),
      assumptions: [...statement.assumptions],
      candidates: [...found.candidates],
      obstacles: [...found.obstacles],
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { reason: `SQLite does not explain it: ${reason}` }
  }
}

/**
 * Applications give SQLite a `lower` of their own, since the one it has knows only ASCII. To them an index made with
 * ours holds wrong keys, and where theirs is not declared deterministic, they cannot open the schema any more.
 */
function withoutFolded(access: TableAccess): TableAccess {
  const hidden = access.folded.map(
    ({ name, within }) =>
      `the function ${within} around ${name} hides it from an index on the column`,
  )
  return { ...access, folded: [], obstacles: [...access.obstacles, ...hidden] }
}

function readStatus(database: Database, options: SqliteOptions): TargetStatus {
  const [found] = readRows(
    database,
    z.object({ version: z.string(), journal: z.string() }),
    'SELECT sqlite_version() AS version, journal_mode AS journal FROM pragma_journal_mode',
  )
  const isWritable = canWrite(options.file)
  return {
    version: `SQLite ${found?.version} (${found?.journal})`,
    canCollect: true,
    canChange: isWritable,
    notes: isWritable
      ? []
      : [
          `Perfloop’s user may not write ${options.file} or its folder: indexes are for you to make.`,
        ],
  }
}
