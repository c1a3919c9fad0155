import type { StatementSummary } from '@perfloop/client'
import type { ReactElement } from 'react'
import { ShareBar } from '../../charts/breakdown-bar.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatCount, formatRate } from '../../format/number.ts'
import { SqlLine } from '../../sql/sql-text.tsx'
import { statementSearch } from '../statement/statement-search.ts'

/** Calls per execution from which a statement is marked as repeated. A hint for the eye; analyzers judge. */
const REPEATED = 5

export function StatementTable({
  statements,
  underOperation = false,
  sort,
  onSort,
}: {
  statements: readonly StatementSummary[]
  underOperation?: boolean
  sort?: string
  onSort?: (sort: string) => void
}): ReactElement {
  const most = Math.max(...statements.map(({ total_ns }) => total_ns), 1)
  const columns: readonly Column<StatementSummary>[] = [
    {
      id: 'statement',
      label: 'Statement',
      width: '46%',
      cell: row => (
        <span className="statement-cell">
          <SqlLine text={row.text} />
          <small>
            {row.summary}
            {underOperation ? '' : ` · ${row.service}`}
            {row.code_location === null ? '' : ` · ${row.code_location}`}
          </small>
        </span>
      ),
    },
    {
      id: 'total',
      label: 'Total time',
      sort: 'total_time',
      align: 'end',
      cell: row => <ShareBar share={row.total_ns / most} label={formatDuration(row.total_ns)} />,
    },
    underOperation
      ? {
          id: 'per-execution',
          label: 'Per execution',
          align: 'end',
          cell: row => <PerExecution calls={row.calls_per_execution} />,
        }
      : {
          id: 'calls',
          label: 'Calls',
          sort: 'calls',
          align: 'end',
          cell: row => formatRate(row.red.calls_per_second),
        },
    {
      id: 'mean',
      label: 'Mean',
      align: 'end',
      yields: 1,
      cell: row => formatDuration(row.red.mean_ns),
    },
    {
      id: 'p95',
      label: 'p95',
      sort: 'p95',
      align: 'end',
      yields: 1,
      cell: row => <b>{formatDuration(row.red.p95_ns)}</b>,
    },
    {
      id: 'models',
      label: 'Models',
      yields: 2,
      cell: row => <span className="quiet">{row.models.join(', ')}</span>,
    },
  ]
  return (
    <DataTable
      label="Statements"
      columns={columns}
      rows={statements}
      rowKey={row => `${row.environment} ${row.service} ${row.statement}`}
      rowLink={row => ({
        to: `/statements/${row.statement}`,
        search: statementSearch(row),
      })}
      {...(sort === undefined ? {} : { sort })}
      {...(onSort === undefined ? {} : { onSort })}
    />
  )
}

function PerExecution({ calls }: { calls: number | null }): ReactElement {
  if (calls === null) return <span>–</span>
  if (calls < REPEATED) return <span>{formatCount(calls)}</span>
  return (
    <span className="repeated" title="Runs many times in one execution">
      ×{formatCount(calls)}
    </span>
  )
}
