import type { NativeBlock } from '../ingest-buffer.ts'
import type { ResourceUsage } from './resource-usage.ts'

type Column = readonly [
  name: string,
  type: 'String' | 'UInt32' | 'UInt64' | 'Float64' | "DateTime64(3, 'UTC')",
  value: (row: ResourceUsage) => string | number,
]

const COLUMNS: readonly Column[] = [
  ['environment', 'String', row => row.environment],
  ['service', 'String', row => row.service],
  ['scope', 'String', row => row.scope],
  ['host', 'String', row => row.host],
  ['pid', 'UInt32', row => row.pid],
  ['timestamp', "DateTime64(3, 'UTC')", row => Math.floor(row.timestampUnixMs)],
  ['cpu_ratio', 'Float64', row => row.cpuRatio],
  ['memory_bytes', 'UInt64', row => row.memoryBytes],
  ['memory_limit_bytes', 'UInt64', row => row.memoryLimitBytes],
  ['heap_bytes', 'UInt64', row => row.heapBytes],
  ['threads', 'UInt32', row => row.threads],
  ['open_files', 'UInt32', row => row.openFiles],
  ['disk_read_bytes', 'UInt64', row => row.diskReadBytes],
  ['disk_write_bytes', 'UInt64', row => row.diskWriteBytes],
  ['network_receive_bytes', 'UInt64', row => row.networkReceiveBytes],
  ['network_transmit_bytes', 'UInt64', row => row.networkTransmitBytes],
]

/**
 * A ClickHouse Native block: number of columns and rows, then name, type and values of each column.
 * Text is sent as plain String; the store makes LowCardinality of it where the table says so.
 */
export function encodeResourceUsage(rows: readonly ResourceUsage[]): NativeBlock {
  const parts: Buffer[] = [varint(COLUMNS.length), varint(rows.length)]
  for (const [name, type, value] of COLUMNS) {
    parts.push(text(name), text(type))
    for (const row of rows) parts.push(encode(type, value(row)))
  }
  return {
    table: 'resource_usage',
    columns: COLUMNS.map(([name]) => name),
    rows: rows.length,
    bytes: Buffer.concat(parts),
  }
}

function encode(type: Column[1], value: string | number): Buffer {
  if (typeof value === 'string') return text(value)
  const bytes = Buffer.alloc(type === 'UInt32' ? 4 : 8)
  if (type === 'UInt32') bytes.writeUInt32LE(Math.min(value, 0xffff_ffff))
  else if (type === 'Float64') bytes.writeDoubleLE(value)
  else bytes.writeBigUInt64LE(BigInt(Math.round(value)))
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  bytes.push(rest)
  return Buffer.from(bytes)
}
