import { isDate } from 'node:util/types'
import { clockMs, timeOrigin } from '../own-clock.ts'
import type { TimeInput } from './api-shapes.ts'

/** Milliseconds of `performance.now()`; now for what is no time. */
export function spanTimeMs(time: unknown): number {
  const ms = unixOrRunningMs(time as TimeInput | undefined)
  return Number.isFinite(ms) ? ms : clockMs()
}

function unixOrRunningMs(time: TimeInput | undefined): number {
  if (typeof time === 'number') {
    // What `performance.now()` has not reached yet is Unix time.
    return time <= clockMs() ? time : time - timeOrigin
  }
  if (isDate(time)) return time.getTime() - timeOrigin
  if (Array.isArray(time)) return time[0] * 1e3 + time[1] / 1e6 - timeOrigin
  return Number.NaN
}
