import type { IssueDetail } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { issueQuery } from '../../api/queries.ts'
import { Sparkline } from '../../charts/sparkline.tsx'
import { Badge, IssueStatus, OptimizationStatus } from '../../components/badge.tsx'
import { Ago, Instant } from '../../components/instant.tsx'
import { Ledger } from '../../components/ledger.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { OperationLink } from '../../components/operation-name.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Severity } from '../../components/severity.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { TargetLink } from '../../components/target-link.tsx'
import { TermList } from '../../components/term-list.tsx'
import { formatDuration } from '../../format/duration.ts'
import { toWords } from '../../format/label.ts'
import { formatPercent, plural } from '../../format/number.ts'
import { SqlBlock } from '../../sql/sql-text.tsx'
import { statementSearch } from '../statement/statement-search.ts'
import { EvidenceTables } from './evidence-tables.tsx'
import { ExemplarTrace } from './exemplar-trace.tsx'
import { IssueActions } from './issue-actions.tsx'
import { readExplained, readLists, readTerms } from './read-evidence.ts'
import { isOfCode, isOfRuntime } from './runtime-issue.ts'

const route = getRouteApi('/issues/$id')

export function IssuePage(): ReactElement {
  const { id } = route.useParams()
  const query = useQuery({ ...issueQuery(id), refetchInterval: 30_000 })
  return (
    <div className="page">
      <Loaded
        query={query}
        skeleton={
          <>
            <PageHead title="Issue" crumbs={[{ label: 'Issues', to: '/issues' }]} />
            <Skeleton height={640} />
          </>
        }
      >
        {issue => <Body issue={issue} />}
      </Loaded>
    </div>
  )
}

function Body({ issue }: { issue: IssueDetail }): ReactElement {
  return (
    <>
      <PageHead
        title={issue.title}
        crumbs={[{ label: 'Issues', to: '/issues' }]}
        meta={
          <>
            <Severity severity={issue.severity} withLabel />
            <IssueStatus status={issue.status} />
            <Badge>{toWords(issue.kind)}</Badge>
            <span>
              {issue.service} · {issue.environment}
            </span>
          </>
        }
        actions={<IssueActions issue={issue} />}
      />
      <div className="detail">
        <div>
          <Evidence issue={issue} />
          {issue.exemplar_trace !== '' && (
            <ExemplarTrace traceId={issue.exemplar_trace} spanIds={issue.exemplar_spans} />
          )}
          {issue.statement_text !== null && (
            <Panel
              title="Statement"
              actions={
                issue.statement !== null && (
                  <Link
                    to="/statements/$fingerprint"
                    params={{ fingerprint: issue.statement }}
                    search={statementSearch(issue)}
                    className="text-link"
                  >
                    Everywhere it runs
                  </Link>
                )
              }
            >
              <SqlBlock text={issue.statement_text} />
            </Panel>
          )}
        </div>
        <div>
          <Gain issue={issue} />
          <Fixes issue={issue} />
          <Where issue={issue} />
          <Panel title="Ledger" note="every step, by whom">
            <Ledger entries={issue.ledger} />
          </Panel>
        </div>
      </div>
    </>
  )
}

function Evidence({ issue }: { issue: IssueDetail }): ReactElement {
  const terms = readTerms(issue.evidence)
  const explained = readExplained(issue.evidence)
  return (
    <Panel title="Evidence" note={`${formatPercent(issue.confidence)} sure`}>
      <p className="lead">{issue.description}</p>
      {terms.length > 0 && (
        <div className="evidence">
          <TermList
            terms={terms.map(({ key, term, value }) => ({
              term,
              value: <EvidenceValue name={key} value={value} />,
            }))}
          />
        </div>
      )}
      {readLists(issue.evidence).map(({ key, title, lines }) => (
        <div key={key} className="spaced">
          <h3>{title}</h3>
          <ul className="bullets">
            {lines.slice(0, MOST_LINES).map(line => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </div>
      ))}
      <EvidenceTables evidence={issue.evidence} />
      {explained.length > 0 && (
        <div className="spaced">
          <h3>What it also causes</h3>
          <ul className="bullets">
            {explained.map(({ title, traceId }) => (
              <li key={title}>
                {title}{' '}
                <Link to="/traces/$traceId" params={{ traceId }} className="text-link">
                  Its trace
                </Link>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Panel>
  )
}

const MOST_LINES = 12

function EvidenceValue({ name, value }: { name: string; value: string }): ReactElement {
  if (name === 'target') return <TargetLink id={value} />
  // As the store writes instants: in UTC, without saying so.
  if (name === 'plan_collected_at') return <Ago at={`${value.replace(' ', 'T')}Z`} />
  return <>{value}</>
}

function Gain({ issue }: { issue: IssueDetail }): ReactElement {
  const history = issue.history.map(point => point.recoverable_ns_per_hour)
  return (
    <Panel title="Recoverable time" note="per hour">
      {issue.recoverable_ns_per_hour === 0 ? (
        <p className="quiet">Nobody waits for it yet: it is what will happen.</p>
      ) : (
        <>
          <p className="big-figure">{formatDuration(issue.recoverable_ns_per_hour)}</p>
          <p className="quiet">
            Users would get this much waiting back every hour if it were gone.
          </p>
        </>
      )}
      {issue.recoverable_ns_per_hour > 0 && history.length > 1 && (
        <div className="spaced">
          <Sparkline
            values={history}
            label="Recoverable time since it was found"
            width={286}
            height={44}
            isStretched
          />
          <p className="quiet spread">
            <Instant at={issue.history[0]?.at} />
            <Instant at={issue.history.at(-1)?.at} />
          </p>
        </div>
      )}
    </Panel>
  )
}

function Fixes({ issue }: { issue: IssueDetail }): ReactElement {
  return (
    <Panel title="What to do">
      {issue.optimizations.length === 0 ? (
        <p className="quiet">
          {issue.kind === 'missing-index' || issue.kind === 'slow-statement' ? (
            <>
              No fix is proven yet. With the database under{' '}
              <Link to="/targets" className="text-link">
                Targets
              </Link>
              , Perfloop looks for an index and proves it on the planner.
            </>
          ) : (
            `Perfloop has no change of its own to offer here: the evidence${
              issue.exemplar_trace === '' ? ' shows' : ' and the exemplar trace show'
            } where to look in the code.`
          )}
        </p>
      ) : (
        <ul className="link-cards">
          {issue.optimizations.map(optimization => (
            <li key={optimization.id}>
              <Link to="/optimizations/$id" params={{ id: optimization.id }}>
                <b>{optimization.title}</b>
                <OptimizationStatus status={optimization.status} />
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}

function Where({ issue }: { issue: IssueDetail }): ReactElement {
  return (
    <Panel title="Where and when">
      <TermList
        terms={[
          {
            term: 'Operation',
            value:
              issue.operation === '' ? (
                'the whole process'
              ) : (
                <OperationLink
                  operation={{
                    environment: issue.environment,
                    service: issue.service,
                    operation: issue.operation,
                    kind: issue.operation_kind,
                  }}
                />
              ),
          },
          ...(isOfRuntime(issue)
            ? [
                {
                  term: 'Runtime',
                  value: (
                    <Link
                      to="/runtime"
                      search={{ env: issue.environment, svc: issue.service }}
                      className="text-link"
                    >
                      memory, pools, event loop
                    </Link>
                  ),
                },
              ]
            : []),
          ...(isOfCode(issue)
            ? [
                {
                  term: 'Hot code',
                  value: (
                    <Link
                      to="/code"
                      search={{ env: issue.environment, svc: issue.service }}
                      className="text-link"
                    >
                      profile of the service
                    </Link>
                  ),
                },
              ]
            : []),
          {
            term: 'Code',
            value:
              issue.code_location === null ? (
                'not in the telemetry'
              ) : (
                <code>{issue.code_location}</code>
              ),
          },
          { term: 'First seen', value: <Instant at={issue.first_seen} /> },
          { term: 'Last seen', value: <Ago at={issue.last_seen} /> },
          { term: 'Found in', value: plural(issue.windows_seen, 'window') },
          ...(issue.ignored_until === null
            ? []
            : [{ term: 'Ignored until', value: <Instant at={issue.ignored_until} /> }]),
          ...(issue.ignore_reason === null
            ? []
            : [{ term: 'Reason to ignore', value: issue.ignore_reason }]),
        ]}
      />
    </Panel>
  )
}
