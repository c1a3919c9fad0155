import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import type { BatchDigest } from './batch-digest.ts'
import { syncDirectory } from './sync-directory.ts'

/**
 * Which batches were in segments that are loaded and gone, on disk: one line a segment, its checksum in
 * front. Two files take turns: when the current one holds `capacity` digests it becomes the previous one,
 * so that together they always know the newest `capacity` and never more than twice that.
 */
const Line = z.object({ segment: z.int(), batches: z.array(z.string()) })

export class LoadedBatches {
  readonly #directory: string
  readonly #capacity: number
  #inCurrent: number

  private constructor(directory: string, capacity: number, inCurrent: number) {
    this.#directory = directory
    this.#capacity = capacity
    this.#inCurrent = inCurrent
  }

  static async open(directory: string, capacity: number): Promise<LoadedBatches> {
    const current = await readLines(currentPath(directory))
    return new LoadedBatches(directory, capacity, countDigests(current))
  }

  /** Durable when it resolves. */
  async append(segment: number, batches: readonly BatchDigest[]): Promise<void> {
    const turn = this.#inCurrent >= this.#capacity
    if (turn) {
      await rename(currentPath(this.#directory), previousPath(this.#directory))
      this.#inCurrent = 0
    }
    const text = JSON.stringify({ segment, batches })
    const file = await open(currentPath(this.#directory), 'a')
    try {
      // A line that a crash cut short has no line end: begin anew, so that it spoils only itself.
      await file.appendFile(`\n${checksum(text)} ${text}\n`)
      await file.datasync()
    } finally {
      await file.close()
    }
    if (turn || this.#inCurrent === 0) await syncDirectory(this.#directory)
    this.#inCurrent += batches.length
  }
}

export interface LoadedSegments {
  /** Oldest first. */
  readonly batches: readonly BatchDigest[]
  readonly newestSegment: number
}

/** What the two files know. May run while the other side appends. */
export async function readLoadedBatches(directory: string): Promise<LoadedSegments> {
  // The current file first: if the files take turns meanwhile, its lines are then read again in the other.
  const current = await readLines(currentPath(directory))
  const previous = await readLines(previousPath(directory))
  const lines = [...previous, ...current]
  return {
    batches: lines.flatMap(line => line.batches),
    newestSegment: lines.reduce((newest, line) => Math.max(newest, line.segment), 0),
  }
}

const currentPath = (directory: string) => join(directory, 'loaded-batches')
const previousPath = (directory: string) => join(directory, 'loaded-batches.previous')

async function readLines(path: string): Promise<readonly z.output<typeof Line>[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
  return text.split('\n').flatMap(line => {
    const body = line.slice(9)
    return body !== '' && line.slice(0, 8) === checksum(body) ? [Line.parse(JSON.parse(body))] : []
  })
}

function countDigests(lines: readonly z.output<typeof Line>[]): number {
  return lines.reduce((sum, line) => sum + line.batches.length, 0)
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
