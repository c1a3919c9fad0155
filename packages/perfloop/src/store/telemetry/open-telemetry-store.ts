import { join } from 'node:path'
import type { Clock } from '../../domain/clock.ts'
import { systemClock } from '../../domain/clock.ts'
import { type Logger, silentLogger } from '../../domain/logger.ts'
import { PerfloopError } from '../../domain/perfloop-error.ts'
import type { Settings } from '../../settings/settings.ts'
import { ChdbEngine } from './chdb/chdb-engine.ts'
import { lockDataDirectory } from './data-directory-lock.ts'
import type { BoundValue, TelemetryEngine } from './engine.ts'
import { migrate } from './migrate.ts'
import type { ParamsOf, Query, RowOf } from './query.ts'
import type { TelemetryStore } from './telemetry-store.ts'

export interface TelemetryStoreOptions {
  /** Folder of everything Perfloop keeps; the engine's files are in `telemetry` below it. */
  readonly dataDirectory: string
  readonly settings: Settings
  readonly logger?: Logger
  readonly clock?: Clock
}

export interface OpenTelemetryStore extends TelemetryStore {
  /** For the loader and the jobs; everybody else asks with `run`. */
  readonly engine: TelemetryEngine
  readonly settings: Settings
  readonly logger: Logger
  readonly clock: Clock
  readonly dataDirectory: string
  /** Queries run since start, for the `query_count` of the API. */
  queryCount(): number
  /** The store's own process; undefined where the store is a server elsewhere. */
  storePid(): Promise<number | undefined>
  /** How often that process died and was started again. */
  storeRestarts(): number
  close(): Promise<void>
}

/** Opens the telemetry plane: takes the data directory, starts the engine and brings the schema up to date. */
export async function openTelemetryStore(
  options: TelemetryStoreOptions,
): Promise<OpenTelemetryStore> {
  const { dataDirectory, settings } = options
  const logger = options.logger ?? silentLogger
  const lock = lockDataDirectory(dataDirectory)
  try {
    const { engine, pid, restarts } = await openEngine(options, logger)
    try {
      await migrate(engine, logger)
    } catch (error) {
      await engine.close()
      throw error
    }
    let queries = 0
    return {
      engine,
      settings,
      logger,
      clock: options.clock ?? systemClock,
      dataDirectory,
      async run(query, params) {
        queries += 1
        return runQuery(engine, query, params)
      },
      queryCount: () => queries,
      storePid: pid,
      storeRestarts: restarts,
      async close() {
        await engine.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

interface OpenEngine {
  readonly engine: TelemetryEngine
  readonly pid: () => Promise<number | undefined>
  readonly restarts: () => number
}

async function openEngine(
  { dataDirectory, settings }: TelemetryStoreOptions,
  logger: Logger,
): Promise<OpenEngine> {
  if (settings.store.clickhouse.url !== null) {
    // Loaded only where it is used: most installations have no such server.
    const { ClickHouseEngine } = await import('./clickhouse/clickhouse-engine.ts')
    const engine = new ClickHouseEngine(settings.store)
    return { engine, pid: async () => undefined, restarts: () => 0 }
  }
  const path = join(dataDirectory, 'telemetry')
  const engine = await ChdbEngine.open({ path, settings: settings.store, logger })
  return { engine, pid: () => engine.pid(), restarts: () => engine.restarts }
}

async function runQuery<Q extends Query>(
  engine: TelemetryEngine,
  query: Q,
  params: ParamsOf<Q>,
): Promise<readonly RowOf<Q>[]> {
  const bound = query.params.parse(params) as Record<string, BoundValue>
  const rows = await engine.query(query.sql, bound)
  return rows.map(row => {
    const parsed = query.row.safeParse(row)
    if (!parsed.success) {
      throw new PerfloopError(
        'QUERY_ROW_UNEXPECTED',
        { query: query.name, issues: parsed.error.issues },
        parsed.error,
      )
    }
    return parsed.data as RowOf<Q>
  })
}
