import type { Window } from '../analysis/analyzer.ts'
import { type DurationNs, durationNs, NS_PER_HOUR, NS_PER_SECOND } from '../domain/duration.ts'

/** The window as the evidence queries take it: whole seconds of receive time. */
export function secondsOf(window: Window): { readonly from_s: number; readonly to_s: number } {
  const second = BigInt(NS_PER_SECOND)
  return { from_s: Number(window.fromUnixNs / second), to_s: Number(window.toUnixNs / second) }
}

/**
 * What a window lost, scaled to an hour. A file tells nothing about traffic, so all that is in it counts as
 * one hour's: the number is then what was lost in the file.
 */
export function perHour(lostNs: number, window: Window): DurationNs {
  if (window.offline) return durationNs(lostNs)
  const windowNs = Number(window.toUnixNs - window.fromUnixNs)
  return durationNs(windowNs > 0 ? (lostNs / windowNs) * NS_PER_HOUR : 0)
}

/** How many executions are enough: in a file one is all there will be. */
export function enough(minimum: number, window: Window): number {
  return window.offline ? 1 : minimum
}
