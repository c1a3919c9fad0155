import type { SpanNode, SpanTree } from './span-tree.ts'

export interface Segment {
  readonly startNs: number
  readonly endNs: number
}

/**
 * The spans that had to be faster for the trace to be faster. Walked from the end: at every moment the critical
 * span is the child that finished last before it, and where no child was at work, the span itself.
 */
export function findCriticalPath(tree: SpanTree): ReadonlyMap<string, readonly Segment[]> {
  const segments = new Map<string, Segment[]>()
  const add = (node: SpanNode, startNs: number, endNs: number): void => {
    if (endNs <= startNs) return
    const known = segments.get(node.span.span_id)
    if (known === undefined) segments.set(node.span.span_id, [{ startNs, endNs }])
    else known.push({ startNs, endNs })
  }
  const root = tree.roots.reduce<SpanNode | undefined>(
    (longest, node) =>
      longest === undefined || node.span.duration_ns > longest.span.duration_ns ? node : longest,
    undefined,
  )
  // A list instead of recursion: traces may be as deep as they are long.
  const open = root === undefined ? [] : [{ node: root, untilNs: root.endNs }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, untilNs } = next
    let cursor = untilNs
    const latestFirst = node.children.toSorted((one, other) => other.endNs - one.endNs)
    for (const child of latestFirst) {
      const endNs = Math.min(child.endNs, cursor)
      if (child.startNs >= cursor || endNs <= node.startNs) continue
      add(node, endNs, cursor)
      open.push({ node: child, untilNs: endNs })
      cursor = Math.max(child.startNs, node.startNs)
    }
    add(node, node.startNs, cursor)
  }
  return segments
}

export function segmentsNs(segments: readonly Segment[] | undefined): number {
  return segments?.reduce((sum, { startNs, endNs }) => sum + endNs - startNs, 0) ?? 0
}
