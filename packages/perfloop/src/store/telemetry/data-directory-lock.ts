import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { PerfloopError } from '../../domain/perfloop-error.ts'

const Holder = z.object({ pid: z.int().positive(), startedAt: z.string() })

export interface DataDirectoryLock {
  release(): void
}

/**
 * A file that names the process a data directory belongs to, so that a second one can be told whom to
 * stop. What a killed process leaves behind does not count: its id is free, or belongs to a process
 * that was started at another time. (The engine holds a lock of its own besides.)
 */
export function lockDataDirectory(directory: string): DataDirectoryLock {
  mkdirSync(directory, { recursive: true })
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
      rmSync(file, { force: true })
    }
  }
}

function createLock(file: string): DataDirectoryLock {
  const descriptor = openSync(file, 'wx')
  const holder = { pid: process.pid, startedAt: processStartedAt(process.pid) ?? 'unknown' }
  writeSync(descriptor, `${JSON.stringify(holder)}\n`)
  closeSync(descriptor)
  return { release: () => rmSync(file, { force: true }) }
}

function readHolder(file: string): z.output<typeof Holder> | undefined {
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
