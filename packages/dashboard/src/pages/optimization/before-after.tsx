import type { OptimizationDetail } from '@perfloop/client'
import type { ReactElement } from 'react'
import type { ChartSpec } from '../../charts/chart-spec.ts'
import { TimeChart } from '../../charts/time-chart.tsx'
import { toTimeGrid } from '../../charts/time-grid.ts'
import { Panel } from '../../components/panel.tsx'
import { durationAxis, formatDuration } from '../../format/duration.ts'

/** The first measured operation around the moment of the change. */
export function BeforeAfter({ optimization }: { optimization: OptimizationDetail }): ReactElement {
  const [operation] = optimization.operations
  return (
    <Panel
      title={optimization.applied_at === null ? 'Before the change' : 'Before and after'}
      note={operation?.operation ?? 'latency'}
    >
      <TimeChart
        spec={toSpec(optimization.chart)}
        height={200}
        emptyText="No traffic was measured around the change yet."
      />
    </Panel>
  )
}

function toSpec(chart: OptimizationDetail['chart']): ChartSpec {
  const { times, points } = toTimeGrid(chart.points, chart.step_seconds)
  return {
    label: 'Latency before and after the change',
    times,
    format: formatDuration,
    axis: max => durationAxis(max).toLabel,
    markers:
      chart.applied_at === null
        ? []
        : [{ unixSeconds: Date.parse(chart.applied_at) / 1_000, label: 'change applied' }],
    series: [
      { label: 'p50', color: '--c-p50', values: points.map(point => point?.p50_ns ?? null) },
      { label: 'p95', color: '--c-p95', values: points.map(point => point?.p95_ns ?? null) },
    ],
  }
}
