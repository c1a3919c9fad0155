import { closeSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { unixMs } from '../own-clock.ts'

/** Nobody holds the lock for longer than a few writes: older ones are of processes that ended, or of another machine. */
const STALE_MS = 30_000

/**
 * A lock that several processes share: a file that only one can create, with its owner's id. Node has no lock of the
 * system's own.
 */
export class FileLock {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** False when another process has it. */
  tryTake(): boolean {
    if (create(this.#path)) return true
    if (!isStale(this.#path)) return false
    // Two that find the same stale lock must not both remove it: the second would remove the first one's new one.
    const guard = `${this.#path}.guard`
    if (!create(guard)) {
      if (isOld(guard)) unlinkQuietly(guard)
      return false
    }
    try {
      if (isStale(this.#path)) unlinkQuietly(this.#path)
    } finally {
      unlinkQuietly(guard)
    }
    return create(this.#path)
  }

  release(): void {
    unlinkQuietly(this.#path)
  }
}

function create(path: string): boolean {
  let file: number
  try {
    file = openSync(path, 'wx')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  try {
    writeSync(file, String(process.pid))
  } catch (error) {
    // A full disk takes the file and not what is in it.
    unlinkQuietly(path)
    throw error
  } finally {
    closeSync(file)
  }
  return true
}

function isStale(path: string): boolean {
  try {
    const owner = Number(readFileSync(path, 'utf8'))
    return (owner > 0 && !isAlive(owner)) || isOld(path)
  } catch {
    // Released in the meantime.
    return false
  }
}

function isOld(path: string): boolean {
  try {
    return unixMs() - statSync(path).mtimeMs > STALE_MS
  } catch {
    return false
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Somebody else has.
  }
}
