import { setTimeout as sleep } from 'node:timers/promises'
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
import { readAccesses } from '../table-access.ts'
import { explainGeneric } from './explain.ts'
import { openSession, PostgresOptions, reasonOf, type Session } from './open-session.ts'
import { type Catalog, readCatalog } from './read-catalog.ts'
import { readPlan } from './read-plan.ts'

export const postgresTarget = defineTarget({
  kind: 'postgres',
  title: 'PostgreSQL',
  dialects: ['postgresql', 'other_sql'],
  options: PostgresOptions,
  connect: async (options, settings) => new PostgresConnection(options, settings),
})

/** Each question has a connection of its own, so that nothing is held open on a server that is not ours. */
class PostgresConnection implements TargetConnection {
  readonly #options: PostgresOptions
  readonly #settings: OptimizerSettings

  constructor(options: PostgresOptions, settings: OptimizerSettings) {
    this.#options = options
    this.#settings = settings
  }

  async check(): Promise<TargetStatus> {
    await using session = await this.#open()
    return await readStatus(session, this.#options)
  }

  async collect(observed: readonly ObservedStatement[], signal?: AbortSignal): Promise<Collected> {
    await using session = await this.#open()
    const { maxTables, explainsPerSecond, timeoutMs } = this.#settings.collect
    const endsAtMs = performance.now() + timeoutMs
    const catalog = await readCatalog(session, this.#options.schemas, maxTables)

    const plans: PlanFact[] = []
    const skipped: { statement: string; reason: string }[] = []
    for (const statement of observed) {
      signal?.throwIfAborted()
      if (performance.now() >= endsAtMs) {
        skipped.push({ statement: statement.statement, reason: OUT_OF_TIME })
        continue
      }
      const plan = await explainObserved(session, statement, catalog, this.#settings)
      if ('reason' in plan) skipped.push({ statement: statement.statement, reason: plan.reason })
      else plans.push(plan)
      await sleep(1_000 / Math.max(1, explainsPerSecond))
    }
    return { facts: [...catalog.tables, ...catalog.indexes, ...plans], skipped }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #open(): Promise<Session> {
    return openSession(this.#options, { ...this.#settings.collect, readOnly: true })
  }
}

const OUT_OF_TIME = 'the time for one collection was over (optimizer.collect.timeoutMs)'

async function explainObserved(
  session: Session,
  observed: ObservedStatement,
  catalog: Catalog,
  settings: OptimizerSettings,
): Promise<PlanFact | { readonly reason: string }> {
  const statement = await toExplainable(observed.text, 'postgresql', {
    limitRows: settings.collect.assumedPageRows,
  })
  if (statement.verb === 'none') return { reason: statement.reason }
  try {
    const plan = await explainGeneric(session, statement)
    const accesses = readAccesses(statement.tree, catalog.tables)
    return {
      fact: 'plan',
      subject: observed.statement,
      dialect: 'postgresql',
      text: statement.text,
      plan,
      ...readPlan(plan, catalog, accesses),
      assumptions: [...statement.assumptions],
      ...mutable(candidateIndexes(accesses, catalog.tables, catalog.indexes, settings.createIndex)),
    }
  } catch (error) {
    return { reason: `PostgreSQL does not explain it: ${reasonOf(error)}` }
  }
}

function mutable(
  found: ReturnType<typeof candidateIndexes>,
): Pick<PlanFact, 'candidates' | 'obstacles'> {
  return { candidates: [...found.candidates], obstacles: [...found.obstacles] }
}

const StatusRow = z.object({
  version: z.string(),
  role: z.string(),
  reads_statistics: z.boolean(),
  tables: z.coerce.number(),
  readable_tables: z.coerce.number(),
  owned_tables: z.coerce.number(),
  owners: z.array(z.string()),
  closed_schemas: z.array(z.string()),
  hypopg: z.enum(['installed', 'available', 'absent']),
})

/**
 * To build an index a role must own the table (or be a member of the owner) and may CREATE in its schema;
 * statistics of a column are visible to those who may read it.
 */
const STATUS = `
  WITH tables AS (
    SELECT c.oid, c.relowner, n.nspname, n.oid AS schema
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND ($1::text[] IS NULL OR n.nspname = ANY($1))
  )
  SELECT
    current_setting('server_version')                       AS version,
    current_user::text                                      AS role,
    pg_has_role('pg_read_all_stats', 'USAGE')               AS reads_statistics,
    count(*)                                                AS tables,
    count(*) FILTER (WHERE has_table_privilege(oid, 'SELECT')) AS readable_tables,
    count(*) FILTER (WHERE pg_has_role(relowner, 'USAGE'))  AS owned_tables,
    coalesce(array_agg(DISTINCT quote_ident(pg_get_userbyid(relowner)))
      FILTER (WHERE NOT pg_has_role(relowner, 'USAGE')), '{}')::text[] AS owners,
    coalesce(array_agg(DISTINCT quote_ident(nspname))
      FILTER (WHERE NOT has_schema_privilege(schema, 'CREATE')), '{}')::text[] AS closed_schemas,
    CASE
      WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'hypopg') THEN 'installed'
      WHEN EXISTS (SELECT FROM pg_available_extensions WHERE name = 'hypopg') THEN 'available'
      ELSE 'absent'
    END                                                     AS hypopg
  FROM tables`

async function readStatus(session: Session, options: PostgresOptions): Promise<TargetStatus> {
  const [status] = await session.rows(StatusRow, STATUS, [options.schemas ?? null])
  if (status === undefined) {
    return { version: 'unknown', canCollect: false, canChange: false, notes: [] }
  }

  const role = `"${status.role.replaceAll('"', '""')}"`
  const notes: string[] = []
  if (!status.reads_statistics) {
    notes.push(`To see use of all tables and indexes: GRANT pg_read_all_stats TO ${role};`)
  }
  if (status.readable_tables < status.tables) {
    notes.push(
      `${status.tables - status.readable_tables} tables are hidden from ${role}. To see their plans: GRANT pg_read_all_data TO ${role};`,
    )
  }
  for (const owner of status.owners) {
    notes.push(`To build indexes on tables of ${owner}: GRANT ${owner} TO ${role};`)
  }
  for (const schema of status.closed_schemas) {
    notes.push(`To build indexes in ${schema}: GRANT CREATE ON SCHEMA ${schema} TO ${role};`)
  }
  notes.push(HYPOPG_NOTES[status.hypopg])
  return {
    version: `PostgreSQL ${status.version}`,
    canCollect: status.tables === 0 || status.readable_tables > 0,
    canChange: status.owned_tables > 0,
    notes,
  }
}

const HYPOPG_NOTES = {
  installed: 'Indexes are proven with HypoPG, on this server’s own planner.',
  available:
    'Indexes are proven on a copy of the statistics. To prove them on this server’s own planner: CREATE EXTENSION hypopg;',
  absent: 'Indexes are proven on a copy of the statistics.',
} as const
