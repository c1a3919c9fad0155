import { memo, type ReactElement } from 'react'
import { Icon } from '../components/icon.tsx'
import { OperationName } from '../components/operation-name.tsx'
import { formatDuration } from '../format/duration.ts'
import type { Segment } from './critical-path.ts'
import { categoryColor, type View, WaterfallBar } from './waterfall-bar.tsx'
import type { Row } from './waterfall-rows.ts'

export interface WaterfallRowProps {
  readonly row: Row
  readonly top: number
  readonly view: View
  readonly critical: readonly Segment[]
  readonly isCurrent: boolean
  readonly isMarked: boolean
  readonly isOrphan: boolean
  readonly onToggle: (id: string) => void
  readonly onChoose: (row: Row) => void
}

const MARKS = {
  'n-plus-one': {
    label: 'N+1',
    title: 'The same statement again and again with different parameters',
  },
  'repeated-read': { label: 'repeated', title: 'The same statement with the same parameters' },
} as const

export const WaterfallRow = memo(function WaterfallRow(props: WaterfallRowProps): ReactElement {
  const { row, top, view, critical, isCurrent, isMarked, isOrphan, onToggle, onChoose } = props
  const first = row.type === 'group' ? row.nodes[0] : row.node
  const durationNs = row.type === 'group' ? row.totalNs : row.node.span.duration_ns
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree takes the keys for all its rows
    // biome-ignore lint/a11y/useFocusableInteractive: focus stays on the tree, which names its current row
    <div
      id={`row-${row.id}`}
      className="waterfall-row"
      role="treeitem"
      aria-level={row.depth + 1}
      aria-expanded={row.foldable ? row.isOpen : undefined}
      aria-selected={isCurrent}
      data-marked={isMarked}
      style={{ top }}
      onClick={() => onChoose(row)}
    >
      <span
        className="waterfall-name"
        style={{ paddingInlineStart: 8 + Math.min(row.depth, 24) * 14 }}
      >
        {row.foldable ? (
          // biome-ignore lint/a11y/useKeyWithClickEvents: left and right arrows do the same
          // biome-ignore lint/a11y/noStaticElementInteractions: see above
          <span
            className="fold"
            data-open={row.isOpen}
            onClick={event => {
              event.stopPropagation()
              onToggle(row.id)
            }}
          >
            <Icon name="right" size={12} />
          </span>
        ) : (
          <span className="fold" />
        )}
        {first !== undefined && (
          <i className="category" style={{ background: categoryColor(first) }} aria-hidden="true" />
        )}
        {row.type === 'group' && <b className="times">×{row.nodes.length}</b>}
        <span className="waterfall-label">
          {first?.span.statement != null ? (
            first.span.statement.summary
          ) : (
            <OperationName operation={first?.span.name ?? ''} />
          )}
        </span>
        {row.type === 'group' && row.mark !== undefined && (
          <span className="badge" data-tone="bad" title={MARKS[row.mark].title}>
            {MARKS[row.mark].label}
          </span>
        )}
        {first?.span.status === 'error' && (
          <span className="error-mark" title="Failed">
            <Icon name="failed" size={12} />
            <span className="visually-hidden">failed</span>
          </span>
        )}
        {isOrphan && (
          <span className="badge" title="Its parent span is not here: late, sampled away or lost">
            no parent
          </span>
        )}
        <small>{first?.span.service}</small>
      </span>
      <span className="waterfall-time">
        <WaterfallBar row={row} view={view} critical={critical} />
      </span>
      <span className="waterfall-duration">{formatDuration(durationNs)}</span>
    </div>
  )
})
