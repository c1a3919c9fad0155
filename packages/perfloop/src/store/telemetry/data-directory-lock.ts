import { randomBytes } from 'node:crypto'
import {
  accessSync,
  constants,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'

const Holder = z.object({ pid: z.int().positive(), startedAt: z.string() })
type Holder = z.output<typeof Holder>

export interface DataDirectoryLock {
  release(): void
}

/**
 * A file that names the process a data directory belongs to, so that a second one can be told whom to
 * stop. What a killed process leaves behind does not count: its id is free, or belongs to a process
 * that was started at another time. (The engine holds a lock of its own besides.)
 */
export function lockDataDirectory(directory: string): DataDirectoryLock {
  makeDirectory(directory)
  const file = join(directory, 'perfloop.lock')
  for (let attempt = 0; ; attempt++) {
    try {
      return createLock(file)
    } catch (cause) {
      const holder = readHolder(file)
      if (holder !== undefined && processStartedAt(holder.pid) === holder.startedAt) {
        throw new PerfloopError('DATA_DIRECTORY_IN_USE', { directory, pid: holder.pid }, cause)
      }
      if (Object(cause).code !== 'EEXIST' || attempt > 0) throw cause
      removeStale(file, holder)
    }
  }
}

/** What applications do is nobody else's business: other users of the machine have no way in. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PerfloopError('DATA_DIRECTORY_UNUSABLE', { directory, reason }, cause)
  }
}

/** Written apart and linked into place: whoever finds the lock finds its holder in it, never an empty file. */
function createLock(file: string): DataDirectoryLock {
  const draft = besides(file)
  const holder = { pid: process.pid, startedAt: processStartedAt(process.pid) ?? 'unknown' }
  writeFileSync(draft, `${JSON.stringify(holder)}\n`, { flag: 'wx' })
  try {
    linkSync(draft, file)
  } finally {
    rmSync(draft)
  }
  return { release: () => rmSync(file, { force: true }) }
}

/** Moved away first, for only one can: of two that start at once the slower must not remove the other's lock. */
function removeStale(file: string, stale: Holder | undefined): void {
  const removed = besides(file)
  try {
    renameSync(file, removed)
  } catch {
    return
  }
  const holder = readHolder(removed)
  if (holder?.pid !== stale?.pid || holder?.startedAt !== stale?.startedAt) linkSync(removed, file)
  rmSync(removed)
}

function besides(file: string): string {
  return `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
}

function readHolder(file: string): Holder | undefined {
  try {
    return Holder.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined
  }
}

/** When a process started, in the system's words; undefined when there is none with this id. */
function processStartedAt(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (Object(error).code === 'ESRCH') return undefined
  }
  try {
    // Field 22 of /proc/PID/stat, counted after the command name, which may hold anything in its brackets.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    // No /proc (macOS): the id alone must do.
    return 'unknown'
  }
}
