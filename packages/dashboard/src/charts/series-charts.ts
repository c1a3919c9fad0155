import type { Series, SeriesPoint } from '@perfloop/client'
import { durationAxis, formatDuration } from '../format/duration.ts'
import { formatCount, formatRate } from '../format/number.ts'
import { BREAKDOWN_PARTS } from './breakdown-bar.tsx'
import type { ChartMarker, ChartSpec } from './chart-spec.ts'
import { toTimeGrid } from './time-grid.ts'

type Grid = ReturnType<typeof toTimeGrid<SeriesPoint>>
const toDurationAxis = (max: number): ((ns: number) => string) => durationAxis(max).toLabel

export function latencyChart(series: Series, markers: readonly ChartMarker[] = []): ChartSpec {
  const grid = toTimeGrid(series.points, series.step_seconds)
  return {
    label: 'Latency percentiles over time',
    times: grid.times,
    syncKey: 'perfloop',
    format: formatDuration,
    axis: toDurationAxis,
    markers,
    series: [
      { label: 'p50', color: '--c-p50', values: pick(grid, 'p50_ns') },
      { label: 'p95', color: '--c-p95', values: pick(grid, 'p95_ns') },
      { label: 'p99', color: '--c-p99', dash: [4, 3], values: pick(grid, 'p99_ns') },
    ],
  }
}

export function throughputChart(series: Series): ChartSpec {
  const grid = toTimeGrid(series.points, series.step_seconds)
  const perSecond = (key: 'calls' | 'errors'): (number | null)[] =>
    grid.points.map(point => (point === null ? null : point[key] / series.step_seconds))
  return {
    label: 'Throughput and errors over time, per second',
    times: grid.times,
    syncKey: 'perfloop',
    format: formatRate,
    axis: () => value => `${formatCount(value)}/s`,
    series: [
      { label: 'Calls', color: '--c-calls', shape: 'bars', values: perSecond('calls') },
      { label: 'Errors', color: '--c-errors', shape: 'bars', values: perSecond('errors') },
    ],
  }
}

export function breakdownChart(series: Series): ChartSpec {
  const grid = toTimeGrid(series.points, series.step_seconds)
  return {
    label: 'Mean time of one execution by what it is spent on',
    times: grid.times,
    syncKey: 'perfloop',
    stacked: true,
    format: formatDuration,
    axis: toDurationAxis,
    series: [...BREAKDOWN_PARTS].reverse().map(({ key, label, color }) => ({
      label,
      color,
      values: pick(grid, key),
    })),
  }
}

function pick(grid: Grid, key: Exclude<keyof SeriesPoint, 'time'>): (number | null)[] {
  return grid.points.map(point => point?.[key] ?? null)
}
