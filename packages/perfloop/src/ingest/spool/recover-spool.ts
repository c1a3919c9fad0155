import { open, rename, unlink } from 'node:fs/promises'
import type { Logger } from '../../domain/logger.ts'
import type { BatchDigest } from './batch-digest.ts'
import { readLoadedBatches } from './loaded-batches.ts'
import { listSegments, type SegmentFile, segmentPath } from './segment-name.ts'
import { readSegment } from './segment-reader.ts'
import { SEGMENT_HEAD_BYTES } from './spool-frame.ts'
import { syncDirectory } from './sync-directory.ts'

export interface RecoveredSpool {
  /** Batches that are durable, oldest first: repeats of them must not be stored again. */
  readonly batches: readonly BatchDigest[]
  /** Every new segment must have a higher number. */
  readonly newestSegment: number
  /** Half-written ends that were cut; nothing in them had been acknowledged. */
  readonly tornTails: number
}

/**
 * Brings the spool of a process that may have been killed to a state one can go on from: a half-written
 * end is cut off, what is left is synced (after `kill -9` it may be in the page cache only) and closed.
 */
export async function recoverSpool(directory: string, logger: Logger): Promise<RecoveredSpool> {
  let tornTails = 0
  let newestSegment = 0

  for (const segment of await listSegments(directory, 'open')) {
    newestSegment = Math.max(newestSegment, segment.number)
    if (await closeLeftover(directory, segment, logger)) tornTails++
  }
  await syncDirectory(directory)

  const batches: BatchDigest[] = []
  for (const segment of await listSegments(directory, 'closed')) {
    newestSegment = Math.max(newestSegment, segment.number)
    batches.push(...(await batchesOf(segment)))
  }
  // After the segments: the loader writes this list before it removes a segment, so nothing falls between.
  const loaded = await readLoadedBatches(directory)

  return {
    batches: [...loaded.batches, ...batches],
    newestSegment: Math.max(newestSegment, loaded.newestSegment),
    tornTails,
  }
}

/** True when an end had to be cut. */
async function closeLeftover(
  directory: string,
  segment: SegmentFile,
  logger: Logger,
): Promise<boolean> {
  let end = SEGMENT_HEAD_BYTES
  let frames = 0
  let tornBytes = 0
  for await (const part of readSegment(segment.path, { payloads: true })) {
    if (part.kind === 'torn') tornBytes = part.length
    else {
      end = part.offset + part.length
      frames++
    }
  }

  if (tornBytes > 0) {
    logger.warn(
      { segment: segment.number, bytes: tornBytes },
      'cut a half-written end off a spool segment; nothing of it had been acknowledged',
    )
  }
  if (frames === 0) {
    await unlink(segment.path)
    return tornBytes > 0
  }

  const file = await open(segment.path, 'r+')
  try {
    if (tornBytes > 0) await file.truncate(end)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(segment.path, segmentPath(directory, segment.number, 'closed'))
  return tornBytes > 0
}

async function batchesOf(segment: SegmentFile): Promise<readonly BatchDigest[]> {
  const batches: BatchDigest[] = []
  try {
    for await (const part of readSegment(segment.path, { payloads: false })) {
      if (part.kind === 'frame') batches.push(...part.manifest.batches)
    }
  } catch (error) {
    // The loader was faster: its batches are in the list it wrote before.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  return batches
}
