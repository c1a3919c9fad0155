import type { Trace, TraceSpan } from '@perfloop/client'
import { describe, expect, it } from 'vitest'
import { findCriticalPath, segmentsNs } from './critical-path.ts'
import { buildSpanTree } from './span-tree.ts'
import { layOutRows, togglesToReveal } from './waterfall-rows.ts'

const NOTHING: ReadonlySet<string> = new Set()

describe('the span tree', () => {
  it('nests spans, sorts them by start and knows their own time', () => {
    const tree = buildSpanTree(
      trace([
        span('root', null, 0, 100),
        span('b', 'root', 40, 30),
        span('a', 'root', 10, 20),
        span('a1', 'a', 12, 5),
      ]),
    )
    expect(tree.roots.map(node => node.span.span_id)).toEqual(['root'])
    expect(tree.byId.get('root')?.children.map(node => node.span.span_id)).toEqual(['a', 'b'])
    expect(tree.byId.get('root')?.selfNs).toBe(50)
    expect(tree.byId.get('a')?.selfNs).toBe(15)
  })

  it('counts parallel children once and clips those that outlive their parent', () => {
    const tree = buildSpanTree(
      trace([span('root', null, 0, 100), span('a', 'root', 10, 50), span('b', 'root', 20, 200)]),
    )
    expect(tree.byId.get('root')?.selfNs).toBe(10)
    expect(tree.totalNs).toBe(220)
  })

  it('keeps a span whose parent is missing as a root, and cuts a circle open', () => {
    const tree = buildSpanTree(
      trace([span('late', 'gone', 5, 5), span('x', 'y', 0, 5), span('y', 'x', 0, 5)]),
    )
    expect(tree.roots.map(node => node.span.span_id).sort()).toEqual(['late', 'x'])
    expect(tree.byId.get('x')?.children.map(node => node.span.span_id)).toEqual(['y'])
    expect([...tree.orphans].sort()).toEqual(['late', 'x'])
  })
})

describe('the critical path', () => {
  it('follows the child that finished last and the gaps between children', () => {
    const tree = buildSpanTree(
      trace([
        span('root', null, 0, 100),
        span('early', 'root', 10, 30),
        span('shadowed', 'root', 45, 20),
        span('late', 'root', 40, 50),
      ]),
    )
    const path = findCriticalPath(tree)
    expect(path.get('root')).toEqual([
      { startNs: 90, endNs: 100 },
      { startNs: 0, endNs: 10 },
    ])
    expect(segmentsNs(path.get('late'))).toBe(50)
    expect(segmentsNs(path.get('early'))).toBe(30)
    expect(path.has('shadowed')).toBe(false)
  })

  it('covers exactly the root, however deep', () => {
    const deep = Array.from({ length: 10_000 }, (_, depth) =>
      span(`s${depth}`, depth === 0 ? null : `s${depth - 1}`, depth, 30_000 - 2 * depth),
    )
    const path = findCriticalPath(buildSpanTree(trace(deep)))
    const sum = [...path.values()].reduce((total, segments) => total + segmentsNs(segments), 0)
    expect(sum).toBe(30_000)
  })
})

describe('the rows of the waterfall', () => {
  const repeated = (parameters: (index: number) => string | null): Trace =>
    trace([
      span('root', null, 0, 100),
      ...Array.from({ length: 27 }, (_, index) =>
        statement(`q${index}`, 'root', index * 3, 2, parameters(index)),
      ),
      span('render', 'root', 90, 5),
    ])

  it('make repeated statements one row and mark N+1', () => {
    const rows = layOutRows(buildSpanTree(repeated(String)), NOTHING)
    expect(rows.map(row => row.id)).toEqual(['root', 'group:q0', 'render'])
    expect(rows[1]).toMatchObject({ type: 'group', totalNs: 54, mark: 'n-plus-one', isOpen: false })
  })

  it('tell the same statement with the same parameters apart from N+1', () => {
    const [, group] = layOutRows(buildSpanTree(repeated(() => 'same')), NOTHING)
    expect(group).toMatchObject({ mark: 'repeated-read' })
    const [, unknown] = layOutRows(buildSpanTree(repeated(() => null)), NOTHING)
    expect(unknown).toMatchObject({ mark: 'n-plus-one' })
  })

  it('unfold a group and fold a span', () => {
    const tree = buildSpanTree(repeated(String))
    expect(layOutRows(tree, new Set(['group:q0']))).toHaveLength(30)
    expect(layOutRows(tree, new Set(['root']))).toHaveLength(1)
  })

  it('leave a few equal siblings alone', () => {
    const tree = buildSpanTree(
      trace([
        span('root', null, 0, 100),
        ...[0, 1, 2].map(index => statement(`q${index}`, 'root', index, 1, null)),
      ]),
    )
    expect(layOutRows(tree, NOTHING)).toHaveLength(4)
  })

  it('reveal a span inside folded groups and parents', () => {
    const tree = buildSpanTree(repeated(String))
    const toggled = togglesToReveal(tree, new Set(['root']), 'q13')
    expect(layOutRows(tree, toggled).some(row => row.id === 'q13')).toBe(true)
  })

  it('lay out ten thousand spans within a frame or few', () => {
    const spans = Array.from({ length: 10_000 }, (_, index) =>
      statement(
        `s${index}`,
        index === 0 ? null : `s${Math.floor((index - 1) / 3)}`,
        index,
        1,
        null,
      ),
    )
    const started = performance.now()
    expect(layOutRows(buildSpanTree(trace(spans)), NOTHING).length).toBe(10_000)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

const START = 1_700_000_000_000_000_000n

function trace(spans: TraceSpan[]): Trace {
  return {
    trace_id: 't',
    start_unix_ns: String(START),
    duration_ns: 0,
    services: ['shop'],
    spans,
    resources: {},
  }
}

function span(id: string, parent: string | null, startNs: number, durationNs: number): TraceSpan {
  return {
    span_id: id,
    parent_span_id: parent,
    environment: 'test',
    service: 'shop',
    name: id,
    operation: id,
    kind: 'internal',
    category: 'other',
    status: 'unset',
    status_message: null,
    start_unix_ns: String(START + BigInt(startNs)),
    duration_ns: durationNs,
    is_entry: parent === null,
    statement: null,
    parameters: null,
    result: null,
    row_count: null,
    code_location: null,
    scope: { name: '', version: '' },
    attributes: {},
    events: [],
    links: [],
    resource: 'r',
  }
}

function statement(
  id: string,
  parent: string | null,
  startNs: number,
  durationNs: number,
  parameters: string | null,
): TraceSpan {
  return {
    ...span(id, parent, startNs, durationNs),
    category: 'db',
    parameters,
    result: null,
    statement: { fingerprint: 'f', text: 'SELECT 1', summary: 'SELECT' },
  }
}
