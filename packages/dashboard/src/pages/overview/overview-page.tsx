import type { Overview } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { overviewQuery } from '../../api/queries.ts'
import { latencyChart, throughputChart } from '../../charts/series-charts.ts'
import { TimeChart } from '../../charts/time-chart.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { useScope } from '../../scope/use-scope.ts'
import { useChooseRange } from '../../shell/range-picker.tsx'
import { FirstSteps } from './first-steps.tsx'
import { HealthStrip } from './health-strip.tsx'
import { KeyFigures } from './key-figures.tsx'
import { LiveTail } from './live-tail.tsx'
import { ServicesTable } from './services-table.tsx'
import { SlowestOperations } from './slowest-operations.tsx'
import { TopIssues } from './top-issues.tsx'

export function OverviewPage(): ReactElement {
  const { ask, range, environment, service } = useScope()
  const query = useQuery({ ...overviewQuery(ask), refetchInterval: range.refetchMs })
  const isUntouched =
    query.data?.services.length === 0 && environment === undefined && service === undefined
  return (
    <div className="page">
      <PageHead title="Overview" meta={<HealthStrip />} />
      {!isUntouched && <KeyFigures overview={query.data} />}
      <div className="split">
        {isUntouched ? <FirstSteps /> : <Traffic query={query} />}
        <LiveTail />
      </div>
      {!isUntouched && <Rankings query={query} />}
    </div>
  )
}

function Rankings({ query }: { query: ReturnType<typeof useQuery<Overview>> }): ReactElement {
  return (
    <>
      <div className="halves">
        <TopIssues />
        <Panel title="Where the time goes" note="operations by total time" flush>
          <Loaded query={query} skeleton={<Skeleton height={260} />}>
            {overview => <SlowestOperations operations={overview.slowest_operations} />}
          </Loaded>
        </Panel>
      </div>
      <Panel
        title="Services"
        note="entry operations"
        actions={
          <Link to="/runtime" className="text-link">
            Runtime
          </Link>
        }
        flush
      >
        <Loaded query={query} skeleton={<Skeleton height={160} />}>
          {overview => <ServicesTable services={overview.services} />}
        </Loaded>
      </Panel>
    </>
  )
}

function Traffic({ query }: { query: ReturnType<typeof useQuery<Overview>> }): ReactElement {
  const choose = useChooseRange()
  const zoom = (from: number, to: number): void =>
    choose.custom(new Date(from * 1_000), new Date(to * 1_000))
  return (
    <Panel title="Traffic" note="drag to zoom">
      <Loaded query={query} skeleton={<Skeleton height={384} />}>
        {overview => (
          <>
            <TimeChart spec={latencyChart(overview.series)} height={190} onZoom={zoom} />
            <TimeChart spec={throughputChart(overview.series)} height={130} onZoom={zoom} />
          </>
        )}
      </Loaded>
    </Panel>
  )
}
