import type { Trace, TraceSpan } from '@perfloop/client'

/** A span in its place: times relative to the trace's start, children by start time. */
export interface SpanNode {
  readonly span: TraceSpan
  readonly startNs: number
  readonly endNs: number
  /** Duration minus what its children cover; parallel children count once. */
  readonly selfNs: number
  readonly children: readonly SpanNode[]
}

export interface SpanTree {
  readonly roots: readonly SpanNode[]
  readonly totalNs: number
  readonly byId: ReadonlyMap<string, SpanNode>
  /** Spans whose parent is not in the trace: late, sampled away or lost. They are roots here. */
  readonly orphans: ReadonlySet<string>
}

interface Growing extends SpanNode {
  selfNs: number
  readonly children: Growing[]
}

export function buildSpanTree(trace: Trace): SpanTree {
  const traceStart = BigInt(trace.start_unix_ns)
  const byId = new Map<string, Growing>()
  for (const span of trace.spans) {
    // Within one trace the difference fits a double exactly; the absolute time would not.
    const startNs = Number(BigInt(span.start_unix_ns) - traceStart)
    byId.set(span.span_id, {
      span,
      startNs,
      endNs: startNs + span.duration_ns,
      selfNs: span.duration_ns,
      children: [],
    })
  }
  const roots: Growing[] = []
  const orphans = new Set<string>()
  for (const node of byId.values()) {
    const { parent_span_id, span_id } = node.span
    const parent = byId.get(parent_span_id ?? '')
    if (parent !== undefined) parent.children.push(node)
    else {
      roots.push(node)
      if (parent_span_id !== null) orphans.add(span_id)
    }
  }
  for (const node of breakCircles(byId, roots)) {
    roots.push(node)
    orphans.add(node.span.span_id)
  }
  let totalNs = trace.duration_ns
  for (const node of byId.values()) {
    node.children.sort(byStart)
    node.selfNs = Math.max(0, node.span.duration_ns - coveredNs(node))
    totalNs = Math.max(totalNs, node.endNs)
  }
  return { roots: roots.sort(byStart), totalNs, byId, orphans }
}

function byStart(one: SpanNode, other: SpanNode): number {
  return one.startNs - other.startNs || other.endNs - one.endNs
}

/** Broken senders make circles, which hang on no root: one span of each is cut loose and becomes one. */
function breakCircles(
  byId: ReadonlyMap<string, Growing>,
  roots: readonly Growing[],
): readonly Growing[] {
  const reached = new Set<Growing>()
  const reach = (from: Growing): void => {
    const open = [from]
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (reached.has(node)) continue
      reached.add(node)
      open.push(...node.children)
    }
  }
  for (const root of roots) reach(root)
  const cut: Growing[] = []
  for (const node of byId.values()) {
    if (reached.has(node)) continue
    const siblings = byId.get(node.span.parent_span_id ?? '')?.children
    siblings?.splice(siblings.indexOf(node), 1)
    cut.push(node)
    reach(node)
  }
  return cut
}

/** How much of a span its children cover, clipped to it. */
function coveredNs(node: SpanNode): number {
  let covered = 0
  let cursor = node.startNs
  for (const child of node.children) {
    const start = Math.max(child.startNs, cursor)
    const end = Math.min(child.endNs, node.endNs)
    if (end > start) {
      covered += end - start
      cursor = end
    }
  }
  return covered
}
