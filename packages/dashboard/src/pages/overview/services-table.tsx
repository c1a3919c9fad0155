import type { ServiceSummary } from '@perfloop/client'
import type { ReactElement } from 'react'
import { Sparkline } from '../../charts/sparkline.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { ErrorRate } from '../../components/error-rate.tsx'
import { Ago } from '../../components/instant.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatCount, formatRate } from '../../format/number.ts'

const COLUMNS: readonly Column<ServiceSummary>[] = [
  {
    id: 'service',
    label: 'Service',
    width: '22%',
    cell: row => (
      <span className="two-lines">
        <b>{row.service}</b>
        <small>{row.environment}</small>
      </span>
    ),
  },
  {
    id: 'throughput',
    label: 'Throughput',
    align: 'end',
    cell: row => formatRate(row.red.calls_per_second),
  },
  {
    id: 'calls',
    label: 'Calls over time',
    yields: 2,
    cell: row => (
      <Sparkline
        values={row.spark.map(point => point.calls)}
        color="--c-calls"
        label={`Calls of ${row.service} over the range`}
      />
    ),
  },
  { id: 'p50', label: 'p50', align: 'end', yields: 1, cell: row => formatDuration(row.red.p50_ns) },
  { id: 'p95', label: 'p95', align: 'end', cell: row => formatDuration(row.red.p95_ns) },
  {
    id: 'p95-over-time',
    label: 'p95 over time',
    yields: 2,
    cell: row => (
      <Sparkline
        values={row.spark.map(point => point.p95_ns)}
        color="--c-p95"
        label={`p95 of ${row.service} over the range`}
      />
    ),
  },
  {
    id: 'errors',
    label: 'Errors',
    align: 'end',
    cell: row => <ErrorRate ratio={row.red.error_ratio} />,
  },
  {
    id: 'operations',
    label: 'Operations',
    align: 'end',
    yields: 2,
    cell: row => formatCount(row.operations),
  },
  {
    id: 'issues',
    label: 'Issues',
    align: 'end',
    yields: 1,
    cell: row => (row.open_issues === 0 ? <span className="quiet">0</span> : row.open_issues),
  },
  {
    id: 'seen',
    label: 'Last seen',
    align: 'end',
    yields: 2,
    cell: row => <Ago at={row.last_seen} />,
  },
]

export function ServicesTable({ services }: { services: readonly ServiceSummary[] }): ReactElement {
  if (services.length === 0) {
    return (
      <Empty icon="send" title="No service sent anything in this range.">
        Choose a longer range, or another environment.
      </Empty>
    )
  }
  return (
    <DataTable
      label="Services"
      columns={COLUMNS}
      rows={services}
      rowKey={row => `${row.environment} ${row.service}`}
      rowLink={row => ({
        to: row.has_spans ? '/operations' : '/runtime',
        search: { svc: row.service, env: row.environment },
      })}
    />
  )
}
