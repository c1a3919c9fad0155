import { chmodSync } from 'node:fs'
import { DatabaseSync } from '@photostructure/sqlite'
import type { SqliteDatabase, SqliteStatement } from 'kysely'

/** Statements kept prepared. Kysely prepares anew for every query, which costs more than most queries here. */
const PREPARED_LIMIT = 200
const BUSY_TIMEOUT_MS = 5_000

type Bindable = null | number | bigint | string | Uint8Array

/**
 * `node:sqlite`'s API in the words of better-sqlite3, which are those Kysely speaks. Synced before a commit
 * returns (`synchronous = FULL`): the ledger must know of a change before the change is made.
 */
export function openSqliteDatabase(file: string): SqliteDatabase {
  const database = new DatabaseSync(file, {
    timeout: BUSY_TIMEOUT_MS,
    enableForeignKeyConstraints: true,
  })
  // Connection strings of targets are in it.
  chmodSync(file, 0o600)
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('PRAGMA synchronous = FULL')
  const prepared = new Map<string, SqliteStatement>()

  return {
    close() {
      prepared.clear()
      database.close()
    },
    prepare(sql) {
      const known = prepared.get(sql)
      if (known !== undefined) return known
      // A transaction that starts by reading and then writes fails when another process wrote in between.
      const statement = database.prepare(sql === 'begin' ? 'begin immediate' : sql)
      const adapted: SqliteStatement = {
        reader: statement.columns().length > 0,
        all: parameters => statement.all(...parameters.map(bindable)),
        run: parameters => {
          // On a full disk SQLite has rolled back by itself, and a complaint about that would hide why.
          if (sql === 'rollback' && !database.isTransaction) {
            return { changes: 0, lastInsertRowid: 0 }
          }
          return statement.run(...parameters.map(bindable))
        },
        iterate: parameters => statement.iterate(...parameters.map(bindable)),
      }
      const oldest = prepared.keys().next().value
      if (prepared.size >= PREPARED_LIMIT && oldest !== undefined) prepared.delete(oldest)
      prepared.set(sql, adapted)
      return adapted
    },
  }
}

function bindable(value: unknown): Bindable {
  switch (typeof value) {
    case 'boolean':
      return value ? 1 : 0
    case 'number':
    case 'bigint':
    case 'string':
      return value
    default:
      if (value === null || value === undefined) return null
      if (value instanceof Uint8Array) return value
      throw new TypeError(`SQLite cannot bind ${Object.prototype.toString.call(value)}`)
  }
}
