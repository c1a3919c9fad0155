import type { SpanNode, SpanTree } from './span-tree.ts'

/** As many equal siblings as are drawn one by one; more are one row. */
const ALONE = 3

export interface SpanRow {
  readonly type: 'span'
  readonly id: string
  readonly node: SpanNode
  readonly depth: number
  readonly parentId: string | undefined
  readonly foldable: boolean
  readonly isOpen: boolean
}

/** Siblings that do the same, as one row: `×27 SELECT items`. */
export interface GroupRow {
  readonly type: 'group'
  readonly id: string
  readonly nodes: readonly SpanNode[]
  readonly depth: number
  readonly parentId: string | undefined
  readonly foldable: true
  readonly isOpen: boolean
  readonly totalNs: number
  readonly startNs: number
  readonly endNs: number
  /** `n-plus-one`: the same statement with different parameters. `repeated-read`: with the same. */
  readonly mark: 'n-plus-one' | 'repeated-read' | undefined
}

export type Row = SpanRow | GroupRow

/** What the reader folded or unfolded against the default: spans begin open, groups closed. */
export type Toggled = ReadonlySet<string>

export function layOutRows(tree: SpanTree, toggled: Toggled): readonly Row[] {
  const rows: Row[] = []
  // An explicit stack, in reverse, keeps document order without recursion.
  const open: (() => void)[] = []
  const pushAll = (
    nodes: readonly SpanNode[],
    depth: number,
    parentId: string | undefined,
    grouped: boolean,
  ): void => {
    const parts = grouped ? groupSiblings(nodes) : nodes.map(node => [node])
    for (const part of parts.toReversed()) open.push(() => lay(part, depth, parentId))
  }
  const lay = (nodes: readonly SpanNode[], depth: number, parentId: string | undefined): void => {
    const [node] = nodes
    if (node === undefined) return
    if (nodes.length > 1) {
      const row = toGroup(nodes, node, depth, parentId, toggled)
      rows.push(row)
      if (row.isOpen) pushAll(nodes, depth + 1, row.id, false)
      return
    }
    const id = node.span.span_id
    const foldable = node.children.length > 0
    const isOpen = foldable && !toggled.has(id)
    rows.push({ type: 'span', id, node, depth, parentId, foldable, isOpen })
    if (isOpen) pushAll(node.children, depth + 1, id, true)
  }
  pushAll(tree.roots, 0, undefined, true)
  for (let next = open.pop(); next !== undefined; next = open.pop()) next()
  return rows
}

/** Ids of the groups and spans that must be open for a span to be on screen. */
export function togglesToReveal(tree: SpanTree, toggled: Toggled, spanId: string): Toggled {
  const next = new Set(toggled)
  for (
    let node = tree.byId.get(spanId);
    node !== undefined;
    node = tree.byId.get(node.span.parent_span_id ?? '')
  ) {
    const parent = tree.byId.get(node.span.parent_span_id ?? '')
    if (parent !== undefined) next.delete(parent.span.span_id)
    const siblings = groupSiblings(parent?.children ?? tree.roots)
    const group = siblings.find(nodes => nodes.length > 1 && nodes.some(one => one === node))
    if (group?.[0] !== undefined) next.add(groupId(group[0]))
  }
  return next
}

/** Equal siblings together, at the place of the first. Few of a kind stay single. */
function groupSiblings(nodes: readonly SpanNode[]): readonly (readonly SpanNode[])[] {
  const byKey = new Map<string, SpanNode[]>()
  for (const node of nodes) {
    const key = groupKey(node)
    const known = byKey.get(key)
    if (known === undefined) byKey.set(key, [node])
    else known.push(node)
  }
  const parts: (readonly SpanNode[])[] = []
  for (const group of byKey.values()) {
    if (group.length > ALONE) parts.push(group)
    else parts.push(...group.map(node => [node]))
  }
  return parts.sort((one, other) => (one[0]?.startNs ?? 0) - (other[0]?.startNs ?? 0))
}

function groupKey({ span }: SpanNode): string {
  return span.statement === null
    ? `${span.service}\n${span.kind}\n${span.name}\n${span.status}`
    : `${span.service}\n${span.statement.fingerprint}`
}

function groupId(first: SpanNode): string {
  return `group:${first.span.span_id}`
}

function toGroup(
  nodes: readonly SpanNode[],
  first: SpanNode,
  depth: number,
  parentId: string | undefined,
  toggled: Toggled,
): GroupRow {
  const id = groupId(first)
  return {
    type: 'group',
    id,
    nodes,
    depth,
    parentId,
    foldable: true,
    isOpen: toggled.has(id),
    totalNs: nodes.reduce((sum, node) => sum + node.span.duration_ns, 0),
    startNs: nodes.reduce((earliest, node) => Math.min(earliest, node.startNs), first.startNs),
    endNs: nodes.reduce((latest, node) => Math.max(latest, node.endNs), 0),
    mark: first.span.statement === null ? undefined : markOf(nodes),
  }
}

/** Unknown parameters are taken as different: a driver that hides them is no proof of equal ones. */
function markOf(nodes: readonly SpanNode[]): 'n-plus-one' | 'repeated-read' {
  const parameters = new Set(nodes.map(({ span }) => span.parameters ?? span.span_id))
  return parameters.size === 1 ? 'repeated-read' : 'n-plus-one'
}
