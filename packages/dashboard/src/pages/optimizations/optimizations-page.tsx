import type { Optimization } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { optimizationsQuery, policyQuery, targetsQuery } from '../../api/queries.ts'
import { OptimizationStatus, VerdictBadge } from '../../components/badge.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Icon } from '../../components/icon.tsx'
import { Ago } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Pager } from '../../components/pager.tsx'
import { Panel } from '../../components/panel.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { SkeletonRows } from '../../components/skeleton.tsx'
import { formatDuration } from '../../format/duration.ts'
import { toWords } from '../../format/label.ts'
import { formatChange, formatCount, formatPercent } from '../../format/number.ts'
import { useListSearch } from '../../scope/use-list-search.ts'
import { useScope } from '../../scope/use-scope.ts'
import { decidingComparison } from '../optimization/deciding-comparison.ts'

const STATUSES = [
  { value: 'all', label: 'All' },
  { value: 'proposed,manual_required', label: 'Waiting for you' },
  { value: 'approved,applying,applied,verifying', label: 'Under way' },
  { value: 'verified', label: 'Verified' },
  { value: 'rolled_back,failed,dismissed', label: 'Taken back' },
] as const

const COLUMNS: readonly Column<Optimization>[] = [
  {
    id: 'title',
    label: 'Optimization',
    width: '44%',
    cell: row => (
      <span className="two-lines">
        <b>{row.title}</b>
        <small>
          {toWords(row.type)} · {row.service} · {row.environment}
        </small>
      </span>
    ),
  },
  { id: 'status', label: 'Status', cell: row => <OptimizationStatus status={row.status} /> },
  {
    id: 'gain',
    label: 'Expected gain',
    align: 'end',
    yields: 1,
    title: 'Of the recoverable time',
    cell: row =>
      `${formatPercent(row.expected_gain.low)} – ${formatPercent(row.expected_gain.high)}`,
  },
  {
    id: 'recoverable',
    label: 'Recoverable per hour',
    align: 'end',
    yields: 1,
    cell: row => formatDuration(row.recoverable_ns_per_hour),
  },
  {
    id: 'verdict',
    label: 'Measured',
    yields: 1,
    cell: row => <Measured optimization={row} />,
  },
  {
    id: 'updated',
    label: 'Changed',
    align: 'end',
    yields: 2,
    cell: row => <Ago at={row.updated_at} />,
  },
]

export function OptimizationsPage(): ReactElement {
  const { environment, service } = useScope()
  const [search, change] = useListSearch()
  const status = STATUSES.find(({ value }) => value === search.status)?.value ?? 'all'
  const query = useQuery({
    ...optimizationsQuery({
      status: status === 'all' ? undefined : status,
      environment,
      service,
      page: search.page,
      per_page: 50,
    }),
    refetchInterval: 15_000,
  })
  return (
    <div className="page">
      <PageHead title="Optimizations" />
      <KillSwitchNotice />
      <div className="filters">
        <Segmented
          label="Status"
          choices={STATUSES}
          value={status}
          onChoose={value => change({ status: value === 'all' ? undefined : value })}
        />
      </div>
      <Panel
        title="Optimizations"
        note={query.data === undefined ? undefined : formatCount(query.data.pagination.total)}
        flush
      >
        <Loaded query={query} skeleton={<SkeletonRows rows={8} />}>
          {({ items, pagination }) =>
            items.length === 0 ? (
              <NothingProposed isFiltered={status !== 'all'} />
            ) : (
              <>
                <DataTable
                  label="Optimizations"
                  columns={COLUMNS}
                  rows={items}
                  rowKey={row => row.id}
                  rowLink={row => ({ to: `/optimizations/${row.id}` })}
                />
                <Pager pagination={pagination} onPage={page => change({ page })} />
              </>
            )
          }
        </Loaded>
      </Panel>
    </div>
  )
}

function Measured({ optimization }: { optimization: Optimization }): ReactElement {
  if (optimization.impact === null) return <span className="quiet">not yet</span>
  const deciding = decidingComparison(optimization.impact)
  return (
    <span className="measured">
      <VerdictBadge verdict={optimization.impact.verdict} />
      {deciding !== undefined && (
        <small>
          {toWords(deciding.metric)} {formatChange(deciding.change)}
        </small>
      )}
    </span>
  )
}

function NothingProposed({ isFiltered }: { isFiltered: boolean }): ReactElement {
  const targets = useQuery(targetsQuery())
  if (isFiltered) return <Empty title="No optimization has this status." />
  if (targets.data?.length === 0) {
    return (
      <Empty icon="targets" title="No target yet.">
        Perfloop proposes and proves changes on targets.{' '}
        <Link to="/targets">Add your database</Link>: reading access is enough to begin with.
      </Empty>
    )
  }
  return (
    <Empty icon="optimizations" title="Nothing to propose yet.">
      As soon as an issue can be settled by a change, the change and its proof appear here and wait
      for you.
    </Empty>
  )
}

function KillSwitchNotice(): ReactElement | null {
  const { data } = useQuery(policyQuery())
  if (data?.kill_switch !== true) return null
  return (
    <p className="notice" data-tone="bad" role="status">
      <Icon name="stop" /> The kill switch is engaged: nothing is applied.{' '}
      {data.kill_switch_reason !== null && `“${data.kill_switch_reason}” `}
      <Link to="/targets" className="text-link">
        Release it
      </Link>
    </p>
  )
}
