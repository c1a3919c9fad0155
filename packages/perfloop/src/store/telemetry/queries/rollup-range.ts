import { z } from 'zod'

/**
 * A range is answered from the coarsest rollups that fit it: whole days from days, what is left at its
 * ends from hours, and what is left of those from minutes. So an answer is exact to the minute, and a
 * month costs hardly more than an hour. All instants are Unix seconds; the range is `[from_s, to_s)`.
 */
export const RollupRange = z.object({
  from_s: z.int(),
  hour_from_s: z.int(),
  day_from_s: z.int(),
  day_to_s: z.int(),
  hour_to_s: z.int(),
  to_s: z.int(),
})
export type RollupRange = z.output<typeof RollupRange>

export const MINUTE_S = 60
export const HOUR_S = 3_600
export const DAY_S = 86_400

/** Beyond these lengths the start of a range is moved back to a whole hour or day: nobody can tell on a chart. */
const WHOLE_HOURS_FROM_S = 2 * DAY_S
const WHOLE_DAYS_FROM_S = 14 * DAY_S

export function rollupRange(fromUnixMs: number, toUnixMs: number): RollupRange {
  const seconds = (toUnixMs - fromUnixMs) / 1_000
  const unit =
    seconds >= WHOLE_DAYS_FROM_S ? DAY_S : seconds >= WHOLE_HOURS_FROM_S ? HOUR_S : MINUTE_S
  const from_s = floorTo(fromUnixMs / 1_000, unit)
  const to_s = Math.max(from_s, ceilTo(toUnixMs / 1_000, MINUTE_S))
  const [hour_from_s, hour_to_s] = inner(from_s, to_s, HOUR_S)
  const [day_from_s, day_to_s] = inner(hour_from_s, hour_to_s, DAY_S)
  return { from_s, hour_from_s, day_from_s, day_to_s, hour_to_s, to_s }
}

/** The whole units within `[from, to)`; empty, at `to`, when there are none. */
function inner(from: number, to: number, unit: number): [number, number] {
  const first = ceilTo(from, unit)
  const last = floorTo(to, unit)
  return first < last ? [first, last] : [to, to]
}

export function floorTo(seconds: number, unit: number): number {
  return Math.floor(seconds / unit) * unit
}

function ceilTo(seconds: number, unit: number): number {
  return Math.ceil(seconds / unit) * unit
}

/** Rows of the rollup tables that make up a range. */
export const IN_RANGE = `(
      step_s = ${MINUTE_S} AND ${between('from_s', 'to_s')} AND NOT (${between('hour_from_s', 'hour_to_s')})
      OR step_s = ${HOUR_S} AND ${between('hour_from_s', 'hour_to_s')} AND NOT (${between('day_from_s', 'day_to_s')})
      OR step_s = ${DAY_S} AND ${between('day_from_s', 'day_to_s')}
    )`

/** Rows of whole days that a range touches: cheap to read, for what may be in it. */
export const ON_DAYS_OF_RANGE = `step_s = ${DAY_S}
    AND bucket >= toStartOfDay(toDateTime({from_s:UInt32}, 'UTC'))
    AND bucket < toDateTime({to_s:UInt32}, 'UTC')`

function between(from: keyof RollupRange, to: keyof RollupRange): string {
  return `bucket >= toDateTime({${from}:UInt32}, 'UTC') AND bucket < toDateTime({${to}:UInt32}, 'UTC')`
}

/** For charts: rollups of one length, the longest that divides the step of the chart. */
export const STEPS_S = [
  60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800,
] as const
const LONGEST_STEP_S = 7 * DAY_S
const MOST_POINTS = 120
/** Points of the small charts in a list. */
export const MOST_SPARK_POINTS = 30

export const StepRange = z.object({
  from_s: z.int(),
  to_s: z.int(),
  /** Of the chart. */
  step_s: z.int(),
  /** Of the rollups it is made from. */
  rollup_s: z.int(),
})
export type StepRange = z.output<typeof StepRange>

export function stepRange(
  fromUnixMs: number,
  toUnixMs: number,
  mostPoints = MOST_POINTS,
): StepRange {
  const seconds = (toUnixMs - fromUnixMs) / 1_000
  const step_s = STEPS_S.find(step => seconds / step <= mostPoints) ?? LONGEST_STEP_S
  const from_s = floorTo(fromUnixMs / 1_000, step_s)
  const to_s = Math.max(from_s + step_s, ceilTo(toUnixMs / 1_000, MINUTE_S))
  const rollup_s = [DAY_S, HOUR_S].find(rollup => step_s % rollup === 0) ?? MINUTE_S
  return { from_s, to_s, step_s, rollup_s }
}

export const IN_STEP_RANGE = `step_s = {rollup_s:UInt32}
    AND ${between('from_s', 'to_s')}`
/** Start of the step a bucket falls in, Unix seconds. */
export const STEP_START = 'intDiv(toUInt32(bucket), {step_s:UInt32}) * {step_s:UInt32}'
