import type { MainThread } from './main-thread.ts'
import type { Pulse } from './pulse.ts'

/**
 * In the exporting thread: asks the application's one where it is, once, when its event loop has not come round for the
 * limit. The answer stays there; the span is made when the block is over. It rests while the application does.
 */
export class BlockWatch {
  readonly #pulse: Pulse
  readonly #mainThread: MainThread
  readonly #limitMs: number
  #timer: NodeJS.Timeout | undefined
  #beats = -1
  #sinceMs = 0
  #isAsked = false

  /** 0 for none. */
  constructor(pulse: Pulse, mainThread: MainThread, limitMs: number) {
    this.#pulse = pulse
    this.#mainThread = mainThread
    this.#limitMs = limitMs
    this.wake()
  }

  wake(): void {
    if (this.#timer !== undefined || this.#limitMs === 0) return
    this.#beats = -1
    this.#timer = setInterval(this.#look, this.#limitMs / 2).unref()
  }

  readonly #look = (): void => {
    if (!this.#pulse.isAwake) {
      clearInterval(this.#timer)
      this.#timer = undefined
      return
    }
    const nowMs = performance.now()
    const now = this.#pulse.beats
    if (now !== this.#beats) {
      this.#beats = now
      this.#sinceMs = nowMs
      this.#isAsked = false
    } else if (!this.#isAsked && nowMs - this.#sinceMs >= this.#limitMs) {
      this.#isAsked = true
      this.#mainThread.note().catch(() => {
        // Then nobody knows what it was.
      })
    }
  }
}
