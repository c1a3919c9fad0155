import { z } from 'zod'
import { count, durationMs, section, sizeBytes } from './section.ts'

export const StoreSettings = section({
  maxMemoryBytes: sizeBytes()
    .default(1024 ** 3)
    .describe('Memory limit of the embedded store (its own process).'),
  maxQueryMemoryBytes: sizeBytes()
    .default(512 * 1024 ** 2)
    .describe('Memory limit of one query.'),
  maxQueryMs: durationMs().default(30_000).describe('Time limit of one query.'),
  maxResultRows: count().default(500_000).describe('Rows of one answer; a query with more fails.'),
  maxDiskBytes: sizeBytes()
    .nullable()
    .default(null)
    .describe(
      'Disk the telemetry store may use. Beyond, the oldest spans go first, then logs and metric points; rollups stay. null: no limit.',
    ),
  readConnections: count().default(3).describe('Queries that run at the same time.'),
  maxThreads: count().default(2).describe('Threads of one query.'),
  crashesBeforeBan: count()
    .default(2)
    .describe('A query that was running this often when the store process died is no longer run.'),
  clickhouse: section({
    url: z
      .string()
      .nullable()
      .default(null)
      .describe('URL of an external ClickHouse server. null: embedded chDB.'),
    database: z.string().default('perfloop').describe('Database on that server.'),
    cluster: z
      .string()
      .nullable()
      .default(null)
      .describe('Name of the cluster whose replicas hold the tables. null: a single server.'),
    username: z.string().default('default').describe('User on that server.'),
    password: z
      .string()
      .default('')
      .describe('Its password (better by PERFLOOP_STORE_CLICKHOUSE_PASSWORD).')
      .meta({ secret: true }),
  }),
  control: section({
    url: z
      .string()
      .nullable()
      .default(null)
      .describe('postgres:// URL of the control store. null: SQLite in the data directory.')
      .meta({ secret: true }),
  }),
})
