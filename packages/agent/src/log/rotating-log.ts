import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { clearTimeout, setTimeout } from '../own-clock.ts'
import { FileLock } from './file-lock.ts'

export interface RotatingLogOptions {
  readonly path: string
  /** A file is at most so long. */
  readonly maxBytes: number
  /** Old files that are kept, as `path.1` to `path.N`. */
  readonly kept: number
}

export interface LogEvents {
  onProblem(problem: string, lostLines: number): void
  /** Of so many calls of `append` nothing waits any more. */
  onWritten(appends: number): void
}

/** What one write holds at most, so that nobody waits long for the lock. */
const MOST_CHUNK_BYTES = 256 * 1024
const MOST_WAITING_BYTES = 8 * 1024 * 1024
const RETRY_MS = 20
const FIRST_TRIES = 20
const TRY_AGAIN_MS = 2

/**
 * Appends whole lines to a file that several processes write. Each write happens under a lock, which is also when the file is
 * rotated: no line is torn, none is lost, and no file is longer than it may be. To be used off the main thread: it
 * waits.
 */
export class RotatingLog {
  readonly #options: RotatingLogOptions
  readonly #lock: FileLock
  readonly #events: LogEvents
  #waiting: Buffer[] = []
  #waitingBytes = 0
  /** Calls of `append` of which something may wait. */
  #unwritten = 0
  #lostLines = 0
  #timer: NodeJS.Timeout | undefined
  #hasFolder = false

  constructor(options: RotatingLogOptions, events: LogEvents) {
    this.#options = options
    this.#lock = new FileLock(`${options.path}.lock`)
    this.#events = events
  }

  /** Lines, each with its end. What cannot be written now is tried again. */
  append(lines: readonly string[]): void {
    this.#unwritten++
    for (const line of lines) {
      const bytes = Buffer.from(line)
      if (this.#waitingBytes + bytes.length > MOST_WAITING_BYTES) this.#lostLines++
      else {
        this.#waiting.push(bytes)
        this.#waitingBytes += bytes.length
      }
    }
    this.#writeAll()
  }

  #writeAll(): void {
    clearTimeout(this.#timer)
    try {
      while (this.#waiting.length > 0) {
        if (!this.#takeLock()) {
          this.#timer = setTimeout(() => this.#writeAll(), RETRY_MS)
          return
        }
        try {
          this.#writeChunk()
        } finally {
          this.#lock.release()
        }
      }
      const written = this.#unwritten
      this.#unwritten = 0
      this.#events.onWritten(written)
    } catch (error) {
      // A full disk, a folder that may not be written: the lines wait, within their bound.
      this.#tell(`${this.#options.path}: ${error instanceof Error ? error.message : String(error)}`)
      this.#timer = setTimeout(() => this.#writeAll(), RETRY_MS * 50)
    }
  }

  #takeLock(): boolean {
    if (!this.#hasFolder) mkdirSync(dirname(this.#options.path), { recursive: true })
    this.#hasFolder = true
    for (let tries = 0; tries < FIRST_TRIES; tries++) {
      if (this.#lock.tryTake()) return true
      Atomics.wait(SLEEP, 0, 0, TRY_AGAIN_MS)
    }
    return false
  }

  #writeChunk(): void {
    const { path, maxBytes } = this.#options
    const size = sizeOf(path)
    let bytes = 0
    let lines = 0
    for (const line of this.#waiting) {
      const isFull = bytes > 0 && bytes + line.length > MOST_CHUNK_BYTES
      if (isFull || size + bytes + line.length > maxBytes) break
      bytes += line.length
      lines++
    }
    if (lines === 0 && size > 0) {
      this.#rotate()
      return
    }
    const chunk = Buffer.concat(this.#waiting.slice(0, Math.max(1, lines)))
    appendWhole(path, chunk)
    this.#waiting = this.#waiting.slice(Math.max(1, lines))
    this.#waitingBytes -= chunk.length
    if (this.#lostLines > 0) this.#tell(`${path}: lines came faster than they were written`)
  }

  #rotate(): void {
    const { path, kept } = this.#options
    for (let n = kept - 1; n >= 0; n--) {
      try {
        renameSync(n === 0 ? path : `${path}.${n}`, `${path}.${n + 1}`)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
  }

  #tell(problem: string): void {
    this.#events.onProblem(problem, this.#lostLines)
    this.#lostLines = 0
  }
}

/**
 * All of the chunk or nothing, by whoever holds the lock: a disk that is full takes a part of it, which is taken away
 * again, and so is the half line of a process that was killed while it wrote.
 */
function appendWhole(path: string, chunk: Buffer): void {
  const file = openSync(path, 'a+')
  try {
    const size = endOfLines(file)
    try {
      for (let written = 0; written < chunk.length; ) {
        written += writeSync(file, chunk, written)
      }
    } catch (error) {
      ftruncateSync(file, size)
      throw error
    }
  } finally {
    closeSync(file)
  }
}

const LINE_FEED = 10
const READ_BYTES = 4_096

/** The size of the file, once what follows its last line feed is cut off. */
function endOfLines(file: number): number {
  const { size } = fstatSync(file)
  const read = Buffer.alloc(1)
  if (size === 0 || (readSync(file, read, 0, 1, size - 1) === 1 && read[0] === LINE_FEED)) {
    return size
  }
  const block = Buffer.alloc(READ_BYTES)
  let end = 0
  for (let from = size; from > 0 && end === 0; ) {
    const bytes = Math.min(READ_BYTES, from)
    from -= bytes
    const count = readSync(file, block, 0, bytes, from)
    end = block.subarray(0, count).lastIndexOf(LINE_FEED) + 1
    if (end > 0) end += from
  }
  ftruncateSync(file, end)
  return end
}

const SLEEP = new Int32Array(new SharedArrayBuffer(4))

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
