import { accessSync, constants } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DatabaseSync } from '@photostructure/sqlite'
import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'

/** The driver exports its class as a value only. */
export type Database = InstanceType<typeof DatabaseSync>

export const SqliteOptions = z.strictObject({
  file: z
    .string()
    .refine(isAbsolute, 'an absolute path')
    .describe('Path of the database file on this machine.'),
})
export type SqliteOptions = z.output<typeof SqliteOptions>

/** Opened without making a file that is not there, and read-only unless something is to be changed. */
export function openDatabase(
  options: SqliteOptions,
  mode: { readonly readOnly: boolean; readonly busyTimeoutMs: number },
): Database {
  try {
    const url = pathToFileURL(options.file)
    url.searchParams.set('mode', mode.readOnly ? 'ro' : 'rw')
    const database = new DatabaseSync(url, {
      readOnly: mode.readOnly,
      timeout: mode.busyTimeoutMs,
      defensive: true,
      allowExtension: false,
    })
    // The file is not read before the first question: ask one.
    database.prepare('SELECT count(*) FROM sqlite_schema').get()
    return database
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PerfloopError('TARGET_UNREACHABLE', { file: options.file, reason }, cause)
  }
}

/** Rows of one statement, parsed. */
export function readRows<Row extends z.ZodType>(
  database: Database,
  row: Row,
  sql: string,
  ...values: readonly (string | number)[]
): readonly z.output<Row>[] {
  return database
    .prepare(sql)
    .all(...values)
    .map(value => row.parse(value))
}

/** SQLite also needs to make its journal beside the file. */
export function canWrite(file: string): boolean {
  try {
    accessSync(file, constants.W_OK)
    accessSync(dirname(file), constants.W_OK)
    return true
  } catch {
    return false
  }
}
