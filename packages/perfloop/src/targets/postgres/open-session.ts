import type { Client } from 'pg'
import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'

export const PostgresOptions = z.strictObject({
  url: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'a postgres:// URL')
    .describe('postgres://user:password@host:port/database')
    .meta({ secret: true }),
  schemas: z
    .array(z.string())
    .optional()
    .describe(
      'Schemas to look at, in the order names are searched. All but the system’s by default.',
    ),
})
export type PostgresOptions = z.output<typeof PostgresOptions>

export interface SessionLimits {
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly readOnly: boolean
}

/** One connection with limits of its own, closed when disposed. */
export interface Session extends AsyncDisposable {
  rows<Row extends z.ZodType>(
    row: Row,
    sql: string,
    values?: readonly unknown[],
  ): Promise<readonly z.output<Row>[]>
  /** Statements sent as they are, without parameters: DDL, SET, EXPLAIN. */
  run(sql: string): Promise<readonly unknown[]>
  /** Asks the server to stop what this connection runs: closing it would not. */
  cancel(): Promise<void>
  readonly majorVersion: number
}

export async function openSession(
  options: PostgresOptions,
  limits: SessionLimits,
): Promise<Session> {
  // Loaded where there is a PostgreSQL to talk to.
  const { default: pg } = await import('pg')
  const client = new pg.Client({
    connectionString: options.url,
    application_name: 'perfloop',
    connectionTimeoutMillis: limits.connectTimeoutMs,
    // A server that is gone without a word does not keep its own time limit.
    query_timeout: limits.statementTimeoutMs + limits.connectTimeoutMs,
    keepAlive: true,
  })
  // A connection that breaks between two questions is noticed by the next one.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(sessionSettings(client, options, limits))
    const version = await client.query<{ version: string }>(
      "SELECT current_setting('server_version_num') AS version",
    )
    const majorVersion = Math.floor(Number(version.rows[0]?.version) / 10_000)
    return sessionOf(client, majorVersion, options, limits)
  } catch (cause) {
    await client.end().catch(() => {})
    throw new PerfloopError('TARGET_UNREACHABLE', { reason: reasonOf(cause) }, cause)
  }
}

function sessionSettings(client: Client, options: PostgresOptions, limits: SessionLimits): string {
  const settings = [
    `SET statement_timeout = ${limits.statementTimeoutMs}`,
    `SET lock_timeout = ${limits.lockTimeoutMs}`,
    // Should we be stopped in the middle of a transaction, it does not hold up anybody's VACUUM.
    `SET idle_in_transaction_session_timeout = ${limits.statementTimeoutMs}`,
    `SET default_transaction_read_only = ${limits.readOnly ? 'on' : 'off'}`,
    // The parser that judged a text and the server must agree on what a backslash is.
    'SET standard_conforming_strings = on',
  ]
  if (options.schemas !== undefined && options.schemas.length > 0) {
    const names = options.schemas.map(name => client.escapeIdentifier(name)).join(', ')
    settings.push(`SET search_path = ${names}`)
  }
  return settings.join('; ')
}

function sessionOf(
  client: Client,
  majorVersion: number,
  options: PostgresOptions,
  limits: SessionLimits,
): Session {
  return {
    majorVersion,
    async rows(row, sql, values = []) {
      const result = await client.query(sql, [...values])
      return result.rows.map(value => row.parse(value))
    },
    async run(sql) {
      const result: unknown = await client.query(sql)
      // Several statements in one text answer with a list of results.
      const last = Array.isArray(result) ? result.at(-1) : result
      return QueryRows.parse(last).rows
    },
    async cancel() {
      const { default: pg } = await import('pg')
      const other = new pg.Client({
        connectionString: options.url,
        application_name: 'perfloop',
        connectionTimeoutMillis: limits.connectTimeoutMs,
        query_timeout: limits.connectTimeoutMs,
      })
      other.on('error', () => {})
      try {
        await other.connect()
        await other.query('SELECT pg_cancel_backend($1)', [BackendProcess.parse(client).processID])
      } catch {
        // Then its statement timeout stops it.
      } finally {
        await other.end().catch(() => {})
      }
    },
    async [Symbol.asyncDispose]() {
      await client.end().catch(() => {})
    },
  }
}

/** The driver has it and its types do not. */
const BackendProcess = z.object({ processID: z.number() })

const QueryRows = z.object({ rows: z.array(z.unknown()) })

/** SQLSTATE of PostgreSQL, where an error carries one. */
export function sqlStateOf(error: unknown): string | undefined {
  const parsed = z.object({ code: z.string() }).safeParse(error)
  return parsed.success ? parsed.data.code : undefined
}

export const SQL_STATE = {
  insufficientPrivilege: '42501',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  undefinedObject: '42704',
  undefinedTable: '42P01',
  duplicateTable: '42P07',
} as const

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error)
}
