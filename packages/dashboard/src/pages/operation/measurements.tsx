import type { Measurement, MeasurementListParams, OperationAsk } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { measurementsQuery } from '../../api/queries.ts'
import { BreakdownBar } from '../../charts/breakdown-bar.tsx'
import { Badge } from '../../components/badge.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Instant } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { Pager } from '../../components/pager.tsx'
import { Panel } from '../../components/panel.tsx'
import { Segmented } from '../../components/segmented.tsx'
import { SkeletonRows } from '../../components/skeleton.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatCount } from '../../format/number.ts'

const SORTS = [
  { value: 'recent', label: 'Recent' },
  { value: 'slowest', label: 'Slowest' },
  { value: 'failed', label: 'Failed' },
  { value: 'queries', label: 'Most statements' },
] as const satisfies readonly { value: MeasurementListParams['sort']; label: string }[]

const COLUMNS: readonly Column<Measurement>[] = [
  { id: 'started', label: 'Started', cell: row => <Instant at={row.started_at} /> },
  {
    id: 'outcome',
    label: 'Outcome',
    cell: row => (
      <Badge tone={row.failed ? 'bad' : 'neutral'}>
        {row.status_code ?? (row.failed ? 'failed' : 'ok')}
      </Badge>
    ),
  },
  { id: 'total', label: 'Total', align: 'end', cell: row => <b>{formatDuration(row.total_ns)}</b> },
  {
    id: 'breakdown',
    label: 'Time by kind',
    yields: 1,
    width: '26%',
    cell: row => <BreakdownBar breakdown={row} />,
  },
  { id: 'db', label: 'Database', align: 'end', yields: 1, cell: row => formatDuration(row.db_ns) },
  { id: 'self', label: 'Self', align: 'end', yields: 2, cell: row => formatDuration(row.self_ns) },
  { id: 'queries', label: 'Statements', align: 'end', cell: row => formatCount(row.query_count) },
  {
    id: 'trace',
    label: 'Trace',
    align: 'end',
    yields: 2,
    cell: row => <code className="quiet">{row.trace_id.slice(0, 8)}</code>,
  },
]

/** Real executions behind the numbers; each leads to its trace. */
export function Measurements({ ask }: { ask: OperationAsk }): ReactElement {
  const [sort, setSort] = useState<MeasurementListParams['sort']>('slowest')
  const [page, setPage] = useState(1)
  const query = useQuery(measurementsQuery({ ...ask, sort, page, per_page: 15 }))
  return (
    <Panel
      title="Executions"
      note="each leads to its trace"
      flush
      actions={
        <Segmented
          label="Which executions"
          choices={SORTS}
          value={sort}
          onChoose={next => {
            setSort(next)
            setPage(1)
          }}
        />
      }
    >
      <Loaded query={query} skeleton={<SkeletonRows rows={8} />}>
        {({ items, pagination }) =>
          items.length === 0 ? (
            <Empty
              icon="traces"
              title={sort === 'failed' ? 'None failed.' : 'No execution is kept of this range.'}
            />
          ) : (
            <>
              <DataTable
                label="Executions"
                columns={COLUMNS}
                rows={items}
                rowKey={row => row.span_id}
                rowLink={row => ({ to: `/traces/${row.trace_id}`, search: { span: row.span_id } })}
              />
              <Pager pagination={pagination} onPage={setPage} />
            </>
          )
        }
      </Loaded>
    </Panel>
  )
}
