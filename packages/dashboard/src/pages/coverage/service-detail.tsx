import type { CoverageDetail } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type ReactElement, useCallback } from 'react'
import { serviceCoverageQuery } from '../../api/queries.ts'
import { Badge } from '../../components/badge.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Ago } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { OperationName } from '../../components/operation-name.tsx'
import { Panel } from '../../components/panel.tsx'
import { SearchField } from '../../components/search-field.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { SkeletonRows } from '../../components/skeleton.tsx'
import { formatCount, formatPercent } from '../../format/number.ts'
import { oneOf } from '../../scope/list-search.ts'
import { useListSearch } from '../../scope/use-list-search.ts'
import { useScope } from '../../scope/use-scope.ts'
import { operationSearch } from '../operation/operation-search.ts'

const SHOWN = ['all', 'never', 'undeclared'] as const
type Shown = (typeof SHOWN)[number]
type Route = CoverageDetail['route_list'][number]
type Model = CoverageDetail['model_list'][number]
const MOST_ROWS = 500

export function ServiceDetail({
  environment,
  service,
}: {
  environment: string
  service: string
}): ReactElement {
  const { ask, range } = useScope()
  const query = useQuery({
    ...serviceCoverageQuery({ ...ask, environment, service }),
    refetchInterval: range.refetchMs,
  })
  return (
    <Loaded query={query} skeleton={<SkeletonRows rows={12} />}>
      {coverage => <Detail coverage={coverage} />}
    </Loaded>
  )
}

function Detail({ coverage }: { coverage: CoverageDetail }): ReactElement {
  const [search, change] = useListSearch()
  const shown = oneOf(SHOWN, search.kind) ?? 'all'
  const text = search.q?.toLowerCase() ?? ''
  const onSearch = useCallback((q: string) => change({ q: q === '' ? undefined : q }), [change])
  const routes = coverage.route_list.filter(
    row =>
      isShown(shown, row.framework !== null, row.calls > 0) &&
      `${row.method} ${row.route}`.toLowerCase().includes(text),
  )
  const models = coverage.model_list.filter(
    row =>
      isShown(shown, row.mapper !== null, row.reads + row.writes > 0) &&
      `${row.name} ${row.table}`.toLowerCase().includes(text),
  )
  return (
    <>
      <Figures coverage={coverage} />
      <div className="filters">
        <Segmented
          label="Which"
          value={shown}
          choices={[
            { value: 'all', label: 'All' },
            { value: 'never', label: 'Never called', count: never(coverage) },
            {
              value: 'undeclared',
              label: 'Not declared',
              count: coverage.routes.undeclared + coverage.models.undeclared,
            },
          ]}
          onChoose={kind => change({ kind: kind === 'all' ? undefined : kind })}
        />
        <SearchField label="Search routes and models" value={search.q ?? ''} onSearch={onSearch} />
      </div>
      <Panel title="Routes" note={noteOf(routes.length, coverage.route_list.length)} flush>
        {routes.length === 0 ? (
          <Nothing shown={shown} what="route" />
        ) : (
          <Routes coverage={coverage} routes={routes} />
        )}
      </Panel>
      {coverage.model_list.length > 0 && (
        <Panel title="Models" note={noteOf(models.length, coverage.model_list.length)} flush>
          {models.length === 0 ? (
            <Nothing shown={shown} what="model" />
          ) : (
            <DataTable
              label="Models"
              columns={MODEL_COLUMNS}
              rows={models.slice(0, MOST_ROWS)}
              rowKey={row => `${row.name} ${row.table}`}
            />
          )}
        </Panel>
      )}
    </>
  )
}

function isShown(shown: Shown, isDeclared: boolean, isSeen: boolean): boolean {
  if (shown === 'never') return isDeclared && !isSeen
  return shown === 'undeclared' ? !isDeclared : true
}

function never({ routes, models }: CoverageDetail): number {
  return routes.declared - routes.seen + models.declared - models.seen
}

function noteOf(rows: number, all: number): string {
  const most = Math.min(rows, MOST_ROWS)
  return most === all ? formatCount(all) : `${formatCount(most)} of ${formatCount(all)}`
}

function Figures({ coverage }: { coverage: CoverageDetail }): ReactElement {
  const { routes, models } = coverage
  return (
    <dl className="figures compact four">
      {(
        [
          ['Routes seen', routes],
          ['Models seen', models],
        ] as const
      ).map(([label, { declared, seen, percent }]) => (
        <div key={label} className="figure">
          <dt>{label}</dt>
          <dd className="figure-value">{percent === null ? '–' : formatPercent(percent / 100)}</dd>
          <dd className="figure-foot">
            {formatCount(seen)} of {formatCount(declared)} declared
          </dd>
        </div>
      ))}
      <div className="figure">
        <dt>Never called</dt>
        <dd className="figure-value">{formatCount(never(coverage))}</dd>
        <dd className="figure-foot">routes and models</dd>
      </div>
      <div className="figure">
        <dt>Not declared</dt>
        <dd className="figure-value">{formatCount(routes.undeclared + models.undeclared)}</dd>
        <dd className="figure-foot">but seen</dd>
      </div>
    </dl>
  )
}

function Nothing({ shown, what }: { shown: Shown; what: string }): ReactElement {
  if (shown === 'never') {
    return <Empty icon="check" title={`Every declared ${what} that fits was seen.`} />
  }
  return (
    <Empty icon="search" title={`No ${what} fits.`}>
      {shown === 'undeclared' ? 'Everything that was seen had been declared.' : 'Try another word.'}
    </Empty>
  )
}

function Routes({
  coverage,
  routes,
}: {
  coverage: CoverageDetail
  routes: readonly Route[]
}): ReactElement {
  const { environment, service } = coverage
  const columns: readonly Column<Route>[] = [
    {
      id: 'route',
      label: 'Route',
      width: '46%',
      cell: row => {
        const operation = `${row.method} ${row.route}`
        const name = <OperationName operation={operation} />
        // A route of every method has no operation of its own.
        if (row.calls === 0 || row.method === 'ALL') return name
        return (
          <Link
            to="/operation"
            className="text-link"
            search={operationSearch({ environment, service, operation, kind: 'server' })}
          >
            {name}
          </Link>
        )
      },
    },
    {
      id: 'state',
      label: 'State',
      cell: row => <State isDeclared={row.framework !== null} calls={row.calls} />,
    },
    { id: 'calls', label: 'Calls', align: 'end', cell: row => formatCount(row.calls) },
    {
      id: 'seen',
      label: 'Last seen',
      align: 'end',
      yields: 1,
      cell: row => <Ago at={row.last_seen} />,
    },
    {
      id: 'framework',
      label: 'Declared by',
      yields: 2,
      cell: row => <span className="quiet">{row.framework ?? '–'}</span>,
    },
  ]
  return (
    <DataTable
      label="Routes"
      columns={columns}
      rows={routes.slice(0, MOST_ROWS)}
      rowKey={row => `${row.method} ${row.route} ${row.framework ?? ''}`}
    />
  )
}

const MODEL_COLUMNS: readonly Column<Model>[] = [
  {
    id: 'model',
    label: 'Model',
    width: '46%',
    cell: row => (
      <span className="two-lines">
        <b>{row.name}</b>
        <small className="quiet">{row.table}</small>
      </span>
    ),
  },
  {
    id: 'state',
    label: 'State',
    cell: row => <State isDeclared={row.mapper !== null} calls={row.reads + row.writes} />,
  },
  { id: 'reads', label: 'Reads', align: 'end', cell: row => formatCount(row.reads) },
  { id: 'writes', label: 'Writes', align: 'end', yields: 1, cell: row => formatCount(row.writes) },
  {
    id: 'mapper',
    label: 'Declared by',
    yields: 2,
    cell: row => <span className="quiet">{row.mapper ?? '–'}</span>,
  },
]

function State({ isDeclared, calls }: { isDeclared: boolean; calls: number }): ReactElement {
  if (!isDeclared) return <Badge tone="info">not declared</Badge>
  return calls > 0 ? <Badge tone="good">seen</Badge> : <Badge tone="warn">never called</Badge>
}
