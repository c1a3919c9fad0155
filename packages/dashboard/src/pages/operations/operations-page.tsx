import type { OperationListParams, OperationSummary } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { type ReactElement, useCallback } from 'react'
import { operationsQuery } from '../../api/queries.ts'
import { BreakdownBar, ShareBar } from '../../charts/breakdown-bar.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { ErrorRate } from '../../components/error-rate.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { OperationName } from '../../components/operation-name.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Pager } from '../../components/pager.tsx'
import { Panel } from '../../components/panel.tsx'
import { SearchField } from '../../components/search-field.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { SkeletonRows } from '../../components/skeleton.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatCount, formatPercent, formatRate } from '../../format/number.ts'
import { oneOf } from '../../scope/list-search.ts'
import { useListSearch } from '../../scope/use-list-search.ts'
import { useScope } from '../../scope/use-scope.ts'
import { operationSearch } from '../operation/operation-search.ts'

const KINDS = [
  { value: 'entry', label: 'Entry' },
  { value: 'server', label: 'Routes' },
  { value: 'consumer', label: 'Consumers' },
  { value: 'internal', label: 'Internal' },
  { value: 'client', label: 'Calls out' },
  { value: 'all', label: 'All' },
] as const
const SORTS = [
  'total_time',
  'p95',
  'calls',
  'errors',
  'query_count',
] as const satisfies readonly OperationListParams['sort'][]

const COLUMNS: readonly Column<OperationSummary>[] = [
  {
    id: 'operation',
    label: 'Operation',
    width: '32%',
    cell: row => (
      <span className="two-lines">
        <OperationName operation={row.operation} />
        <small>
          {row.service} · {row.environment}
        </small>
      </span>
    ),
  },
  {
    id: 'share',
    label: 'Share of time',
    sort: 'total_time',
    align: 'end',
    yields: 1,
    title: 'Share of the time of all entry operations',
    cell: row => (
      <ShareBar share={row.total_time_share} label={formatPercent(row.total_time_share)} />
    ),
  },
  {
    id: 'calls',
    label: 'Throughput',
    sort: 'calls',
    align: 'end',
    cell: row => formatRate(row.red.calls_per_second),
  },
  { id: 'p50', label: 'p50', align: 'end', yields: 1, cell: row => formatDuration(row.red.p50_ns) },
  {
    id: 'p95',
    label: 'p95',
    sort: 'p95',
    align: 'end',
    cell: row => <b>{formatDuration(row.red.p95_ns)}</b>,
  },
  { id: 'p99', label: 'p99', align: 'end', yields: 2, cell: row => formatDuration(row.red.p99_ns) },
  {
    id: 'breakdown',
    label: 'Time by kind',
    yields: 2,
    width: '12%',
    cell: row => (row.breakdown === null ? '–' : <BreakdownBar breakdown={row.breakdown} />),
  },
  {
    id: 'queries',
    label: 'Statements',
    sort: 'query_count',
    align: 'end',
    yields: 1,
    title: 'Mean statements of one execution',
    cell: row => formatCount(row.breakdown?.query_count),
  },
  {
    id: 'errors',
    label: 'Errors',
    sort: 'errors',
    align: 'end',
    cell: row => <ErrorRate ratio={row.red.error_ratio} />,
  },
]

export function OperationsPage(): ReactElement {
  const { ask, range } = useScope()
  const [search, change] = useListSearch()
  const kind = KINDS.find(({ value }) => value === search.kind)?.value ?? 'entry'
  const sort = oneOf(SORTS, search.sort) ?? 'total_time'
  const query = useQuery({
    ...operationsQuery({ ...ask, kind, sort, search: search.q, page: search.page, per_page: 50 }),
    refetchInterval: range.refetchMs,
  })
  const onSearch = useCallback((q: string) => change({ q: q === '' ? undefined : q }), [change])
  return (
    <div className="page">
      <PageHead title="Operations" />
      <div className="filters">
        <SearchField label="Search operations" value={search.q ?? ''} onSearch={onSearch} />
        <Segmented
          label="Kind of operation"
          choices={KINDS}
          value={kind}
          onChoose={value => change({ kind: value === 'entry' ? undefined : value })}
        />
      </div>
      <Panel
        title="Operations"
        note={
          query.data === undefined
            ? range.label
            : `${formatCount(query.data.pagination.total)} · ${range.label.toLowerCase()}`
        }
        flush
      >
        <Loaded query={query} skeleton={<SkeletonRows rows={12} />}>
          {({ items, pagination }) =>
            items.length === 0 ? (
              <Empty icon="operations" title="No operation fits.">
                {search.q === undefined
                  ? 'Nothing was measured here in this range. Choose a longer one, or another kind.'
                  : 'Try fewer letters, another kind, or a longer range.'}
              </Empty>
            ) : (
              <>
                <DataTable
                  label="Operations"
                  columns={COLUMNS}
                  rows={items}
                  rowKey={row => `${row.environment} ${row.service} ${row.kind} ${row.operation}`}
                  rowLink={row => ({ to: '/operation', search: { ...operationSearch(row) } })}
                  sort={sort}
                  onSort={next => change({ sort: next === 'total_time' ? undefined : next })}
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
