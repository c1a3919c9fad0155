import type { z } from 'zod'
import { identifier, type TelemetryEngine } from '../engine.ts'
import type { partitions } from '../queries/partitions.query.ts'

export type Partition = z.output<typeof partitions.row>

const DAY_S = 86_400
const HOUR_S = 3_600
const MS_PER_S = 1_000

/** Unix seconds at which the month, day or hour a partition stands for is over; infinity when it stands for no time. */
export function partitionEndS(partition: Partition): number {
  const { day, hour } =
    DAY.exec(partition.partition)?.groups ?? HOUR.exec(partition.partition)?.groups ?? {}
  if (day !== undefined) {
    const iso = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6, 8)}`
    return Date.parse(`${iso}T00:00:00Z`) / MS_PER_S + DAY_S
  }
  const { year, month } = MONTH.exec(partition.partition)?.groups ?? {}
  if (year !== undefined) return Date.UTC(Number(year), Number(month)) / MS_PER_S
  if (hour !== undefined) return Date.parse(`${hour.replace(' ', 'T')}Z`) / MS_PER_S + HOUR_S
  return Number.POSITIVE_INFINITY
}

/** The retention class of a partition of spans, in days. */
export function spanRetentionDays(partition: Partition): number {
  const days = /^\((?<days>\d+),/.exec(partition.partition)?.groups?.days
  return days === undefined ? Number.POSITIVE_INFINITY : Number(days)
}

export async function dropPartition(engine: TelemetryEngine, partition: Partition): Promise<void> {
  await engine.execute(
    `ALTER TABLE ${identifier(partition.table)} DROP PARTITION ID '${partitionId(partition.partition_id)}'`,
  )
}

/** DDL takes no parameters. */
export function partitionId(id: string): string {
  if (!/^[\w-]+$/.test(id)) throw new Error(`Not a partition id: ${id}`)
  return id
}

export function isMonth(partition: Partition): boolean {
  return MONTH.test(partition.partition)
}

const MONTH = /^(?<year>\d{4})(?<month>\d\d)$/
const DAY = /^(?<day>\d{8})$/
const HOUR = /(?<hour>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)/
