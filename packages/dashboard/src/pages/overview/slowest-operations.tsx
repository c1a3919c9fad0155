import type { OperationSummary } from '@perfloop/client'
import type { ReactElement } from 'react'
import { BreakdownBar, ShareBar } from '../../charts/breakdown-bar.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { OperationName } from '../../components/operation-name.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatCount, formatPercent } from '../../format/number.ts'
import { operationSearch } from '../operation/operation-search.ts'

const COLUMNS: readonly Column<OperationSummary>[] = [
  {
    id: 'operation',
    label: 'Operation',
    width: '44%',
    cell: row => (
      <span className="two-lines">
        <OperationName operation={row.operation} />
        <small>{row.service}</small>
      </span>
    ),
  },
  {
    id: 'breakdown',
    label: 'Time by kind',
    yields: 1,
    width: '18%',
    cell: row => (row.breakdown === null ? '–' : <BreakdownBar breakdown={row.breakdown} />),
  },
  {
    id: 'queries',
    label: 'Statements',
    align: 'end',
    yields: 2,
    cell: row => formatCount(row.breakdown?.query_count),
    title: 'Mean statements of one execution',
  },
  {
    id: 'share',
    label: 'Share of time',
    align: 'end',
    title: 'Share of the time of all entry operations',
    cell: row => (
      <ShareBar share={row.total_time_share} label={formatPercent(row.total_time_share)} />
    ),
  },
  { id: 'p95', label: 'p95', align: 'end', cell: row => <b>{formatDuration(row.red.p95_ns)}</b> },
]

/** What users wait for most in all, not what is slowest once a day. */
export function SlowestOperations({
  operations,
}: {
  operations: readonly OperationSummary[]
}): ReactElement {
  if (operations.length === 0) {
    return <Empty icon="operations" title="No operation was measured in this range." />
  }
  return (
    <DataTable
      label="Where the time goes"
      columns={COLUMNS}
      rows={operations.slice(0, 8)}
      rowKey={row => `${row.environment} ${row.service} ${row.kind} ${row.operation}`}
      rowLink={row => ({ to: '/operation', search: { ...operationSearch(row) } })}
    />
  )
}
