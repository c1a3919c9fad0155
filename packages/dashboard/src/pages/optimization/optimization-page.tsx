import type { OptimizationDetail } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { optimizationQuery } from '../../api/queries.ts'
import { Badge, OptimizationStatus } from '../../components/badge.tsx'
import { Icon } from '../../components/icon.tsx'
import { Ledger } from '../../components/ledger.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { OperationLink } from '../../components/operation-name.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { TermList } from '../../components/term-list.tsx'
import { formatDuration } from '../../format/duration.ts'
import { toWords } from '../../format/label.ts'
import { formatPercent } from '../../format/number.ts'
import { SqlBlock } from '../../sql/sql-text.tsx'
import { BeforeAfter } from './before-after.tsx'
import { OptimizationActions } from './optimization-actions.tsx'
import { Proof } from './proof.tsx'
import { Stepper } from './stepper.tsx'
import { Verdict } from './verdict.tsx'

const route = getRouteApi('/optimizations/$id')

export function OptimizationPage(): ReactElement {
  const { id } = route.useParams()
  const query = useQuery({ ...optimizationQuery(id), refetchInterval: 10_000 })
  return (
    <div className="page">
      <Loaded
        query={query}
        skeleton={
          <>
            <PageHead
              title="Optimization"
              crumbs={[{ label: 'Optimizations', to: '/optimizations' }]}
            />
            <Skeleton height={640} />
          </>
        }
      >
        {optimization => <Body optimization={optimization} />}
      </Loaded>
    </div>
  )
}

function Body({ optimization }: { optimization: OptimizationDetail }): ReactElement {
  const isApplied = optimization.applied_at !== null
  return (
    <>
      <PageHead
        title={optimization.title}
        crumbs={[{ label: 'Optimizations', to: '/optimizations' }]}
        meta={
          <>
            <OptimizationStatus status={optimization.status} />
            <Badge>{toWords(optimization.type)}</Badge>
            <span>
              {optimization.service} · {optimization.environment}
            </span>
          </>
        }
        actions={<OptimizationActions optimization={optimization} />}
      />
      <Stepper optimization={optimization} />
      {optimization.failure !== null && (
        <div className="failure" role="status">
          <Icon name="failed" size={20} />
          <div>
            <p className="failure-title">{optimization.failure.message}</p>
            <p>
              <code>{optimization.failure.code}</code>
            </p>
          </div>
        </div>
      )}
      <div className="detail">
        <div>
          {optimization.impact !== null && <Verdict impact={optimization.impact} />}
          {(isApplied || optimization.chart.points.length > 0) && (
            <BeforeAfter optimization={optimization} />
          )}
          <Panel title="The change" note={optimization.description}>
            <SqlBlock text={optimization.change} label="Copy the change" asWritten />
            <div className="undo">
              <h3>
                <Icon name="undo" size={14} /> Undo, recorded before the change is made
              </h3>
              <SqlBlock text={optimization.undo} label="Copy the undo" asWritten />
            </div>
          </Panel>
          <Proof proof={optimization.proof} />
        </div>
        <div>
          <Panel title="Decision">
            <TermList
              terms={[
                {
                  term: 'Expected gain',
                  value: `${formatPercent(optimization.expected_gain.low)} – ${formatPercent(optimization.expected_gain.high)}`,
                },
                {
                  term: 'Recoverable per hour',
                  value: formatDuration(optimization.recoverable_ns_per_hour),
                },
              ]}
            />
            <h3 className="spaced">Risk</h3>
            <p>{optimization.risk}</p>
            <h3 className="spaced">Judged by these operations</h3>
            <ul className="bullets">
              {optimization.operations.map(operation => (
                <li key={`${operation.service} ${operation.kind} ${operation.operation}`}>
                  <OperationLink operation={operation} />
                </li>
              ))}
            </ul>
          </Panel>
          <Panel title="Settles">
            <ul className="link-cards">
              {optimization.issues.map(issue => (
                <li key={issue.id}>
                  <Link to="/issues/$id" params={{ id: issue.id }}>
                    <b>{issue.title}</b>
                    <small>{toWords(issue.kind)}</small>
                  </Link>
                </li>
              ))}
            </ul>
          </Panel>
          <Panel title="Ledger" note="every step, by whom">
            <Ledger entries={optimization.ledger} />
          </Panel>
        </div>
      </div>
    </>
  )
}
