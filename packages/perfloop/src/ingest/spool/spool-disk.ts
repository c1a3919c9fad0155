import { close, fdatasync, ftruncate, open, writev } from 'node:fs'
import { promisify } from 'node:util'

/**
 * The calls by which the spool writes, in one place: the tests let them fail as a full or dying disk does.
 * Plain descriptors instead of FileHandles keep a commit at two calls: writev and fdatasync.
 */
export interface SpoolDisk {
  /** Opens a new file for writing; it must not be there yet. */
  create(path: string): Promise<number>
  /** Writes all buffers back to back from `position` on. */
  write(fd: number, buffers: readonly Uint8Array[], position: number): Promise<void>
  sync(fd: number): Promise<void>
  truncate(fd: number, length: number): Promise<void>
  close(fd: number): Promise<void>
}

const openFile = promisify(open)
const truncateFile = promisify(ftruncate)
const syncFile = promisify(fdatasync)
const closeFile = promisify(close)

export const spoolDisk: SpoolDisk = {
  create: path => openFile(path, 'wx', 0o600),
  write: writeAll,
  sync: syncFile,
  truncate: truncateFile,
  close: closeFile,
}

/** writev may write less than it was given (a full disk, a signal): goes on until all is written or it fails. */
async function writeAll(
  fd: number,
  buffers: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let remaining = buffers.filter(buffer => buffer.byteLength > 0)
  let at = position
  while (remaining.length > 0) {
    const written = await writeSome(fd, remaining, at)
    at += written
    remaining = withoutFirst(remaining, written)
  }
}

/** Linux takes at most 1,024 buffers a call (IOV_MAX). */
const MOST_BUFFERS = 1_024

function writeSome(fd: number, buffers: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(fd, buffers.slice(0, MOST_BUFFERS), position, (error, bytesWritten) => {
      if (error !== null) reject(error)
      else resolve(bytesWritten)
    })
  })
}

export function withoutFirst(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  const rest: Uint8Array[] = []
  for (const buffer of buffers) {
    if (skip >= buffer.byteLength) skip -= buffer.byteLength
    else {
      rest.push(skip === 0 ? buffer : buffer.subarray(skip))
      skip = 0
    }
  }
  return rest
}
