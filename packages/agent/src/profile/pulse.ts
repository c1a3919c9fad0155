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
    Atomics.add(this.#words, BEATS, 1)
  }

  get beats(): number {
    return Atomics.load(this.#words, BEATS)
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

const WORDS = 4
const BEATS = 0
const ENDING = 1
const INSPECTED = 2
const AWAKE = 3
const LAST_TRIES = 50
