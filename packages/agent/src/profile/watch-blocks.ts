import type { MainThread } from './main-thread.ts'
import type { Pulse } from './pulse.ts'

/**
 * In the exporting thread: asks the application's one where it is, once, when its event loop has not come round for the
 * limit. The answer stays there; the span is made when the block is over.
 */
export function watchBlocks(pulse: Pulse, mainThread: MainThread, limitMs: number): void {
  const intervalMs = limitMs / 2
  let beats = -1
  let sinceMs = 0
  let isAsked = false
  setInterval(() => {
    const nowMs = performance.now()
    const now = pulse.beats
    if (now !== beats) {
      beats = now
      sinceMs = nowMs
      isAsked = false
    } else if (!isAsked && nowMs - sinceMs >= limitMs) {
      isAsked = true
      mainThread.note().catch(() => {
        // It is told without a stack then.
      })
    }
  }, intervalMs).unref()
}
