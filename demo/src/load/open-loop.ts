import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from './traffic.ts'

export interface OpenLoopOptions {
  readonly requestsPerSecond: number
  /** Requests under way at once; an arrival beyond is counted and let go. */
  readonly maxInFlight: number
  readonly signal: AbortSignal
  readonly random: Random
  readonly nowMs: () => number
  readonly send: () => Promise<boolean>
}

export interface LoadCounts {
  sent: number
  succeeded: number
  failed: number
  /** Arrivals that found `maxInFlight` requests under way. */
  shed: number
}

/** Arrivals are looked at this often; those due since the last look are sent together. */
const TICK_MS = 10

/**
 * Sends at a rate of its own, whatever the answers take, as visitors do: a closed loop would slow down with
 * the shop and hide what it waits for. Pauses between arrivals are exponential, so that requests meet.
 */
export async function runOpenLoop(options: OpenLoopOptions): Promise<LoadCounts> {
  const counts: LoadCounts = { sent: 0, succeeded: 0, failed: 0, shed: 0 }
  const underWay = new Set<Promise<void>>()
  let nextAtMs = options.nowMs()

  while (!options.signal.aborted) {
    for (const nowMs = options.nowMs(); nextAtMs <= nowMs; nextAtMs += pauseMs(options)) {
      if (underWay.size >= options.maxInFlight) {
        counts.shed++
        continue
      }
      counts.sent++
      const request = options
        .send()
        .catch(() => false)
        .then(succeeded => {
          if (succeeded) counts.succeeded++
          else counts.failed++
          underWay.delete(request)
        })
      underWay.add(request)
    }
    await sleep(TICK_MS, undefined, { signal: options.signal }).catch(() => {})
  }
  await Promise.all(underWay)
  return counts
}

/** Inverse of the exponential distribution: the time between two arrivals of a Poisson process. */
function pauseMs({ requestsPerSecond, random }: OpenLoopOptions): number {
  return (-Math.log(1 - random()) * 1_000) / requestsPerSecond
}
