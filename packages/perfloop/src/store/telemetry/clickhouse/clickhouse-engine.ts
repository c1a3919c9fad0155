import { createReadStream } from 'node:fs'
import {
  type ClickHouseClient,
  ClickHouseError,
  ClickHouseLogLevel,
  createClient,
} from '@clickhouse/client'
import type { z } from 'zod'
import { PerfloopError } from '../../../domain/perfloop-error.ts'
import type { StoreSettings } from '../../../settings/store.ts'
import {
  type BoundValue,
  type ExecuteOptions,
  identifier,
  insertSettings,
  type NativeInsert,
  type QueryLimits,
  type TelemetryEngine,
} from '../engine.ts'
import { adaptStatement, type Deployment } from './deployment.ts'

const SESSION = {
  session_timezone: 'UTC',
  output_format_json_quote_64bit_integers: 1,
  result_overflow_mode: 'throw',
} as const

/** A mutation of much data answers late; the headers that keep the connection open come meanwhile. */
const LONGEST_STATEMENT_MS = 3_600_000
const PROGRESS_INTERVAL_MS = 10_000
const MS_PER_S = 1_000

/**
 * A ClickHouse server or cluster behind the same port as the embedded engine: parameters are bound by the
 * server, and a spool segment is the request body as it is.
 */
export class ClickHouseEngine implements TelemetryEngine {
  readonly #client: ClickHouseClient
  readonly #settings: z.output<typeof StoreSettings>
  readonly #deployment: Deployment

  constructor(settings: z.output<typeof StoreSettings>) {
    const { url, database, username, password, cluster } = settings.clickhouse
    if (url === null) throw new Error('store.clickhouse.url is not set')
    this.#settings = settings
    this.#deployment = { database, cluster }
    this.#client = createClient({
      url,
      database,
      username,
      password,
      application: 'perfloop',
      // What goes wrong is thrown, and logged where it is handled.
      log: { level: ClickHouseLogLevel.OFF },
      // Reads, one insert and one other statement, as the embedded engine has.
      max_open_connections: settings.readConnections + 2,
      request_timeout: LONGEST_STATEMENT_MS,
      clickhouse_settings: {
        ...SESSION,
        send_progress_in_http_headers: 1,
        http_headers_progress_interval_ms: String(PROGRESS_INTERVAL_MS),
      },
    })
  }

  async query(
    sql: string,
    params: Readonly<Record<string, BoundValue>>,
    limits: QueryLimits = {},
  ): Promise<readonly unknown[]> {
    return this.#reach(async () => {
      const result = await this.#client.query({
        query: sql,
        query_params: params,
        format: 'JSONEachRow',
        clickhouse_settings: {
          max_result_rows: String(limits.maxRows ?? this.#settings.maxResultRows),
          max_execution_time: (limits.maxMs ?? this.#settings.maxQueryMs) / MS_PER_S,
          max_memory_usage: String(limits.maxMemoryBytes ?? this.#settings.maxQueryMemoryBytes),
          max_threads: this.#settings.maxThreads,
        },
      })
      return result.json<unknown>()
    })
  }

  async execute(
    sql: string,
    params: Readonly<Record<string, BoundValue>> = {},
    options: ExecuteOptions = {},
  ): Promise<void> {
    await this.#reach(() =>
      this.#client.command({
        query: adaptStatement(sql, this.#deployment),
        query_params: params,
        clickhouse_settings: insertSettings(options.deduplicationToken),
      }),
    )
  }

  async insertNative(insert: NativeInsert): Promise<void> {
    const columns = insert.columns.map(identifier).join(', ')
    await this.#reach(async () => {
      const { stream } = await this.#client.exec({
        query: `INSERT INTO ${identifier(insert.table)} (${columns}) FORMAT Native`,
        values: createReadStream(insert.file),
        clickhouse_settings: insertSettings(insert.deduplicationToken),
      })
      for await (const _ of stream);
    })
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  /** What the server says is the query's fault; that there is no server is a state that passes. */
  async #reach<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (cause) {
      if (cause instanceof ClickHouseError) {
        const details = { message: cause.message, clickhouseCode: Number(cause.code) }
        throw new PerfloopError('STORE_QUERY_FAILED', details, cause)
      }
      throw new PerfloopError('STORE_UNREACHABLE', { url: this.#settings.clickhouse.url }, cause)
    }
  }
}
