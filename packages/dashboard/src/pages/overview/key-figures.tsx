import type { Overview, Series } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { issuesQuery, overviewQuery, settingsQuery } from '../../api/queries.ts'
import { Sparkline } from '../../charts/sparkline.tsx'
import { toTimeGrid } from '../../charts/time-grid.ts'
import { formatDuration, type Quantity, toDuration } from '../../format/duration.ts'
import { formatCount, formatPercent, toRate } from '../../format/number.ts'
import { previousRange } from '../../scope/time-range.ts'
import { useScope } from '../../scope/use-scope.ts'
import { Change } from './change.tsx'
import { judge, readObjectives } from './objectives.ts'

/** The few numbers that say how it is, each with where it should be and where it was. */
export function KeyFigures({ overview }: { overview: Overview | undefined }): ReactElement {
  const scope = useScope()
  const before = useQuery({
    ...overviewQuery({ ...scope.ask, ...previousRange(scope.range, Date.now()) }),
    staleTime: 60_000,
  })
  const issues = useQuery(
    issuesQuery({
      status: 'active',
      environment: scope.environment,
      service: scope.service,
      per_page: 200,
    }),
  )
  const objectives = readObjectives(useQuery(settingsQuery()).data)
  // Without a call there is no latency, not one of zero.
  const now = overview?.totals.calls === 0 ? undefined : overview?.totals
  const past = before.data?.totals.calls === 0 ? undefined : before.data?.totals
  const recoverable = issues.data?.items.reduce(
    (sum, issue) => sum + issue.recoverable_ns_per_hour,
    0,
  )
  const serious = issues.data?.items.filter(
    ({ severity }) => severity === 'high' || severity === 'critical',
  )
  return (
    <dl className="figures">
      <Figure
        label="Throughput"
        value={toRate(overview?.totals.calls_per_second)}
        spark={spark(overview?.series, point => point.calls)}
        foot={<Change now={now?.calls_per_second} past={past?.calls_per_second} better="neither" />}
      />
      <Figure
        label="p50 latency"
        value={toDuration(now?.p50_ns)}
        state={judge(now?.p50_ns, objectives.p50Ns)}
        target={
          objectives.p50Ns === undefined ? undefined : `≤ ${formatDuration(objectives.p50Ns)}`
        }
        spark={spark(overview?.series, point => point.p50_ns)}
        foot={<Change now={now?.p50_ns} past={past?.p50_ns} better="lower" />}
      />
      <Figure
        label="p95 latency"
        value={toDuration(now?.p95_ns)}
        state={judge(now?.p95_ns, objectives.p95Ns)}
        target={
          objectives.p95Ns === undefined ? undefined : `≤ ${formatDuration(objectives.p95Ns)}`
        }
        spark={spark(overview?.series, point => point.p95_ns)}
        foot={<Change now={now?.p95_ns} past={past?.p95_ns} better="lower" />}
      />
      <Figure
        label="Error rate"
        value={split(formatPercent(now?.error_ratio))}
        state={judge(now?.error_ratio, objectives.errorRatio)}
        target={
          objectives.errorRatio === undefined
            ? undefined
            : `≤ ${formatPercent(objectives.errorRatio)}`
        }
        spark={spark(overview?.series, point =>
          point.calls === 0 ? null : point.errors / point.calls,
        )}
        sparkColor="--c-errors"
        foot={<Change now={now?.error_ratio} past={past?.error_ratio} better="lower" />}
      />
      <Figure
        label="Open issues"
        value={{ value: formatCount(issues.data?.pagination.total), unit: '' }}
        state={serious === undefined ? undefined : serious.length === 0 ? 'met' : 'missed'}
        target={serious === undefined ? undefined : 'target 0'}
        foot={
          <Link to="/issues" className="text-link">
            {serious === undefined ? 'Issues' : `${serious.length} serious`}
          </Link>
        }
      />
      <Figure
        label="Recoverable time"
        value={{ value: formatDuration(recoverable), unit: '' }}
        foot={<span>of waiting, every hour</span>}
        lead
      />
    </dl>
  )
}

function Figure({
  label,
  value,
  state,
  target,
  spark: values,
  sparkColor,
  foot,
  lead = false,
}: {
  label: string
  value: Quantity
  state?: 'met' | 'missed' | undefined
  target?: string | undefined
  spark?: readonly (number | null)[] | undefined
  sparkColor?: string
  foot: ReactElement
  lead?: boolean
}): ReactElement {
  return (
    <div className="figure" data-lead={lead}>
      <dt>{label}</dt>
      <dd className="figure-value">
        {value.value}
        {value.unit !== '' && <small>{value.unit}</small>}
      </dd>
      <dd className="figure-spark">
        {values !== undefined && values.length > 1 && (
          <Sparkline
            values={values}
            label={`${label} over the range`}
            isStretched
            {...(sparkColor === undefined ? {} : { color: sparkColor })}
          />
        )}
      </dd>
      <dd className="figure-foot">
        {target !== undefined && (
          <span className="objective" data-state={state} title={`Target: ${target}`}>
            {state === undefined ? '' : state === 'met' ? '✓ ' : '✗ '}
            {target}
          </span>
        )}
        {foot}
      </dd>
    </div>
  )
}

function spark(
  series: Series | undefined,
  pick: (point: Series['points'][number]) => number | null,
): readonly (number | null)[] | undefined {
  if (series === undefined) return undefined
  const { points } = toTimeGrid(series.points, series.step_seconds)
  return points.map(point => (point === null ? null : pick(point)))
}

function split(text: string): Quantity {
  return text.endsWith(' %') ? { value: text.slice(0, -2), unit: '%' } : { value: text, unit: '' }
}
