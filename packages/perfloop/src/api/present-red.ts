import type { Breakdown, Red, Series } from './contract/measure.ts'
import { isoFromSeconds } from './request-range.ts'

export interface RedRow {
  readonly calls: number
  readonly errors: number
  readonly duration_ns: number
  readonly max_ns: number
  readonly p50_ns: number | null
  readonly p95_ns: number | null
  readonly p99_ns: number | null
}

export interface BreakdownRow {
  readonly executions: number
  readonly total_ns: number
  readonly db_ns: number
  readonly render_ns: number
  readonly external_ns: number
  readonly self_ns: number
  readonly query_count: number
}

export const NO_RED: RedRow = {
  calls: 0,
  errors: 0,
  duration_ns: 0,
  max_ns: 0,
  p50_ns: null,
  p95_ns: null,
  p99_ns: null,
}

export function toRed(row: RedRow, seconds: number): Red {
  // A bucket's value may lie a little above the longest duration; no percentile is above the maximum.
  const percentile = (value: number | null) => Math.round(Math.min(value ?? 0, row.max_ns))
  return {
    calls: row.calls,
    calls_per_second: seconds > 0 ? row.calls / seconds : 0,
    errors: row.errors,
    error_ratio: row.calls > 0 ? row.errors / row.calls : 0,
    mean_ns: row.calls > 0 ? row.duration_ns / row.calls : 0,
    p50_ns: percentile(row.p50_ns),
    p95_ns: percentile(row.p95_ns),
    p99_ns: percentile(row.p99_ns),
    max_ns: row.max_ns,
  }
}

/** Means of one execution; null of nothing. */
export function toBreakdown(row: BreakdownRow): Breakdown | null {
  const { executions } = row
  if (executions <= 0) return null
  return {
    total_ns: row.total_ns / executions,
    db_ns: row.db_ns / executions,
    render_ns: row.render_ns / executions,
    external_ns: row.external_ns / executions,
    self_ns: row.self_ns / executions,
    query_count: row.query_count / executions,
    measured: executions,
  }
}

/** Every step of the range, also those where nothing happened: a gap must not be drawn as a line. */
export function toSeries(
  range: { readonly from_s: number; readonly to_s: number; readonly step_s: number },
  red: readonly (RedRow & { readonly step_start_s: number })[],
  breakdown: readonly (BreakdownRow & { readonly step_start_s: number })[],
): Series {
  const redByStart = new Map(red.map(row => [row.step_start_s, row]))
  const breakdownByStart = new Map(breakdown.map(row => [row.step_start_s, row]))
  const points: Series['points'] = []
  for (let start = range.from_s; start < range.to_s; start += range.step_s) {
    const row = redByStart.get(start) ?? NO_RED
    const measured = breakdownByStart.get(start)
    const mean = measured && toBreakdown(measured)
    points.push({
      time: isoFromSeconds(start),
      calls: row.calls,
      errors: row.errors,
      p50_ns: row.p50_ns,
      p95_ns: row.p95_ns,
      p99_ns: row.p99_ns,
      db_ns: mean?.db_ns ?? null,
      render_ns: mean?.render_ns ?? null,
      external_ns: mean?.external_ns ?? null,
      self_ns: mean?.self_ns ?? null,
    })
  }
  return { step_seconds: range.step_s, points }
}
