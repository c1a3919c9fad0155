import type { TimeInput } from './api-shapes.ts'

/** Milliseconds of `performance.now()`; now for what is no time. */
export function spanTimeMs(time: unknown): number {
  const ms = unixOrRunningMs(time as TimeInput | undefined)
  return Number.isFinite(ms) ? ms : performance.now()
}

function unixOrRunningMs(time: TimeInput | undefined): number {
  if (typeof time === 'number') {
    // What is smaller than the Unix time at which the process began was read from `performance.now()`.
    return time < performance.timeOrigin ? time : time - performance.timeOrigin
  }
  if (time instanceof Date) return time.getTime() - performance.timeOrigin
  if (Array.isArray(time)) return time[0] * 1e3 + time[1] / 1e6 - performance.timeOrigin
  return Number.NaN
}
