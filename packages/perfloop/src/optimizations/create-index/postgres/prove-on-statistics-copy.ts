import { randomBytes } from 'node:crypto'
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { z } from 'zod'
import type { TableFact } from '../../../store/telemetry/target-facts.ts'
import type { CandidateIndex } from '../../../targets/candidate-indexes.ts'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../targets/postgres/embedded-postgres.ts'
import { explainIn } from '../../../targets/postgres/explain.ts'
import { openSession, type Session } from '../../../targets/postgres/open-session.ts'
import { readPlan } from '../../../targets/postgres/read-plan.ts'
import { usesIndex } from '../../../targets/uses-index.ts'
import { type OwnedIndex, ownedInPostgres } from '../index-definition.ts'
import type { Prover } from '../prover.ts'
import type { PlannerStatistics } from './read-statistics.ts'

export interface StatisticsCopyOptions {
  readonly statistics: PlannerStatistics
  readonly candidates: readonly CandidateIndex[]
  readonly tables: readonly TableFact[]
  readonly searchPath: readonly string[] | undefined
  readonly scratchDirectory: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/**
 * A PostgreSQL of our own with the target's tables, empty, and the target's statistics, so that its planner
 * believes it has the target's data. Statistics are restored with the functions pg_dump uses
 * (pg_restore_relation_stats, pg_restore_attribute_stats, version 18). The number of rows a planner reckons
 * with is density × pages of the file as it is now, so the empty files are extended, sparsely, to the
 * target's size. The candidate indexes are really built, while the tables are still small, and a plan without
 * one is made in a transaction that drops it and is rolled back.
 */
export async function proveOnStatisticsCopy(options: StatisticsCopyOptions): Promise<Prover> {
  const scratch = await startScratch(options)
  try {
    const session = await openSession(
      { url: scratch.server.url },
      {
        statementTimeoutMs: options.timeoutMs,
        lockTimeoutMs: options.timeoutMs,
        connectTimeoutMs: options.timeoutMs,
        readOnly: false,
      },
    )
    await copySchema(session, options.statistics)
    // Several statements may want the same one.
    const byName = new Map(options.candidates.map(index => [ownedInPostgres(index).name, index]))
    const owned = new Map([...byName.values()].map(index => [index, ownedInPostgres(index)]))
    for (const index of owned.values()) await session.run(index.definition)
    await restoreStatistics(session, options.statistics)
    await extendFiles(session, options, owned, join(scratch.directory, 'data'))
    await adoptSettings(session, options)
    return proverOn(session, scratch, owned, options.tables)
  } catch (error) {
    await scratch.remove()
    throw error
  }
}

interface Scratch {
  readonly server: EmbeddedPostgres
  readonly directory: string
  remove(): Promise<void>
}

async function startScratch(options: StatisticsCopyOptions): Promise<Scratch> {
  const start = async (parent: string): Promise<Scratch> => {
    mkdirSync(parent, { recursive: true })
    const directory = mkdtempSync(join(parent, `proof-${randomBytes(3).toString('hex')}-`))
    const clear = () => rmSync(directory, { recursive: true, force: true })
    try {
      const server = await startEmbeddedPostgres({
        directory,
        settings: { fsync: 'off', autovacuum: 'off', wal_level: 'minimal', max_wal_senders: '0' },
        signal: options.signal,
      })
      return {
        server,
        directory,
        remove: async () => {
          await server.stop()
          clear()
        },
      }
    } catch (error) {
      clear()
      throw error
    }
  }
  try {
    return await start(options.scratchDirectory)
  } catch (error) {
    options.signal.throwIfAborted()
    // As root the server runs as another user, who may not reach a private data directory.
    if (process.getuid?.() !== 0) throw error
    return start(tmpdir())
  }
}

async function copySchema(session: Session, statistics: PlannerStatistics): Promise<void> {
  const quote = pg.escapeIdentifier
  const schemas = new Set([
    ...statistics.relations.map(({ schema }) => schema),
    ...statistics.enums.map(({ schema }) => schema),
  ])
  for (const schema of schemas) await session.run(`CREATE SCHEMA IF NOT EXISTS ${quote(schema)}`)
  for (const { schema, name, labels } of statistics.enums) {
    const values = labels.map(label => pg.escapeLiteral(label)).join(', ')
    await session.run(`CREATE TYPE ${quote(schema)}.${quote(name)} AS ENUM (${values})`)
  }

  for (const table of statistics.relations.filter(({ kind }) => kind === 'r')) {
    const columns = statistics.columns.filter(
      column => column.schema === table.schema && column.table === table.name,
    )
    const create = async (typeOf: (column: (typeof columns)[number]) => string): Promise<void> => {
      const list = columns.map(
        column => `${quote(column.name)} ${typeOf(column)}${column.not_null ? ' NOT NULL' : ''}`,
      )
      await session.run(
        `CREATE TABLE ${quote(table.schema)}.${quote(table.name)} (${list.join(', ')})`,
      )
    }
    const known = new Map<string, boolean>()
    for (const { type } of columns) {
      if (!known.has(type)) known.set(type, await isType(session, type))
    }
    await create(({ type, fallback_type }) => (known.get(type) ? type : fallback_type))
  }
  for (const { definition } of statistics.relations) {
    // An index on a function or type that the copy does not have is no rival for what is proven here.
    if (definition !== null) await tryRun(session, definition)
  }
}

async function isType(session: Session, type: string): Promise<boolean> {
  return tryRun(session, `SELECT NULL::${type}`)
}

async function tryRun(session: Session, sql: string): Promise<boolean> {
  try {
    await session.run(sql)
    return true
  } catch {
    return false
  }
}

async function restoreStatistics(session: Session, statistics: PlannerStatistics): Promise<void> {
  for (const relation of statistics.relations) {
    await session.rows(
      z.unknown(),
      `SELECT pg_restore_relation_stats(
         'schemaname', $1::text, 'relname', $2::text, 'relpages', $3::integer,
         'reltuples', $4::real, 'relallvisible', $5::integer)
       WHERE to_regclass(quote_ident($1) || '.' || quote_ident($2)) IS NOT NULL`,
      [relation.schema, relation.name, relation.pages, relation.tuples, relation.all_visible],
    )
  }
  for (const attribute of statistics.attributes) {
    await session.rows(
      z.unknown(),
      `SELECT pg_restore_attribute_stats(
         'schemaname', $1::text, 'relname', $2::text, 'attname', $3::text, 'inherited', false,
         'null_frac', $4::real, 'avg_width', $5::integer, 'n_distinct', $6::real,
         'most_common_vals', $7::text, 'most_common_freqs', $8::real[],
         'histogram_bounds', $9::text, 'correlation', $10::real)`,
      [
        attribute.schema,
        attribute.table,
        attribute.name,
        attribute.null_frac,
        attribute.avg_width,
        attribute.n_distinct,
        attribute.most_common_vals,
        attribute.most_common_freqs,
        attribute.histogram_bounds,
        attribute.correlation,
      ],
    )
  }
}

const BLOCK_BYTES = 8_192

async function extendFiles(
  session: Session,
  { statistics }: StatisticsCopyOptions,
  owned: ReadonlyMap<CandidateIndex, OwnedIndex>,
  data: string,
): Promise<void> {
  for (const { schema, name, blocks } of statistics.relations) {
    await extendFile(session, { schema, name }, blocks, data)
  }
  for (const [candidate, index] of owned) {
    const tuples = await estimateTuples(session, candidate, index)
    const blocks = estimateIndexBlocks(candidate, tuples, statistics)
    await session.rows(
      z.unknown(),
      `SELECT pg_restore_relation_stats('schemaname', $1::text, 'relname', $2::text,
         'relpages', $3::integer, 'reltuples', $4::real)`,
      [index.schema, index.name, blocks, tuples],
    )
    await extendFile(session, { schema: index.schema ?? 'public', name: index.name }, blocks, data)
  }
}

/** How many rows a partial index would hold is the planner's to estimate: it has the values. */
async function estimateTuples(
  session: Session,
  candidate: CandidateIndex,
  index: OwnedIndex,
): Promise<number> {
  const where = candidate.predicate === null ? '' : ` WHERE ${candidate.predicate}`
  const table = `${pg.escapeIdentifier(index.schema ?? 'public')}.${pg.escapeIdentifier(index.table)}`
  const rows = await session.run(`EXPLAIN (FORMAT JSON) SELECT 1 FROM ${table}${where}`)
  const plan = z
    .object({
      'QUERY PLAN': z.tuple([z.object({ Plan: z.object({ 'Plan Rows': z.number() }) })]),
    })
    .parse(rows[0])
  return plan['QUERY PLAN'][0].Plan['Plan Rows']
}

/**
 * Pages of a freshly built B-tree: 8 bytes of tuple header and 4 of line pointer an entry, columns aligned
 * to 8 bytes, leaf pages filled to 90 % less their 40 bytes of header and special space (PostgreSQL,
 * nbtree.h). Equal keys are stored once by PostgreSQL, so few values make it smaller: the estimate is the
 * careful one.
 */
function estimateIndexBlocks(
  candidate: CandidateIndex,
  tuples: number,
  statistics: PlannerStatistics,
): number {
  const width = candidate.columns.reduce((sum, { name }) => {
    const attribute = statistics.attributes.find(
      item => item.name === name && `${item.schema}.${item.table}` === candidate.table,
    )
    return sum + (attribute?.avg_width ?? 8)
  }, 0)
  const entry = 8 + 4 + Math.ceil(width / 8) * 8
  const perPage = Math.max(1, Math.floor(((BLOCK_BYTES - 40) * 0.9) / entry))
  return 1 + Math.ceil(tuples / perPage)
}

/** PostgreSQL splits files at 1 GiB and counts a next one only when the one before is full. */
const SEGMENT_BYTES = 1024 ** 3

async function extendFile(
  session: Session,
  relation: { readonly schema: string; readonly name: string },
  blocks: number,
  data: string,
): Promise<void> {
  const [found] = await session.rows(
    z.object({ path: z.string().nullable() }),
    "SELECT pg_relation_filepath(to_regclass(quote_ident($1) || '.' || quote_ident($2))) AS path",
    [relation.schema, relation.name],
  )
  if (found?.path == null) return
  const file = join(data, found.path)
  const { uid, gid, size } = statSync(file)
  let bytes = Math.max(size, blocks * BLOCK_BYTES)
  for (let segment = 0; bytes > 0; segment += 1) {
    const path = segment === 0 ? file : `${file}.${segment}`
    if (segment > 0) writeFileSync(path, '')
    truncateSync(path, Math.min(bytes, SEGMENT_BYTES))
    if (segment > 0) chownSync(path, uid, gid)
    bytes -= SEGMENT_BYTES
  }
}

async function adoptSettings(session: Session, options: StatisticsCopyOptions): Promise<void> {
  for (const { name, setting } of options.statistics.settings) {
    // A setting this version does not have, or that was removed, has no part in its plans.
    await session
      .rows(z.unknown(), 'SELECT set_config($1, $2, false)', [name, setting])
      .catch(() => [])
  }
  const schemas = options.searchPath ?? [
    ...new Set(options.statistics.relations.map(({ schema }) => schema)),
  ]
  const path = ['public', ...schemas].map(name => pg.escapeIdentifier(name)).join(', ')
  await session.run(`SET search_path = ${path}`)
}

function proverOn(
  session: Session,
  scratch: Scratch,
  owned: ReadonlyMap<CandidateIndex, OwnedIndex>,
  tables: readonly TableFact[],
): Prover {
  return {
    method: 'statistics-copy',
    async explain(statement, indexes) {
      const wanted = new Map(indexes.map(index => [ownedInPostgres(index).name, index]))
      const absent = [...owned].filter(([, { name }]) => !wanted.has(name))
      await session.run('BEGIN')
      try {
        for (const [, { schema, name }] of absent) {
          await session.run(
            `DROP INDEX ${pg.escapeIdentifier(schema ?? 'public')}.${pg.escapeIdentifier(name)}`,
          )
        }
        const plan = await explainIn(session, statement.explainable)
        return {
          cost: plan.cost ?? 0,
          words: readPlan(plan, { tables, indexes: [] }).words,
          used: new Set(indexes.filter(index => usesIndex(plan, ownedInPostgres(index).name))),
        }
      } catch {
        return undefined
      } finally {
        await session.run('ROLLBACK')
      }
    },
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]()
      await scratch.remove()
    },
  }
}
