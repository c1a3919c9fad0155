import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { BatchDigest } from './batch-digest.ts'
import { type SegmentFile, segmentName } from './segment-name.ts'
import { readSegment, type SegmentPart } from './segment-reader.ts'
import { streamsOf } from './spool-frame.ts'

/** One table's rows of a segment as one file of Native blocks. */
export interface StagedTable {
  readonly table: string
  readonly columns: readonly string[]
  readonly file: string
  readonly rows: number
  readonly bytes: number
}

export interface StagedFrame {
  readonly offset: number
  readonly length: number
}

export interface StagedSegment {
  /** In the order they must be loaded. */
  readonly tables: readonly StagedTable[]
  readonly frames: readonly StagedFrame[]
  readonly damaged: readonly Exclude<SegmentPart, { kind: 'frame' }>[]
  readonly batches: readonly BatchDigest[]
}

export interface StageRange {
  /** Only this table. */
  readonly table: string
  /** Only frames at these offsets. */
  readonly offsets: ReadonlySet<number>
}

/** Rows of other tables refer to these, so they are loaded first. */
const DIMENSIONS: readonly string[] = ['resources', 'shapes', 'patterns']

interface OpenTable {
  readonly columns: readonly string[]
  readonly path: string
  readonly file: FileHandle
  rows: number
  bytes: number
}

/**
 * Copies the streams of a segment apart, one file a table, with the memory of one frame. The files are for
 * the store to read once: they need no sync, since the segment stays until the store has everything.
 */
export async function stageSegment(
  segment: SegmentFile,
  directory: string,
  range?: StageRange,
): Promise<StagedSegment> {
  await mkdir(directory, { recursive: true })
  const open = new Map<string, OpenTable>()
  const frames: StagedFrame[] = []
  const damaged: Exclude<SegmentPart, { kind: 'frame' }>[] = []
  const batches: BatchDigest[] = []

  try {
    for await (const part of readSegment(segment.path, { payloads: true })) {
      if (part.kind !== 'frame') {
        damaged.push(part)
        continue
      }
      frames.push({ offset: part.offset, length: part.length })
      batches.push(...part.manifest.batches)
      if (range !== undefined && !range.offsets.has(part.offset)) continue
      for (const { stream, bytes } of streamsOf(part.manifest, part.payload)) {
        if (stream.rows === 0 || (range !== undefined && stream.table !== range.table)) continue
        const table = await openTable(open, directory, segment, stream.table, stream.columns)
        await table.file.appendFile(bytes)
        table.rows += stream.rows
        table.bytes += bytes.length
      }
    }
  } finally {
    for (const table of open.values()) await table.file.close()
  }

  const tables = [...open].map(([key, { columns, path, rows, bytes }]) => ({
    table: tableOf(key),
    columns,
    file: path,
    rows,
    bytes,
  }))
  return { tables: tables.sort(byLoadOrder), frames, damaged, batches }
}

async function openTable(
  tables: Map<string, OpenTable>,
  directory: string,
  segment: SegmentFile,
  table: string,
  columns: readonly string[],
): Promise<OpenTable> {
  // After an upgrade two frames of one segment may name other columns: they are loaded apart.
  const key = `${table} ${columns.join(' ')}`
  const known = tables.get(key)
  if (known !== undefined) return known

  const path = join(directory, `${segmentName(segment.number)}-${tables.size}-${table}.native`)
  const added = { columns, path, file: await open(path, 'w'), rows: 0, bytes: 0 }
  tables.set(key, added)
  return added
}

function tableOf(key: string): string {
  return key.slice(0, key.indexOf(' '))
}

function byLoadOrder(a: StagedTable, b: StagedTable): number {
  return loadRank(a.table) - loadRank(b.table)
}

function loadRank(table: string): number {
  const rank = DIMENSIONS.indexOf(table)
  return rank < 0 ? DIMENSIONS.length : rank
}
