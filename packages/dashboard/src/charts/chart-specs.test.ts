import type { Series } from '@perfloop/client'
import { describe, expect, it } from 'vitest'
import { breakdownChart, latencyChart, throughputChart } from './series-charts.ts'
import { toSparkPath } from './sparkline.tsx'

const SERIES: Series = {
  step_seconds: 60,
  points: [
    point('1970-01-01T00:00:00Z', 120, 6),
    { ...point('1970-01-01T00:03:00Z', 60, 0), p95_ns: null },
  ],
}

describe('charts of a series', () => {
  it('leave a gap where no step was answered and where nothing was measured', () => {
    const [, p95] = latencyChart(SERIES).series
    expect(p95?.values).toEqual([2e6, null, null, null])
  })

  it('show throughput and errors per second', () => {
    const { series } = throughputChart(SERIES)
    expect(series.map(({ values }) => values)).toEqual([
      [2, null, null, 1],
      [0.1, null, null, 0],
    ])
  })

  it('stack what an execution is spent on with the database on top', () => {
    const { stacked, series } = breakdownChart(SERIES)
    expect(stacked).toBe(true)
    expect(series.map(({ label }) => label)).toEqual(['Self', 'External', 'Render', 'Database'])
  })
})

describe('a sparkline', () => {
  it('breaks its line at a gap and keeps a lonely point visible', () => {
    const { line, area } = toSparkPath([1, 2, null, 4], 30, 10)
    expect(line.match(/M/g)).toHaveLength(2)
    expect(line.endsWith('h1')).toBe(true)
    expect(area.match(/M/g)).toHaveLength(1)
  })

  it('lies on the ground when everything is zero, and is nothing when there is nothing', () => {
    expect(toSparkPath([0, 0], 10, 10).line).toBe('M0.0 8.5L10.0 8.5')
    expect(toSparkPath([], 10, 10)).toEqual({ line: '', area: '' })
  })
})

function point(time: string, calls: number, errors: number): Series['points'][number] {
  const ns = { p50_ns: 1e6, p95_ns: 2e6, p99_ns: 3e6 }
  return { time, calls, errors, ...ns, db_ns: 1, render_ns: 2, external_ns: 3, self_ns: 4 }
}
