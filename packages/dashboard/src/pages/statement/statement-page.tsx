import { ApiFailure, type StatementDetail } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { statementQuery } from '../../api/queries.ts'
import { ShareBar } from '../../charts/breakdown-bar.tsx'
import { Badge } from '../../components/badge.tsx'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Ago } from '../../components/instant.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { OperationName } from '../../components/operation-name.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { PlanWords } from '../../components/plan-words.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { TermList } from '../../components/term-list.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatCount, formatPercent, formatRate } from '../../format/number.ts'
import { useScope } from '../../scope/use-scope.ts'
import { SqlBlock } from '../../sql/sql-text.tsx'
import { operationSearch } from '../operation/operation-search.ts'

const route = getRouteApi('/statements/$fingerprint')

export function StatementPage(): ReactElement {
  const { fingerprint } = route.useParams()
  const { of, in: environment } = route.useSearch()
  const { ask, range } = useScope()
  const query = useQuery({
    ...statementQuery(fingerprint, {
      ...ask,
      service: of ?? ask.service,
      environment: environment ?? ask.environment,
    }),
    refetchInterval: range.refetchMs,
  })
  const isNotHere = query.error instanceof ApiFailure && query.error.status === 404
  return (
    <div className="page">
      <PageHead
        title={query.data?.summary ?? 'Statement'}
        crumbs={[{ label: 'Statements', to: '/statements' }]}
        meta={
          query.data !== undefined && (
            <>
              <Badge>{query.data.service}</Badge>
              <Badge>{query.data.dialect}</Badge>
              <code className="quiet">{fingerprint}</code>
            </>
          )
        }
      />
      {isNotHere ? (
        <Panel title="Statement" flush>
          <Empty icon="statements" title="It did not run in this range.">
            Choose a longer one above, or another service.
          </Empty>
        </Panel>
      ) : (
        <Loaded query={query} skeleton={<Skeleton height={420} />}>
          {statement => <Body statement={statement} />}
        </Loaded>
      )}
    </div>
  )
}

function Body({ statement }: { statement: StatementDetail }): ReactElement {
  const { red, plan } = statement
  return (
    <div className="detail">
      <div>
        <Panel title="Statement" note="literals removed">
          <SqlBlock text={statement.text} />
        </Panel>
        <Panel title="Called by" note="entry operations, by total time" flush>
          {statement.callers.length === 0 ? (
            <Empty title="No entry operation called it in this range." />
          ) : (
            <Callers callers={statement.callers} />
          )}
        </Panel>
      </div>
      <div>
        <Panel title="Numbers">
          <TermList
            terms={[
              { term: 'Total time', value: formatDuration(statement.total_ns) },
              { term: 'Calls', value: formatCount(red.calls) },
              { term: 'Throughput', value: formatRate(red.calls_per_second) },
              { term: 'Mean', value: formatDuration(red.mean_ns) },
              { term: 'p50', value: formatDuration(red.p50_ns) },
              { term: 'p95', value: formatDuration(red.p95_ns) },
              { term: 'Slowest', value: formatDuration(red.max_ns) },
              { term: 'Errors', value: formatPercent(red.error_ratio) },
              { term: 'Models', value: statement.models.join(', ') || '–' },
              {
                term: 'Code',
                value:
                  statement.code_location === null ? (
                    'not in the telemetry'
                  ) : (
                    <code>{statement.code_location}</code>
                  ),
              },
            ]}
          />
          {statement.exemplar_trace !== null && (
            <p className="spaced">
              <Link
                to="/traces/$traceId"
                params={{ traceId: statement.exemplar_trace }}
                className="text-link"
              >
                An exemplar trace
              </Link>
            </p>
          )}
        </Panel>
        <Panel
          title="Plan in words"
          {...(plan === null ? {} : { note: <Ago at={plan.collected_at} /> })}
        >
          {plan === null ? (
            <p className="quiet">
              No plan yet. Add the database under{' '}
              <Link to="/targets" className="text-link">
                Targets
              </Link>{' '}
              and Perfloop asks its planner, without running the statement.
            </p>
          ) : (
            <PlanWords words={plan.words} />
          )}
        </Panel>
      </div>
    </div>
  )
}

type Caller = StatementDetail['callers'][number]

function Callers({ callers }: { callers: readonly Caller[] }): ReactElement {
  const most = Math.max(...callers.map(({ total_ns }) => total_ns), 1)
  const columns: readonly Column<Caller>[] = [
    {
      id: 'operation',
      label: 'Operation',
      width: '50%',
      cell: row => (
        <span className="two-lines">
          <OperationName operation={row.operation} />
          <small>{row.service}</small>
        </span>
      ),
    },
    { id: 'calls', label: 'Calls', align: 'end', cell: row => formatCount(row.calls) },
    {
      id: 'total',
      label: 'Total time',
      align: 'end',
      cell: row => <ShareBar share={row.total_ns / most} label={formatDuration(row.total_ns)} />,
    },
  ]
  return (
    <DataTable
      label="Callers"
      columns={columns}
      rows={callers}
      rowKey={row => `${row.environment} ${row.service} ${row.kind} ${row.operation}`}
      rowLink={row => ({ to: '/operation', search: { ...operationSearch(row) } })}
    />
  )
}
