import { hrtime } from '../own-clock.ts'

/** Of a process that has something to do. */
export const BEAT_MS = 25

/**
 * What the application's thread and the exporting one know of each other, in shared memory: how often the event loop has
 * come round, whether it has anything to do, whether the process is ending, and whether the inspector is in use.
 */
export class Pulse {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(WORDS * 4)) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  beat(): void {
    Atomics.store(this.#words, BEAT_AT, nowMs())
    Atomics.add(this.#words, BEATS, 1)
  }

  get beats(): number {
    return Atomics.load(this.#words, BEATS)
  }

  /** Milliseconds since the last beat. */
  get beatAgeMs(): number {
    return (nowMs() - Atomics.load(this.#words, BEAT_AT)) | 0
  }

  /** Whether the process has anything to do. */
  get isAwake(): boolean {
    return Atomics.load(this.#words, AWAKE) !== 0
  }

  set isAwake(isAwake: boolean) {
    Atomics.store(this.#words, AWAKE, isAwake ? 1 : 0)
  }

  get isEnding(): boolean {
    return Atomics.load(this.#words, ENDING) !== 0
  }

  /** By the exporting thread, around each use of the inspector. */
  set isInspected(isInspected: boolean) {
    Atomics.store(this.#words, INSPECTED, isInspected ? 1 : 0)
    Atomics.notify(this.#words, INSPECTED)
  }

  /**
   * By the application's thread when it ends: Node says on standard error that it waits for a debugger where a session
   * is open then. Between the short waits, what the session asks is answered.
   */
  end(): void {
    Atomics.store(this.#words, ENDING, 1)
    for (let tries = 0; tries < LAST_TRIES; tries++) {
      if (Atomics.load(this.#words, INSPECTED) === 0) return
      Atomics.wait(this.#words, INSPECTED, 1, 1)
    }
  }
}

/** Of a clock that all threads share, unlike `performance.now()`; it begins anew each 50 days. */
function nowMs(): number {
  const [seconds, nanoseconds] = hrtime()
  return (seconds * 1_000 + nanoseconds / 1e6) | 0
}

const WORDS = 5
const BEATS = 0
const ENDING = 1
const INSPECTED = 2
const AWAKE = 3
const BEAT_AT = 4
const LAST_TRIES = 50
