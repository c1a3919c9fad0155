import type { EventLoopBlock } from '@perfloop/client'
import type { ReactElement } from 'react'
import { type Column, DataTable } from '../../components/data-table.tsx'
import { Empty } from '../../components/empty.tsx'
import { Ago } from '../../components/instant.tsx'
import { OperationName } from '../../components/operation-name.tsx'
import { Panel } from '../../components/panel.tsx'
import { formatDuration } from '../../format/duration.ts'
import { formatCount } from '../../format/number.ts'

const COLUMNS: readonly Column<EventLoopBlock>[] = [
  {
    id: 'place',
    label: 'Where',
    width: '40%',
    cell: row =>
      row.starved ? (
        <span className="two-lines">
          <b>The machine</b>
          <small>had no CPU for the process</small>
        </span>
      ) : (
        <span className="two-lines" title={row.stack ?? undefined}>
          <code>{row.function ?? 'anonymous'}</code>
          <small title={row.code_location ?? undefined}>{shortPlace(row.code_location)}</small>
        </span>
      ),
  },
  {
    id: 'operation',
    label: 'For',
    yields: 2,
    cell: row =>
      row.operation === null ? (
        <span className="quiet">no request</span>
      ) : (
        <OperationName operation={row.operation} />
      ),
  },
  { id: 'blocks', label: 'Times', align: 'end', cell: row => formatCount(row.blocks) },
  {
    id: 'total',
    label: 'In all',
    align: 'end',
    yields: 1,
    cell: row => formatDuration(row.total_ns),
  },
  {
    id: 'longest',
    label: 'Longest',
    align: 'end',
    cell: row => <b>{formatDuration(row.longest_ns)}</b>,
  },
  { id: 'seen', label: 'Last', align: 'end', yields: 1, cell: row => <Ago at={row.last_seen} /> },
]

/** The end of a path is what tells one from another; some compilers of templates quote it. */
function shortPlace(location: string | null): string {
  if (location === null) return 'place not told'
  const parts = location.replaceAll('"', '').split('/')
  return parts.length <= PATH_PARTS ? parts.join('/') : `…/${parts.slice(-PATH_PARTS).join('/')}`
}

const PATH_PARTS = 3

/** What kept the event loop from everything else; each leads to the trace of its longest. */
export function EventLoopBlocks({ blocks }: { blocks: readonly EventLoopBlock[] }): ReactElement {
  return (
    <Panel title="Event loop blocked" note="by place in the code; the longest each" flush>
      {blocks.length === 0 ? (
        <Empty icon="check" title="Nothing blocked the event loop for 100 ms.">
          A shorter limit is <code>PERFLOOP_BLOCK_LIMIT_MS</code> of the agent.
        </Empty>
      ) : (
        <DataTable
          label="Places that blocked the event loop"
          columns={COLUMNS}
          rows={blocks}
          rowKey={row => `${row.trace_id} ${row.span_id}`}
          rowLink={row => ({
            to: '/traces/$traceId',
            params: { traceId: row.trace_id },
            search: { span: row.span_id },
          })}
        />
      )}
    </Panel>
  )
}
