import type { ReactElement } from 'react'
import type { Segment } from './critical-path.ts'
import type { SpanNode } from './span-tree.ts'
import type { Row } from './waterfall-rows.ts'

/** The part of the trace on screen. */
export interface View {
  readonly fromNs: number
  readonly toNs: number
}

const CATEGORY_COLORS = {
  db: '--c-db',
  render: '--c-render',
  external: '--c-external',
  other: '--c-self',
} as const

export function categoryColor(node: SpanNode): string {
  return `var(${CATEGORY_COLORS[node.span.category]})`
}

/** A row's time. A group shows every one of its spans; the critical part is underlined. */
export function WaterfallBar({
  row,
  view,
  critical,
}: {
  row: Row
  view: View
  critical: readonly Segment[]
}): ReactElement {
  const nodes = row.type === 'group' ? row.nodes : [row.node]
  return (
    <span className="bar-lane">
      {row.type === 'group' && (
        <Bar startNs={row.startNs} endNs={row.endNs} view={view} className="bar-reach" />
      )}
      {mergeTight(nodes, view).map(part => (
        <Bar
          key={part.startNs}
          startNs={part.startNs}
          endNs={part.endNs}
          view={view}
          className={part.isFailed ? 'bar failed' : 'bar'}
          color={part.color}
        />
      ))}
      {critical.map(segment => (
        <Bar
          key={segment.startNs}
          startNs={segment.startNs}
          endNs={segment.endNs}
          view={view}
          className="bar-critical"
        />
      ))}
    </span>
  )
}

function Bar({
  startNs,
  endNs,
  view,
  className,
  color,
}: {
  startNs: number
  endNs: number
  view: View
  className: string
  color?: string
}): ReactElement | null {
  const width = view.toNs - view.fromNs
  const left = (Math.max(startNs, view.fromNs) - view.fromNs) / width
  const right = (Math.min(endNs, view.toNs) - view.fromNs) / width
  if (right < 0 || left > 1 || endNs < view.fromNs) return null
  return (
    <i
      className={className}
      style={{
        left: `${left * 100}%`,
        width: `${Math.max(0, right - left) * 100}%`,
        ...(color === undefined ? {} : { background: color }),
      }}
    />
  )
}

interface Part {
  readonly startNs: number
  readonly endNs: number
  readonly color: string
  readonly isFailed: boolean
}

/** Finer than this share of the view no eye can tell apart: hundreds of ticks become a few elements. */
const FINEST = 1 / 800

function mergeTight(nodes: readonly SpanNode[], view: View): readonly Part[] {
  const gapNs = (view.toNs - view.fromNs) * FINEST
  const parts: Part[] = []
  for (const node of nodes) {
    const last = parts.at(-1)
    const isFailed = node.span.status === 'error'
    if (last !== undefined && nodes.length > 1 && node.startNs - last.endNs < gapNs) {
      parts[parts.length - 1] = {
        ...last,
        endNs: Math.max(last.endNs, node.endNs),
        isFailed: last.isFailed || isFailed,
      }
    } else {
      parts.push({ startNs: node.startNs, endNs: node.endNs, color: categoryColor(node), isFailed })
    }
  }
  return parts
}
