import type { OpenTelemetryStore } from '../open-telemetry-store.ts'
import { partitions } from '../queries/partitions.query.ts'
import { dropPartition, type Partition, partitionEndS } from './partition.ts'

/** What can be spared first comes first. Rollups, patterns and decisions are never dropped for space. */
const EXPENDABLE = [
  ['spans'],
  ['logs', 'metric_points', 'performance_metrics', 'resource_usage'],
  ['measurements'],
] as const

export interface DiskOutcome {
  readonly sizeBytes: number
  readonly dropped: readonly {
    readonly table: string
    readonly partition: string
    readonly rows: number
    readonly sizeBytes: number
  }[]
}

/**
 * Holds the store to `store.maxDiskBytes`: while it is larger, the oldest hour of spans goes, then the oldest
 * days of logs and metrics, then of measurements. The hour or day that is being written stays: without it
 * there would be nothing to look at, and the next segment would bring it back.
 */
export async function limitDisk(store: OpenTelemetryStore): Promise<DiskOutcome> {
  const { maxDiskBytes } = store.settings.store
  if (maxDiskBytes === null) return { sizeBytes: 0, dropped: [] }

  const present = await store.run(partitions, {})
  let sizeBytes = present.reduce((total, partition) => total + partition.size_bytes, 0)
  const dropped: Partition[] = []
  const nowS = store.clock.nowUnixMs() / 1_000
  for (const partition of EXPENDABLE.flatMap(tables => oldestFirst(present, tables))) {
    if (sizeBytes <= maxDiskBytes) break
    if (partitionEndS(partition) > nowS) continue
    await dropPartition(store.engine, partition)
    sizeBytes -= partition.size_bytes
    dropped.push(partition)
  }
  if (dropped.length > 0) {
    store.logger.warn(
      {
        maxDiskBytes,
        sizeBytes,
        dropped: dropped.map(({ table, partition }) => `${table} ${partition}`),
      },
      'Telemetry dropped to stay within store.maxDiskBytes',
    )
  }
  return {
    sizeBytes,
    dropped: dropped.map(({ table, partition, rows, size_bytes }) => ({
      table,
      partition,
      rows,
      sizeBytes: size_bytes,
    })),
  }
}

function oldestFirst(present: readonly Partition[], tables: readonly string[]): Partition[] {
  return present
    .filter(({ table }) => tables.includes(table))
    .sort((a, b) => partitionEndS(a) - partitionEndS(b))
}
