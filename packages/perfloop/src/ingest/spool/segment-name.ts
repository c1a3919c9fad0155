import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * A segment is written as `NUMBER.open` and renamed to `NUMBER.seg` when nothing more is added to it.
 * The directory is thereby the whole interface between receiver and loader: what is called `.seg` is
 * complete and synced, and may be loaded. Numbers are Unix microseconds (16 digits until the year 2286),
 * always rising, and never used twice: the store recognizes repeated loads by them.
 */
export type SegmentState = 'open' | 'closed'

export interface SegmentFile {
  readonly number: number
  readonly state: SegmentState
  readonly path: string
}

const NAME = /^(\d{16})\.(open|seg)$/

export function segmentPath(directory: string, number: number, state: SegmentState): string {
  return join(directory, `${segmentName(number)}.${state === 'open' ? 'open' : 'seg'}`)
}

export function segmentName(number: number): string {
  return String(number).padStart(16, '0')
}

/** Segments of one state, oldest first; none where there is no spool yet. */
export async function listSegments(
  directory: string,
  state: SegmentState,
): Promise<readonly SegmentFile[]> {
  const found: SegmentFile[] = []
  for (const name of await namesIn(directory)) {
    const match = NAME.exec(name)
    if (match === null) continue
    const named: SegmentState = match[2] === 'open' ? 'open' : 'closed'
    if (named === state)
      found.push({ number: Number(match[1]), state, path: join(directory, name) })
  }
  return found.sort((a, b) => a.number - b.number)
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
