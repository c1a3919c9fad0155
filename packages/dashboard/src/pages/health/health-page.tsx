import type { ComponentHealth, Health, ResourceSeries } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { healthQuery, resourcesQuery } from '../../api/queries.ts'
import type { ChartSpec } from '../../charts/chart-spec.ts'
import { lineColor } from '../../charts/line-colors.ts'
import { TimeChart } from '../../charts/time-chart.tsx'
import { toTimeGrid } from '../../charts/time-grid.ts'
import { Badge, type Tone } from '../../components/badge.tsx'
import { useComponentName } from '../../components/component-name.ts'
import { Empty } from '../../components/empty.tsx'
import { Ago } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { TermList } from '../../components/term-list.tsx'
import { toWords } from '../../format/label.ts'
import { formatBytes, formatPercent } from '../../format/number.ts'
import { useScope } from '../../scope/use-scope.ts'
import { componentTerms, PURPOSES } from './component-terms.ts'

const TONES: Readonly<Record<Health['status'], Tone>> = {
  healthy: 'good',
  degraded: 'warn',
  unhealthy: 'bad',
}

export function HealthPage(): ReactElement {
  const query = useQuery(healthQuery())
  return (
    <div className="page">
      <PageHead
        title="Health"
        meta={
          query.data !== undefined && (
            <>
              <span className="badge dotted" data-tone={TONES[query.data.status]}>
                {query.data.status}
              </span>
              <span>version {query.data.version}</span>
              <span>
                started <Ago at={query.data.started_at} />
              </span>
            </>
          )
        }
      />
      <Loaded query={query} skeleton={<Skeleton height={300} />}>
        {health => (
          <>
            <div className="cards">
              {health.components.map(component => (
                <ComponentCard key={component.component} component={component} />
              ))}
            </div>
            <Analyzers analyzers={health.analyzers} />
          </>
        )}
      </Loaded>
      {/* Below what comes first, so that nothing is pushed down when that is there. */}
      {!query.isPending && <Resources />}
    </div>
  )
}

function ComponentCard({ component }: { component: ComponentHealth }): ReactElement {
  const terms = componentTerms(component.numbers)
  const componentName = useComponentName()
  return (
    <Panel
      title={componentName(component.component)}
      note={PURPOSES[component.component]}
      actions={
        <span className="badge dotted" data-tone={TONES[component.status]}>
          {component.status}
        </span>
      }
    >
      {component.reason !== null && (
        <p className="status-message" data-tone={TONES[component.status]}>
          {component.reason}
        </p>
      )}
      {terms.length > 0 && <TermList terms={terms} />}
    </Panel>
  )
}

function Analyzers({ analyzers }: { analyzers: Health['analyzers'] }): ReactElement {
  return (
    <Panel title="Analyzers" flush>
      <div className="table-frame">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Analyzer</th>
              <th scope="col">State</th>
              <th scope="col" data-align="end">
                Faults
              </th>
              <th scope="col" data-yields="1">
                Last fault
              </th>
            </tr>
          </thead>
          <tbody>
            {analyzers.map(analyzer => (
              <tr key={analyzer.kind}>
                <td>
                  <b>{toWords(analyzer.kind)}</b>
                </td>
                <td>
                  <Badge tone={analyzer.enabled ? 'good' : 'neutral'}>
                    {analyzer.enabled ? 'on' : 'off'}
                  </Badge>
                </td>
                <td data-align="end">{analyzer.faults}</td>
                <td data-yields="1">
                  {analyzer.last_fault ?? <span className="quiet">none</span>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}

function Resources(): ReactElement {
  const { ask, range } = useScope()
  const query = useQuery({ ...resourcesQuery(ask), refetchInterval: range.refetchMs })
  return (
    <Loaded query={query} skeleton={<Skeleton height={240} />}>
      {series =>
        series.length === 0 ? (
          <Panel title="Resources" flush>
            <Empty icon="health" title="No resource was sampled in this range." />
          </Panel>
        ) : (
          <div className="halves">
            <Panel title="CPU" note="share of all cores">
              <TimeChart spec={resourceChart('CPU', series, 'cpu_ratio')} height={180} />
            </Panel>
            <Panel title="Memory" note="resident">
              <TimeChart spec={resourceChart('Memory', series, 'memory_bytes')} height={180} />
            </Panel>
          </div>
        )
      }
    </Loaded>
  )
}

const MOST_LINES = 6

function resourceChart(
  label: string,
  all: readonly ResourceSeries[],
  key: 'cpu_ratio' | 'memory_bytes',
): ChartSpec {
  const shown = all.slice(0, MOST_LINES)
  const points = shown.flatMap(series => series.points)
  const times = [...new Set(points.map(point => Date.parse(point.time) / 1_000))].sort(
    (a, b) => a - b,
  )
  const step = smallestStep(times)
  const grid = toTimeGrid(
    times.map(time => ({ time: new Date(time * 1_000).toISOString() })),
    step,
  )
  const format = key === 'cpu_ratio' ? formatPercent : formatBytes
  return {
    label: `${label} over time`,
    times: grid.times,
    syncKey: 'resources',
    format,
    axis: () => format,
    isBinary: key === 'memory_bytes',
    series: shown.map((series, index) => {
      const byTime = new Map(
        series.points.map(point => [Date.parse(point.time) / 1_000, point[key]] as const),
      )
      return {
        label: nameOf(series),
        color: lineColor(index),
        values: grid.times.map(time => byTime.get(time) ?? null),
      }
    }),
  }
}

function smallestStep(times: readonly number[]): number {
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? time))
  return Math.max(1, Math.min(...steps, 3_600))
}

function nameOf(series: ResourceSeries): string {
  const name = [series.service, series.scope].filter(part => part !== '').join(' ')
  return series.pid > 0 ? `${name} ${series.pid}` : name || series.host
}
