import type { Trace } from '@perfloop/client'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { type ReactElement, useMemo } from 'react'
import { traceQuery } from '../../api/queries.ts'
import { Loaded } from '../../components/loaded.tsx'
import { Panel } from '../../components/panel.tsx'
import { Skeleton } from '../../components/skeleton.tsx'
import { buildSpanTree } from '../../waterfall/span-tree.ts'
import { Waterfall } from '../../waterfall/waterfall.tsx'

/** One real execution that shows the problem, with the spans it is about marked. */
export function ExemplarTrace({
  traceId,
  spanIds,
}: {
  traceId: string
  spanIds: readonly string[]
}): ReactElement {
  const query = useQuery(traceQuery(traceId))
  return (
    <Panel
      title="Exemplar trace"
      note="one real execution; a row leads to its span"
      flush
      actions={
        <Link to="/traces/$traceId" params={{ traceId }} className="text-link">
          Open the trace
        </Link>
      }
    >
      <Loaded query={query} skeleton={<Skeleton height={345} />}>
        {trace => <Body trace={trace} spanIds={spanIds} />}
      </Loaded>
    </Panel>
  )
}

function Body({ trace, spanIds }: { trace: Trace; spanIds: readonly string[] }): ReactElement {
  const navigate = useNavigate()
  const tree = useMemo(() => buildSpanTree(trace), [trace])
  const marked = useMemo(() => new Set(spanIds), [spanIds])
  return (
    <Waterfall
      tree={tree}
      selectedId={undefined}
      marked={marked}
      mostRows={9}
      onSelect={span =>
        void navigate({
          to: '/traces/$traceId',
          params: { traceId: trace.trace_id },
          search: { span },
        })
      }
    />
  )
}
