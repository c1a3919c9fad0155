import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { builtEntry } from '../../../domain/built-entry.ts'
import { PerfloopError } from '../../../domain/perfloop-error.ts'
import type { ApplyContext, ChangeState } from '../../../optimizer/optimization.ts'
import {
  type Database,
  openDatabase,
  readRows,
  SqliteOptions,
} from '../../../targets/sqlite/open-database.ts'
import { quoteName } from '../../../targets/table-access.ts'
import { isSameDefinition, OwnedIndex } from '../index-definition.ts'

export function createSqliteSql({ definition }: OwnedIndex): string {
  return `${definition};`
}

export function dropSqliteSql({ name }: OwnedIndex): string {
  return `DROP INDEX IF EXISTS ${quoteName(name)};`
}

export async function inspectSqlite(
  owned: OwnedIndex,
  context: ApplyContext,
): Promise<ChangeState> {
  const database = openDatabase(SqliteOptions.parse(context.targetOptions), {
    readOnly: true,
    busyTimeoutMs: context.settings.createIndex.lockTimeoutMs,
  })
  try {
    const found = findDefinition(database, owned)
    return found !== undefined && isSameDefinition(found, owned.definition) ? 'present' : 'absent'
  } finally {
    database.close()
  }
}

export const SqliteChange = z.object({
  make: z.enum(['create', 'drop']),
  target: SqliteOptions,
  owned: OwnedIndex,
  busyTimeoutMs: z.number(),
})
export type SqliteChange = z.output<typeof SqliteChange>

export type SqliteChangeOutcome =
  | { readonly status: 'done' }
  | {
      readonly status: 'failed'
      readonly code: 'TARGET_UNREACHABLE' | 'TARGET_PERMISSION_DENIED' | 'CHANGE_FAILED'
      readonly details: Readonly<Record<string, unknown>>
    }

/** Building an index keeps the driver busy as long as it takes: in a thread of its own, nobody waits for it. */
export async function changeSqlite(
  make: SqliteChange['make'],
  owned: OwnedIndex,
  context: ApplyContext,
): Promise<void> {
  context.signal.throwIfAborted()
  const change: SqliteChange = {
    make,
    target: SqliteOptions.parse(context.targetOptions),
    owned,
    busyTimeoutMs: context.settings.createIndex.lockTimeoutMs,
  }
  const outcome = await runInThread(change, context)
  if (outcome.status === 'failed') throw new PerfloopError(outcome.code, outcome.details)
}

function runInThread(change: SqliteChange, context: ApplyContext): Promise<SqliteChangeOutcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(builtEntry(import.meta.url, './change-sqlite.worker.ts'), {
      workerData: change,
    })
    // The transaction of a thread that is stopped is rolled back by SQLite: all or nothing.
    const stop = () => void worker.terminate()
    const timer = setTimeout(stop, context.settings.createIndex.buildTimeoutMs)
    context.signal.addEventListener('abort', stop, { once: true })
    let outcome: SqliteChangeOutcome | undefined
    worker.once('message', (told: SqliteChangeOutcome) => {
      outcome = told
    })
    worker.once('error', reject)
    // Only when the thread is gone is its connection closed, and the file free of its locks.
    worker.once('exit', () => {
      clearTimeout(timer)
      context.signal.removeEventListener('abort', stop)
      if (outcome !== undefined) return resolve(outcome)
      reject(
        new PerfloopError('CHANGE_FAILED', { index: change.owned.name, reason: 'it was stopped' }),
      )
    })
  })
}

/** All or nothing, in one transaction that waits its turn among the application's writes. */
export function makeChange(change: SqliteChange): SqliteChangeOutcome {
  const { owned, target, busyTimeoutMs } = change
  let database: Database
  try {
    database = openDatabase(target, { readOnly: false, busyTimeoutMs })
  } catch (error) {
    return failed(change, error)
  }
  try {
    database.exec('BEGIN IMMEDIATE')
    const found = findDefinition(database, owned)
    if (found !== undefined && !isSameDefinition(found, owned.definition)) {
      database.exec('ROLLBACK')
      const reason = 'an index of this name with another definition is there, and is not touched'
      return {
        status: 'failed',
        code: 'CHANGE_FAILED',
        details: { index: owned.name, reason, found },
      }
    }
    if (change.make === 'create' && found === undefined) database.exec(createSqliteSql(owned))
    if (change.make === 'drop' && found !== undefined) database.exec(dropSqliteSql(owned))
    database.exec('COMMIT')
    return { status: 'done' }
  } catch (error) {
    return failed(change, error)
  } finally {
    database.close()
  }
}

function failed(change: SqliteChange, error: unknown): SqliteChangeOutcome {
  const reason = error instanceof Error ? error.message : String(error)
  const sql = change.make === 'create' ? createSqliteSql(change.owned) : dropSqliteSql(change.owned)
  const details = { index: change.owned.name, sql, reason }
  if (error instanceof PerfloopError) {
    return {
      status: 'failed',
      code: 'TARGET_UNREACHABLE',
      details: { ...details, ...error.details },
    }
  }
  const isRefused = /readonly|read-only|unable to open|permission/i.test(reason)
  return {
    status: 'failed',
    code: isRefused ? 'TARGET_PERMISSION_DENIED' : 'CHANGE_FAILED',
    details,
  }
}

function findDefinition(database: Database, owned: OwnedIndex): string | undefined {
  const [found] = readRows(
    database,
    z.object({ sql: z.string() }),
    "SELECT coalesce(sql, '') AS sql FROM sqlite_schema WHERE type = 'index' AND name = ?",
    owned.name,
  )
  return found?.sql
}
