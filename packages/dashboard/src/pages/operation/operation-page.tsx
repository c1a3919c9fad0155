import type { OperationDetail, OperationRef } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { issuesQuery, operationQuery, operationSeriesQuery } from '../../api/queries.ts'
import { BreakdownBar } from '../../charts/breakdown-bar.tsx'
import { breakdownChart, latencyChart, throughputChart } from '../../charts/series-charts.ts'
import { TimeChart } from '../../charts/time-chart.tsx'
import { Badge } from '../../components/badge.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { OperationName } from '../../components/operation-name.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatCount, formatPercent, formatRate } from '../../format/number.ts'
import { useScope } from '../../scope/use-scope.ts'
import { useChooseRange } from '../../shell/range-picker.tsx'
import { IssueRows } from '../issues/issue-rows.tsx'
import { Measurements } from './measurements.tsx'
import { toOperationRef } from './operation-search.ts'
import { OperationStatements } from './operation-statements.tsx'

const route = getRouteApi('/operation')

export function OperationPage(): ReactElement {
  const operation = toOperationRef(route.useSearch())
  return operation.operation === '' || operation.service === '' ? (
    <div className="page">
      <PageHead title="Operation" crumbs={[{ label: 'Operations', to: '/operations' }]} />
      <Panel title="No operation" flush>
        <Empty title="The address names no operation.">
          Choose one from the list of{' '}
          <Link to="/operations" className="text-link">
            operations
          </Link>
          .
        </Empty>
      </Panel>
    </div>
  ) : (
    <Body operation={operation} />
  )
}

function Body({ operation }: { operation: OperationRef }): ReactElement {
  const { range } = useScope()
  const ask = { ...operation, from: range.from, to: range.to }
  const detail = useQuery({ ...operationQuery(ask), refetchInterval: range.refetchMs })
  const series = useQuery({ ...operationSeriesQuery(ask), refetchInterval: range.refetchMs })
  const choose = useChooseRange()
  const zoom = (from: number, to: number): void =>
    choose.custom(new Date(from * 1_000), new Date(to * 1_000))
  return (
    <div className="page">
      <PageHead
        title={operation.operation}
        heading={<OperationName operation={operation.operation} />}
        crumbs={[
          { label: 'Operations', to: '/operations' },
          { label: operation.service, to: '/operations', search: { svc: operation.service } },
        ]}
        meta={
          <>
            <Badge>{operation.kind}</Badge>
            <Badge>{operation.environment}</Badge>
            <ExemplarLinks detail={detail.data} />
            <Link
              to="/runtime"
              search={{ env: operation.environment, svc: operation.service }}
              className="text-link"
            >
              Runtime
            </Link>
          </>
        }
      />
      <Figures detail={detail.data} />
      <div className="halves">
        <Panel title="Latency" note="drag to zoom">
          <Loaded query={series} skeleton={<Skeleton height={226} />}>
            {data => <TimeChart spec={latencyChart(data)} height={200} onZoom={zoom} />}
          </Loaded>
        </Panel>
        <Panel title="Throughput and errors" note="per second">
          <Loaded query={series} skeleton={<Skeleton height={226} />}>
            {data => <TimeChart spec={throughputChart(data)} height={200} onZoom={zoom} />}
          </Loaded>
        </Panel>
      </div>
      <div className="halves">
        <Panel title="Where the time goes" note="mean of one execution">
          <Loaded query={detail} skeleton={<Skeleton height={60} />}>
            {({ breakdown }) =>
              breakdown === null ? (
                <p className="quiet">Only operations that start a measurement have a breakdown.</p>
              ) : (
                <BreakdownBar breakdown={breakdown} withLegend />
              )
            }
          </Loaded>
          <div className="spaced">
            <Loaded query={series} skeleton={<Skeleton height={186} />}>
              {data => <TimeChart spec={breakdownChart(data)} height={160} onZoom={zoom} />}
            </Loaded>
          </div>
        </Panel>
        <OperationIssues
          operation={operation.operation}
          service={operation.service}
          environment={operation.environment}
        />
      </div>
      <OperationStatements ask={ask} />
      <Measurements ask={ask} />
    </div>
  )
}

function ExemplarLinks({ detail }: { detail: OperationDetail | undefined }): ReactElement {
  return (
    <>
      {typeof detail?.slowest_trace === 'string' && (
        <Link
          to="/traces/$traceId"
          params={{ traceId: detail.slowest_trace }}
          className="text-link"
        >
          Slowest trace
        </Link>
      )}
      {typeof detail?.failed_trace === 'string' && (
        <Link to="/traces/$traceId" params={{ traceId: detail.failed_trace }} className="text-link">
          Failed trace
        </Link>
      )}
    </>
  )
}

function Figures({ detail }: { detail: OperationDetail | undefined }): ReactElement {
  const red = detail?.red
  const figures = [
    {
      label: 'Throughput',
      value: formatRate(red?.calls_per_second),
      foot: `${formatCount(red?.calls)} calls`,
    },
    {
      label: 'p50',
      value: formatDuration(red?.p50_ns),
      foot: `mean ${formatDuration(red?.mean_ns)}`,
    },
    {
      label: 'p95',
      value: formatDuration(red?.p95_ns),
      foot: `max ${formatDuration(red?.max_ns)}`,
    },
    { label: 'p99', value: formatDuration(red?.p99_ns), foot: 'one in a hundred is slower' },
    {
      label: 'Error rate',
      value: formatPercent(red?.error_ratio),
      foot: `${formatCount(red?.errors)} failed`,
    },
    {
      label: 'Statements',
      value: formatCount(detail?.breakdown?.query_count),
      foot: 'mean of one execution',
    },
  ]
  return (
    <dl className="figures compact">
      {figures.map(({ label, value, foot }) => (
        <div key={label} className="figure">
          <dt>{label}</dt>
          <dd>
            <span className="figure-value">{value}</span>
          </dd>
          <dd className="figure-foot">{foot}</dd>
        </div>
      ))}
    </dl>
  )
}

function OperationIssues(scope: {
  operation: string
  service: string
  environment: string
}): ReactElement {
  const query = useQuery(issuesQuery({ status: 'active', ...scope, per_page: 8 }))
  return (
    <Panel title="Issues" note="of this operation" flush>
      <Loaded query={query} skeleton={<Skeleton height={120} />}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="check" title="Nothing found here.">
              No analyzer sees a problem in this operation.
            </Empty>
          ) : (
            <IssueRows issues={items} />
          )
        }
      </Loaded>
    </Panel>
  )
}
