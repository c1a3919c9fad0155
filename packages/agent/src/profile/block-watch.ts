import { setTimeout } from '../own-clock.ts'
import type { MainThread } from './main-thread.ts'
import { BEAT_MS, type Pulse } from './pulse.ts'

/**
 * In the exporting thread: asks the application's one where it is, once, when its event loop has not come round for the
 * limit. The answer stays there; the span is made when the block is over. It looks when the next beat would be late by the
 * limit, and rests while the application does.
 */
export class BlockWatch {
  readonly #pulse: Pulse
  readonly #mainThread: MainThread
  readonly #limitMs: number
  #timer: NodeJS.Timeout | undefined
  #askedAfter = -1

  /** 0 for none. */
  constructor(pulse: Pulse, mainThread: MainThread, limitMs: number) {
    this.#pulse = pulse
    this.#mainThread = mainThread
    this.#limitMs = limitMs
    this.wake()
  }

  wake(): void {
    if (this.#timer === undefined && this.#limitMs > 0) this.#lookIn(this.#limitMs + BEAT_MS)
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(this.#look, ms).unref()
  }

  readonly #look = (): void => {
    this.#timer = undefined
    const { isAwake, beats, beatAgeMs } = this.#pulse
    if (!isAwake) return
    const leftMs = this.#limitMs + BEAT_MS - beatAgeMs
    this.#lookIn(leftMs > 0 ? leftMs : this.#limitMs)
    if (leftMs > 0 || this.#askedAfter === beats) return
    this.#askedAfter = beats
    this.#mainThread.note().catch(() => {
      // Then nobody knows what it was.
    })
  }
}
