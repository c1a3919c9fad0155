import { DatabaseSync } from '@photostructure/sqlite'
import { z } from 'zod'
import type { IndexFact, TableFact } from '../../../store/telemetry/target-facts.ts'
import {
  type Database,
  openDatabase,
  readRows,
  type SqliteOptions,
} from '../../../targets/sqlite/open-database.ts'
import { planCost } from '../../../targets/sqlite/plan-cost.ts'
import { explainQuery, readSqlitePlan } from '../../../targets/sqlite/query-plan.ts'
import { readAccesses } from '../../../targets/table-access.ts'
import { usesIndex } from '../../../targets/uses-index.ts'
import { ownedInSqlite } from '../index-definition.ts'
import type { Prover } from '../prover.ts'

/**
 * The file's schema and the rows of its sqlite_stat1 in an empty database in memory. SQLite plans by schema
 * and statistics alone, and reads the latter again on `ANALYZE sqlite_schema`, so the copy plans as the file
 * would. An index made now has no row in sqlite_stat1 there either, until somebody runs ANALYZE: the copy
 * is as ignorant as the file will be.
 */
export function proveOnSqliteCopy(options: {
  readonly target: SqliteOptions
  readonly tables: readonly TableFact[]
  readonly indexes: readonly IndexFact[]
  readonly pageRows: number
  readonly busyTimeoutMs: number
}): Prover {
  const copy = copySchema(options.target, options.busyTimeoutMs)
  return {
    method: 'sqlite-copy',
    async explain({ explainable }, indexes) {
      const made = indexes.map(index => ({ index, owned: ownedInSqlite(index) }))
      copy.exec('BEGIN')
      try {
        for (const { owned } of made) copy.exec(owned.definition)
        const plan = explainQuery(copy, explainable)
        const accesses = readAccesses(explainable.tree, options.tables)
        const pageRows = explainable.assumptions.length > 0 ? options.pageRows : undefined
        const known = [
          ...options.indexes,
          ...made.map(
            ({ index, owned }): IndexFact => ({
              fact: 'index',
              subject: owned.name,
              table: index.table,
              definition: owned.definition,
              columns: index.columns.map(({ name }) => name),
              unique: false,
              partial: index.predicate,
              valid: true,
              scans: null,
              sizeBytes: null,
            }),
          ),
        ]
        return {
          cost: planCost(plan, { accesses, pageRows }, options.tables, known),
          words: readSqlitePlan(plan, options.tables, accesses).words,
          used: new Set(
            made
              .filter(
                ({ owned }) =>
                  usesIndex(plan, owned.name) || usesIndex(plan, `${owned.name} (covering)`),
              )
              .map(({ index }) => index),
          ),
        }
      } catch {
        return undefined
      } finally {
        copy.exec('ROLLBACK')
      }
    },
    async [Symbol.asyncDispose]() {
      copy.close()
    },
  }
}

const SchemaRow = z.object({ type: z.string(), sql: z.string() })
const StatRow = z.object({ tbl: z.string(), idx: z.string().nullable(), stat: z.string() })

function copySchema(target: SqliteOptions, busyTimeoutMs: number): Database {
  const copy = new DatabaseSync(':memory:')
  const source = openDatabase(target, { readOnly: true, busyTimeoutMs })
  try {
    const schema = readRows(
      source,
      SchemaRow,
      `SELECT type, sql FROM sqlite_schema
       WHERE sql IS NOT NULL AND type IN ('table', 'index', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
       ORDER BY CASE type WHEN 'table' THEN 0 WHEN 'index' THEN 1 ELSE 2 END, rowid`,
    )
    for (const { sql } of schema) {
      try {
        // Prepared, and so the first statement alone: a file may hold more behind it than SQLite reads itself.
        copy.prepare(sql).run()
      } catch {
        // A table of a module or a function of the application: what uses it cannot be proven, the rest can.
      }
    }
    copyStatistics(source, copy)
    return copy
  } catch (error) {
    copy.close()
    throw error
  } finally {
    source.close()
  }
}

function copyStatistics(source: Database, copy: Database): void {
  const [found] = readRows(
    source,
    z.object({ tables: z.number() }),
    "SELECT count(*) AS tables FROM sqlite_schema WHERE name = 'sqlite_stat1'",
  )
  if (found?.tables !== 1) return
  const rows = readRows(source, StatRow, 'SELECT tbl, idx, stat FROM sqlite_stat1')
  copy.exec('ANALYZE')
  copy.exec('DELETE FROM sqlite_stat1')
  const insert = copy.prepare('INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)')
  for (const { tbl, idx, stat } of rows) insert.run(tbl, idx, stat)
  copy.exec('ANALYZE sqlite_schema')
}
