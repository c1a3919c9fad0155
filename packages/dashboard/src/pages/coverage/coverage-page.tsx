import type { ServiceCoverage } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { coverageQuery } from '../../api/queries.ts'
import { ShareBar } from '../../charts/breakdown-bar.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { SkeletonRows } from '../../components/skeleton.tsx'
import { useScope } from '../../scope/use-scope.ts'
import { ServiceDetail } from './service-detail.tsx'

/** Declared against seen, for each service; of one that is chosen, or the only one, everything. */
export function CoveragePage(): ReactElement {
  const { ask, range } = useScope()
  const query = useQuery({ ...coverageQuery(ask), refetchInterval: range.refetchMs })
  return (
    <div className="page">
      <PageHead
        title="Coverage"
        meta="Routes and models that applications declared, and which of them were seen in this range."
      />
      <Loaded query={query} skeleton={<SkeletonRows rows={6} />}>
        {services => {
          const [only] = services
          if (only === undefined) {
            return (
              <Panel title="Services" flush>
                <Empty icon="coverage" title="Nothing was declared.">
                  Agents tell the routes and models that frameworks and mappers have, called or not.{' '}
                  <Link to="/agents">Agents</Link> shows who is there.
                </Empty>
              </Panel>
            )
          }
          return services.length === 1 ? (
            <ServiceDetail environment={only.environment} service={only.service} />
          ) : (
            <Services services={services} />
          )
        }}
      </Loaded>
    </div>
  )
}

function Services({ services }: { services: readonly ServiceCoverage[] }): ReactElement {
  const columns: readonly Column<ServiceCoverage>[] = [
    { id: 'service', label: 'Service', width: '30%', cell: row => row.service },
    { id: 'environment', label: 'Environment', yields: 1, cell: row => row.environment },
    {
      id: 'routes',
      label: 'Routes seen',
      align: 'end',
      cell: ({ routes }) => (
        <ShareBar
          share={(routes.percent ?? 0) / 100}
          label={`${routes.seen} of ${routes.declared}`}
        />
      ),
    },
    {
      id: 'models',
      label: 'Models seen',
      align: 'end',
      cell: ({ models }) =>
        models.declared === 0 ? (
          '–'
        ) : (
          <ShareBar
            share={(models.percent ?? 0) / 100}
            label={`${models.seen} of ${models.declared}`}
          />
        ),
    },
    {
      id: 'undeclared',
      label: 'Not declared',
      align: 'end',
      yields: 2,
      cell: ({ routes, models }) => routes.undeclared + models.undeclared,
    },
  ]
  return (
    <Panel title="Services" flush>
      <DataTable
        label="Services"
        columns={columns}
        rows={services}
        rowKey={row => `${row.environment} ${row.service}`}
        rowLink={row => ({ to: '/coverage', search: { env: row.environment, svc: row.service } })}
      />
    </Panel>
  )
}
