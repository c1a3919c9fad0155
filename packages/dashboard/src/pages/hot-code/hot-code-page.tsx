import type { HotCode, ServiceSummary } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { hotCodeQuery, servicesQuery } from '../../api/queries.ts'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton, SkeletonRows } from '../../components/skeleton.tsx'
import { FlameGraph } from '../../flame/flame-graph.tsx'
import { FunctionsPanel } from '../../flame/functions-panel.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatRate, plural } from '../../format/number.ts'
import { useScope } from '../../scope/use-scope.ts'

/** The continuous profile of one service; where there are several, which one. */
export function HotCodePage(): ReactElement {
  const { ask, environment, service } = useScope()
  const services = useQuery(servicesQuery(ask))
  const isChosen = environment !== undefined && service !== undefined
  return (
    <div className="page">
      <PageHead
        title="Hot code"
        meta="Where the code of a service spends its time: agents look at it a few times a second, always."
      />
      {isChosen ? (
        <Service environment={environment} service={service} />
      ) : (
        <Loaded query={services} skeleton={<SkeletonRows rows={6} />}>
          {found => {
            const [only] = found
            return found.length === 1 && only !== undefined ? (
              <Service environment={only.environment} service={only.service} />
            ) : (
              <Services services={found} />
            )
          }}
        </Loaded>
      )}
    </div>
  )
}

const COLUMNS: readonly Column<ServiceSummary>[] = [
  { id: 'service', label: 'Service', width: '50%', cell: row => row.service },
  { id: 'environment', label: 'Environment', cell: row => row.environment },
  {
    id: 'calls',
    label: 'Requests',
    align: 'end',
    cell: row => formatRate(row.red.calls_per_second),
  },
]

function Services({ services }: { services: readonly ServiceSummary[] }): ReactElement {
  return (
    <Panel title="Services" flush>
      {services.length === 0 ? (
        <Empty icon="flame" title="No service was seen in this range." />
      ) : (
        <DataTable
          label="Services"
          columns={COLUMNS}
          rows={services}
          rowKey={row => `${row.environment} ${row.service}`}
          rowLink={row => ({ to: '/code', search: { env: row.environment, svc: row.service } })}
        />
      )}
    </Panel>
  )
}

function Service({ environment, service }: { environment: string; service: string }): ReactElement {
  const { ask, range } = useScope()
  const query = useQuery({
    ...hotCodeQuery({ ...ask, environment, service }),
    refetchInterval: range.refetchMs,
  })
  return (
    <Loaded query={query} skeleton={<Skeleton height={520} />}>
      {code => <Code code={code} />}
    </Loaded>
  )
}

function Code({ code }: { code: HotCode }): ReactElement {
  const { graph, service } = code
  if (graph === null || graph.root.total === 0) {
    return (
      <Panel title={service} flush>
        <Empty icon="flame" title="Nothing was profiled in this range.">
          It takes the Node agent, and code that runs: <Link to="/agents">Agents</Link> shows who is
          there, and takes a profile at once.
        </Empty>
      </Panel>
    )
  }
  return (
    <>
      <Panel
        title={service}
        note={`CPU time of ${plural(code.profiles, 'profile')}, ${formatDuration(code.duration_ms * 1e6)} in all`}
        flush
      >
        <FlameGraph root={graph.root} unit={graph.unit} />
      </Panel>
      <FunctionsPanel functions={graph.functions} total={graph.root.total} unit={graph.unit} />
    </>
  )
}
