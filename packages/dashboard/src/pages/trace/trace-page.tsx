import { ApiFailure, type Trace } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useMemo } from 'react'
import { traceQuery } from '../../api/queries.ts'
import { Badge } from '../../components/badge.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { Empty } from '../../components/empty.tsx'
import { Loaded } from '../../components/loaded.tsx'
import { OperationName } from '../../components/operation-name.tsx'
import { PageHead } from '../../components/page-head.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatInstantFully } from '../../format/instant.ts'
import { plural } from '../../format/number.ts'
import { findCriticalPath, segmentsNs } from '../../waterfall/critical-path.ts'
import { SpanDetails } from '../../waterfall/span-details.tsx'
import { buildSpanTree, type SpanTree } from '../../waterfall/span-tree.ts'
import { Waterfall } from '../../waterfall/waterfall.tsx'

const route = getRouteApi('/traces/$traceId')

export function TracePage(): ReactElement {
  const { traceId } = route.useParams()
  const query = useQuery(traceQuery(traceId))
  if (query.error instanceof ApiFailure && query.error.status === 404) return <NoTrace />
  return (
    <div className="page">
      <Loaded
        query={query}
        skeleton={
          <>
            <PageHead title="Trace" crumbs={[{ label: 'Traces', to: '/traces' }]} />
            <Skeleton height={620} />
          </>
        }
      >
        {trace => <Body key={trace.trace_id} trace={trace} />}
      </Loaded>
    </div>
  )
}

function NoTrace(): ReactElement {
  return (
    <div className="page">
      <PageHead title="Trace" crumbs={[{ label: 'Traces', to: '/traces' }]} />
      <Panel title="Trace" flush>
        <Empty icon="traces" title="This trace is not here.">
          It has not arrived yet, was not among those that are kept, or is older than traces are
          kept. Slow and failed ones are always kept; <Link to="/settings">Settings</Link> say for
          how long.
        </Empty>
      </Panel>
    </div>
  )
}

/** A statement that an ORM's span and the driver's below it tell of is one. */
function countStatements(trace: Trace, { byId }: SpanTree): number {
  return trace.spans.filter(({ statement, parent_span_id: parent }) => {
    const above = parent === null ? undefined : byId.get(parent)?.span.statement
    return statement !== null && above?.fingerprint !== statement.fingerprint
  }).length
}

function Body({ trace }: { trace: Trace }): ReactElement {
  const { span: asked } = route.useSearch()
  const navigate = useNavigate()
  const tree = useMemo(() => buildSpanTree(trace), [trace])
  const critical = useMemo(() => findCriticalPath(tree), [tree])
  const root = tree.roots[0]
  const selected = tree.byId.get(asked ?? '') ?? root
  const select = (span: string): void => {
    void navigate({
      to: '.',
      search: (before: Record<string, unknown>) => ({ ...before, span }),
      replace: true,
      resetScroll: false,
    } as never)
  }
  const queries = countStatements(trace, tree)
  const failed = trace.spans.filter(({ status }) => status === 'error').length
  return (
    <>
      <PageHead
        title={root?.span.name ?? 'Trace'}
        heading={<OperationName operation={root?.span.name ?? 'Trace'} />}
        crumbs={[{ label: 'Traces', to: '/traces' }]}
        meta={
          <>
            <b>{formatDuration(tree.totalNs)}</b>
            <span>{plural(trace.spans.length, 'span')}</span>
            <span>{plural(queries, 'statement')}</span>
            {failed > 0 && <Badge tone="bad">{failed} failed</Badge>}
            <span>{trace.services.join(', ')}</span>
            <span>{formatInstantFully(Number(BigInt(trace.start_unix_ns) / 1_000_000n))}</span>
            <code className="quiet">{trace.trace_id}</code>
            <CopyButton text={trace.trace_id} label="Copy the trace id" />
          </>
        }
      />
      <div className="trace-body">
        <Panel title="Waterfall" note="↑ ↓ walk, ← → fold, + − zoom" flush>
          <Waterfall tree={tree} selectedId={selected?.span.span_id} onSelect={select} />
        </Panel>
        {selected !== undefined && (
          <SpanDetails
            node={selected}
            tree={tree}
            trace={trace}
            criticalNs={segmentsNs(critical.get(selected.span.span_id))}
          />
        )}
      </div>
    </>
  )
}
