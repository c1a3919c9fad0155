import { type PointerEvent, type ReactElement, useMemo, useRef, useState } from 'react'
import { formatDuration } from '../format/duration.ts'
import type { SpanNode, SpanTree } from './span-tree.ts'
import type { View } from './waterfall-bar.tsx'

const WIDTH = 1_000
const HEIGHT = 44
/** Narrower drags are clicks. */
const LEAST_DRAG = 0.004

/** The whole trace at a glance; drag out a part to look at it closely. */
export function Minimap({
  tree,
  view,
  onView,
}: {
  tree: SpanTree
  view: View
  onView: (view: View) => void
}): ReactElement {
  const svg = useRef<SVGSVGElement>(null)
  const [drag, setDrag] = useState<{ from: number; to: number }>()
  const paths = useMemo(() => toPaths(tree), [tree])
  const shareAt = (event: PointerEvent): number => {
    const box = svg.current?.getBoundingClientRect()
    if (box === undefined || box.width === 0) return 0
    return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width))
  }
  const finish = (): void => {
    if (drag === undefined) return
    const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)]
    setDrag(undefined)
    if (to - from < LEAST_DRAG) onView({ fromNs: 0, toNs: tree.totalNs })
    else onView({ fromNs: from * tree.totalNs, toNs: to * tree.totalNs })
  }
  const shown =
    drag === undefined
      ? { from: view.fromNs / tree.totalNs, to: view.toNs / tree.totalNs }
      : { from: Math.min(drag.from, drag.to), to: Math.max(drag.from, drag.to) }
  return (
    <svg
      ref={svg}
      className="minimap"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`The whole trace, ${formatDuration(tree.totalNs)}. Shown: ${formatDuration(view.fromNs)} to ${formatDuration(view.toNs)}.`}
      onPointerDown={event => {
        event.currentTarget.setPointerCapture(event.pointerId)
        setDrag({ from: shareAt(event), to: shareAt(event) })
      }}
      onPointerMove={event => drag !== undefined && setDrag({ ...drag, to: shareAt(event) })}
      onPointerUp={finish}
    >
      {paths.map(({ color, d }) => (
        <path key={color} d={d} fill={color} />
      ))}
      <rect
        className="minimap-out"
        x="0"
        y="0"
        width={Math.max(0, shown.from * WIDTH)}
        height={HEIGHT}
      />
      <rect
        className="minimap-out"
        x={shown.to * WIDTH}
        y="0"
        width={Math.max(0, WIDTH - shown.to * WIDTH)}
        height={HEIGHT}
      />
    </svg>
  )
}

/** One path a color: ten thousand spans are four elements. Depth becomes height. */
function toPaths(tree: SpanTree): readonly { color: string; d: string }[] {
  const boxes: { node: SpanNode; depth: number }[] = []
  const open = tree.roots.map(node => ({ node, depth: 0 }))
  let deepest = 1
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    boxes.push(next)
    deepest = Math.max(deepest, next.depth + 1)
    for (const child of next.node.children) open.push({ node: child, depth: next.depth + 1 })
  }
  const rowHeight = Math.min(6, HEIGHT / deepest)
  const seen = new Set<string>()
  const byColor = new Map<string, string[]>()
  for (const { node, depth } of boxes) {
    const x = Math.round((node.startNs / tree.totalNs) * WIDTH)
    const width = Math.max(1, Math.round((node.span.duration_ns / tree.totalNs) * WIDTH))
    const color =
      node.span.status === 'error' ? 'var(--c-errors)' : `var(${COLORS[node.span.category]})`
    const box = `M${x} ${(depth * rowHeight).toFixed(1)}h${width}v${(rowHeight * 0.8).toFixed(1)}h${-width}z`
    if (seen.has(color + box)) continue
    seen.add(color + box)
    const known = byColor.get(color)
    if (known === undefined) byColor.set(color, [box])
    else known.push(box)
  }
  return [...byColor].map(([color, parts]) => ({ color, d: parts.join('') }))
}

const COLORS = {
  db: '--c-db',
  render: '--c-render',
  external: '--c-external',
  other: '--c-self',
} as const
