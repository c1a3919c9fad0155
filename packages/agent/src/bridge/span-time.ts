import type { TimeInput } from './api-shapes.ts'

/** Milliseconds of `performance.now()`; now for what is no time. */
export function spanTimeMs(time: unknown): number {
  const ms = unixOrRunningMs(time as TimeInput | undefined)
  return Number.isFinite(ms) ? ms : performance.now()
}

function unixOrRunningMs(time: TimeInput | undefined): number {
  if (typeof time === 'number') {
    // What `performance.now()` has not reached yet is Unix time.
    return time <= performance.now() ? time : time - performance.timeOrigin
  }
  if (time instanceof Date) return time.getTime() - performance.timeOrigin
  if (Array.isArray(time)) return time[0] * 1e3 + time[1] / 1e6 - performance.timeOrigin
  return Number.NaN
}
