import type { TraceListParams, TraceSummary } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type ReactElement, useCallback } from 'react'
import { tracesQuery } from '../../api/queries.ts'
import { ShareBar } from '../../charts/breakdown-bar.tsx'
import { Badge } from '../../components/badge.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Instant } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { OperationName } from '../../components/operation-name.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Pager } from '../../components/pager.tsx'
import { Panel } from '../../components/panel.tsx'
import { SearchField } from '../../components/search-field.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { Select } from '../../components/select.tsx'
import { SkeletonRows } from '../../components/skeleton.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatCount } from '../../format/number.ts'
import { oneOf } from '../../scope/list-search.ts'
import { useListSearch } from '../../scope/use-list-search.ts'
import { useScope } from '../../scope/use-scope.ts'

const SORTS = ['recent', 'slowest'] as const satisfies readonly TraceListParams['sort'][]
const OUTCOMES = [
  { value: 'any', label: 'Any outcome' },
  { value: 'true', label: 'Failed' },
  { value: 'false', label: 'Succeeded' },
] as const
const AT_LEAST = [
  { value: '', label: 'Any duration' },
  { value: '50', label: '≥ 50 ms' },
  { value: '200', label: '≥ 200 ms' },
  { value: '1000', label: '≥ 1 s' },
  { value: '5000', label: '≥ 5 s' },
]

export function TracesPage(): ReactElement {
  const { ask, range } = useScope()
  const [search, change] = useListSearch()
  const sort = oneOf(SORTS, search.sort) ?? 'recent'
  const failed = oneOf(['true', 'false'] as const, search.failed)
  const query = useQuery({
    ...tracesQuery({
      ...ask,
      sort,
      failed,
      operation: search.q,
      min_duration_ms: search.min === undefined ? undefined : Number(search.min),
      page: search.page,
      per_page: 50,
    }),
    refetchInterval: range.refetchMs,
  })
  const onSearch = useCallback((q: string) => change({ q: q === '' ? undefined : q }), [change])
  return (
    <div className="page">
      <PageHead title="Traces" />
      <div className="filters">
        <SearchField label="Operation, or a trace id" value={search.q ?? ''} onSearch={onSearch} />
        <Segmented
          label="Order"
          choices={[
            { value: 'recent', label: 'Recent' },
            { value: 'slowest', label: 'Slowest' },
          ]}
          value={sort}
          onChoose={value => change({ sort: value === 'recent' ? undefined : value })}
        />
        <Segmented
          label="Outcome"
          choices={OUTCOMES}
          value={failed ?? 'any'}
          onChoose={value => change({ failed: value === 'any' ? undefined : value })}
        />
        <Select
          label="At least this long"
          value={search.min ?? ''}
          options={AT_LEAST}
          onChoose={min => change({ min: min === '' ? undefined : min })}
        />
      </div>
      <Panel
        title="Traces"
        note={query.data === undefined ? undefined : formatCount(query.data.pagination.total)}
        flush
      >
        <Loaded query={query} skeleton={<SkeletonRows rows={12} />}>
          {({ items, pagination }) =>
            items.length === 0 ? (
              <NoTrace asked={search.q} />
            ) : (
              <>
                <TraceTable traces={items} />
                <Pager pagination={pagination} onPage={page => change({ page })} />
              </>
            )
          }
        </Loaded>
      </Panel>
    </div>
  )
}

function NoTrace({ asked }: { asked: string | undefined }): ReactElement {
  const isTraceId = asked !== undefined && /^[0-9a-f]{32}$/i.test(asked.trim())
  return (
    <Empty icon="traces" title={isTraceId ? 'That is a trace id.' : 'No trace fits.'}>
      {isTraceId ? (
        <Link
          to="/traces/$traceId"
          params={{ traceId: asked.trim().toLowerCase() }}
          className="text-link"
        >
          Open trace {asked.trim().slice(0, 8)}…
        </Link>
      ) : (
        'Try a longer range or fewer filters. Slow and failed traces are always kept.'
      )}
    </Empty>
  )
}

function TraceTable({ traces }: { traces: readonly TraceSummary[] }): ReactElement {
  const longest = Math.max(...traces.map(({ duration_ns }) => duration_ns), 1)
  const columns: readonly Column<TraceSummary>[] = [
    {
      id: 'root',
      label: 'Starts with',
      width: '44%',
      cell: row => (
        <span className="two-lines">
          <OperationName operation={row.root.operation} />
          <small>
            {row.root.service} · {row.root.environment}
          </small>
        </span>
      ),
    },
    { id: 'started', label: 'Started', cell: row => <Instant at={row.started_at} /> },
    {
      id: 'outcome',
      label: 'Outcome',
      yields: 1,
      cell: row => (row.failed ? <Badge tone="bad">failed</Badge> : <Badge>ok</Badge>),
    },
    {
      id: 'queries',
      label: 'Statements',
      align: 'end',
      yields: 1,
      cell: row => formatCount(row.query_count),
    },
    {
      id: 'duration',
      label: 'Duration',
      align: 'end',
      cell: row => (
        <ShareBar share={row.duration_ns / longest} label={formatDuration(row.duration_ns)} />
      ),
    },
    {
      id: 'id',
      label: 'Trace',
      align: 'end',
      yields: 2,
      cell: row => <code className="quiet">{row.trace_id.slice(0, 8)}</code>,
    },
  ]
  return (
    <DataTable
      label="Traces"
      columns={columns}
      rows={traces}
      rowKey={row => row.trace_id}
      rowLink={row => ({ to: `/traces/${row.trace_id}` })}
    />
  )
}
