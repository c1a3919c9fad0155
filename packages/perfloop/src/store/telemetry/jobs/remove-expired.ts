import type { OpenTelemetryStore } from '../open-telemetry-store.ts'
import { expiredDays } from '../queries/expired-days.query.ts'
import { partitions } from '../queries/partitions.query.ts'
import {
  dropPartition,
  isMonth,
  type Partition,
  partitionEndS,
  partitionId,
  spanRetentionDays,
} from './partition.ts'

type RetentionSettings = OpenTelemetryStore['settings']['retention']

const DAY_S = 86_400
const MS_PER_S = 1_000

/** Tables with a partition a day (spans: an hour; rollups of days: a month), and how many days each is kept. */
const PARTITIONED: Readonly<
  Record<string, (partition: Partition, retention: RetentionSettings) => number>
> = {
  spans: partition => spanRetentionDays(partition),
  measurements: (_, retention) => retention.measurementDays,
  performance_metrics: (_, retention) => retention.measurementDays,
  metric_points: (_, retention) => retention.measurementDays,
  resource_usage: (_, retention) => retention.measurementDays,
  logs: (_, retention) => retention.measurementDays,
  operations: rollupRetentionDays,
  statements: rollupRetentionDays,
  breakdowns: rollupRetentionDays,
  dropped_traces: () => 0,
}

const ROLLUPS = ['operations', 'statements', 'breakdowns'] as const

/** Small tables without partitions: what has not been seen for so long is deleted by row. */
const BY_ROW = [
  {
    table: 'kept_traces',
    time: 'decided_at',
    days: (r: RetentionSettings) => r.measurementDays + 1,
  },
  { table: 'target_facts', time: 'collected_at', days: (r: RetentionSettings) => r.aggregateDays },
  { table: 'resources', time: 'last_seen', days: (r: RetentionSettings) => r.baselineDays },
  { table: 'shapes', time: 'last_seen', days: (r: RetentionSettings) => r.baselineDays },
  { table: 'patterns', time: 'last_seen', days: (r: RetentionSettings) => r.baselineDays },
] as const

export interface RetentionOutcome {
  readonly rowsRemoved: number
  readonly bytesFreed: number
  readonly partitionsDropped: readonly { readonly table: string; readonly partition: string }[]
}

/**
 * Removes what is past its retention by Perfloop's clock: measurements 7 days, minute and hour rollups 30,
 * day rollups 365, as the settings say now; spans as long as the class they had when they came. Whole
 * partitions are dropped, which frees their disk at once and costs nothing; a day's data therefore goes when
 * the whole day is past, never earlier.
 */
export async function removeExpired(store: OpenTelemetryStore): Promise<RetentionOutcome> {
  const { retention } = store.settings
  const nowS = Math.floor(store.clock.nowUnixMs() / MS_PER_S)
  const before = await store.run(partitions, {})

  const expired = before.filter(partition => {
    const days = PARTITIONED[partition.table]?.(partition, retention)
    return days !== undefined && partitionEndS(partition) + days * DAY_S <= nowS
  })
  for (const partition of expired) await dropPartition(store.engine, partition)
  await removeExpiredDays(store, nowS)
  await removeRows(store, nowS)

  const after = await store.run(partitions, {})
  const outcome = {
    rowsRemoved: sum(before, 'rows') - sum(after, 'rows'),
    bytesFreed: sum(before, 'size_bytes') - sum(after, 'size_bytes'),
    partitionsDropped: expired.map(({ table, partition }) => ({ table, partition })),
  }
  store.logger.info(
    {
      rows: outcome.rowsRemoved,
      bytes: outcome.bytesFreed,
      partitions: outcome.partitionsDropped.length,
    },
    'Expired telemetry removed',
  )
  return outcome
}

/** Days share a partition a month, which goes when all of it is past; till then they go by row, once a day. */
async function removeExpiredDays(store: OpenTelemetryStore, nowS: number): Promise<void> {
  const cutS = nowS - store.settings.retention.baselineDays * DAY_S
  const before_s = Math.max(0, Math.floor(cutS / DAY_S) * DAY_S)
  for (const rollup of ROLLUPS) {
    for (const { partition_id } of await store.run(expiredDays[rollup], { before_s })) {
      await store.engine.execute(
        `ALTER TABLE ${rollup} DELETE IN PARTITION ID '${partitionId(partition_id)}' WHERE bucket < toDateTime({before_s:UInt32}, 'UTC') SETTINGS mutations_sync = 2`,
        { before_s },
      )
    }
  }
}

function rollupRetentionDays(partition: Partition, retention: RetentionSettings): number {
  return isMonth(partition) ? retention.baselineDays : retention.aggregateDays
}

async function removeRows(store: OpenTelemetryStore, nowS: number): Promise<void> {
  for (const { table, time, days } of BY_ROW) {
    const before_s = Math.max(0, nowS - days(store.settings.retention) * DAY_S)
    await store.engine.execute(
      `ALTER TABLE ${table} DELETE WHERE ${time} < toDateTime({before_s:UInt32}, 'UTC') SETTINGS mutations_sync = 2`,
      { before_s },
    )
  }
}

function sum(list: readonly Partition[], key: 'rows' | 'size_bytes'): number {
  return list.reduce((total, partition) => total + partition[key], 0)
}
