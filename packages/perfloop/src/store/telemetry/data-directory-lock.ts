import { randomBytes } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
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
  take(file, directory)
  return { release: () => rmSync(file, { force: true }) }
}

/**
 * Of those who find the same stale lock one alone may put its own in the place of it: who has the claim, a lock named
 * after the dead holder. Nobody else removes or replaces a lock, so what a claimant has read stays so until it has done.
 */
function take(file: string, directory: string): void {
  if (create(file)) return
  const holder = readHolder(file)
  if (holder !== undefined && processStartedAt(holder.pid) === holder.startedAt) {
    throw new PerfloopError('DATA_DIRECTORY_IN_USE', { directory, pid: holder.pid })
  }
  const dead = holder === undefined ? 'nobody' : `${holder.pid}-${holder.startedAt}`
  const claim = `${file}.after-${dead.replace(/[^\w-]/g, '_')}`
  take(claim, directory)
  if (existsSync(file) && isSame(readHolder(file), holder)) {
    renameSync(claim, file)
    return
  }
  // Somebody else was here before, and may be gone again.
  rmSync(claim)
  take(file, directory)
}

function isSame(one: Holder | undefined, other: Holder | undefined): boolean {
  return one?.pid === other?.pid && one?.startedAt === other?.startedAt
}

/** What applications do is nobody else's business: other users of the machine have no way in. */
function makeDirectory(directory: string): void {
  try {
    makeFolder(directory)
    if (!statSync(directory).isDirectory()) throw new Error('it is not a directory')
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new PerfloopError('DATA_DIRECTORY_UNUSABLE', { directory, reason }, cause)
  }
}

/** One by one: `recursive` tries without end where the system says ENOENT of a folder whose parent is there, as /proc does. */
function makeFolder(directory: string): void {
  if (existsSync(directory)) return
  const parent = dirname(directory)
  if (parent !== directory) makeFolder(parent)
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    // Somebody else was faster.
    if (Object(error).code !== 'EEXIST') throw error
  }
}

/**
 * False when there is one already. Written apart and linked into place: whoever finds the lock finds its holder in it, never
 * an empty file.
 */
function create(file: string): boolean {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  const holder = { pid: process.pid, startedAt: processStartedAt(process.pid) ?? 'unknown' }
  writeFileSync(draft, `${JSON.stringify(holder)}\n`, { flag: 'wx' })
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if (Object(error).code !== 'EEXIST') throw error
    return false
  } finally {
    rmSync(draft)
  }
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
