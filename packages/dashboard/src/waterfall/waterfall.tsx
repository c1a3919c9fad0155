import { type KeyboardEvent, type ReactElement, useEffect, useMemo, useRef, useState } from 'react'
import { Icon } from '../components/icon.tsx'
import { formatDuration } from '../format/duration.ts'
import { findCriticalPath } from './critical-path.ts'
import { Minimap } from './minimap.tsx'
import type { SpanTree } from './span-tree.ts'
import { useVisibleRows } from './use-visible-rows.ts'
import type { View } from './waterfall-bar.tsx'
import { WaterfallRow } from './waterfall-row.tsx'
import { layOutRows, type Row, type Toggled, togglesToReveal } from './waterfall-rows.ts'

const ROW_HEIGHT = 26
const ZOOM = 2

export interface WaterfallProps {
  readonly tree: SpanTree
  readonly selectedId: string | undefined
  readonly onSelect: (spanId: string) => void
  /** Marked as what the page is about, such as an issue's exemplar spans. */
  readonly marked?: ReadonlySet<string>
  /** Rows on screen before it scrolls. */
  readonly mostRows?: number
}

/** A trace as a tree over time. Only the rows on screen are in the document, so that ten thousand spans scroll well. */
export function Waterfall({
  tree,
  selectedId,
  onSelect,
  marked,
  mostRows = 26,
}: WaterfallProps): ReactElement {
  const [toggled, setToggled] = useState<Toggled>(new Set())
  const [view, setView] = useState<View>({ fromNs: 0, toNs: tree.totalNs })
  const rows = useMemo(() => layOutRows(tree, toggled), [tree, toggled])
  const critical = useMemo(() => findCriticalPath(tree), [tree])
  const scroller = useRef<HTMLDivElement>(null)
  const visible = useVisibleRows(scroller, rows.length, ROW_HEIGHT)
  const [focusId, setFocusId] = useState<string>()
  const current = focusId ?? selectedId ?? rows[0]?.id

  useEffect(() => {
    if (selectedId === undefined) return
    setToggled(before =>
      layOutRows(tree, before).some(row => row.id === selectedId)
        ? before
        : togglesToReveal(tree, before, selectedId),
    )
    setFocusId(selectedId)
  }, [tree, selectedId])

  // Scrolls when the current row changes, not when rows do.
  useEffect(() => {
    const index = rows.findIndex(row => row.id === current)
    const element = scroller.current
    if (index === -1 || element === null) return
    const top = index * ROW_HEIGHT
    if (top < element.scrollTop) element.scrollTop = top
    else if (top + ROW_HEIGHT > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + ROW_HEIGHT - element.clientHeight
    }
  }, [current, rows.length])

  const toggle = (id: string): void => {
    const next = new Set(toggled)
    if (!next.delete(id)) next.add(id)
    setToggled(next)
  }
  const choose = (row: Row): void => {
    setFocusId(row.id)
    if (row.type === 'span') onSelect(row.id)
    else toggle(row.id)
  }
  const zoom = (factor: number): void => setView(zoomed(view, factor, tree.totalNs))
  const walk = (event: KeyboardEvent): void => {
    const index = rows.findIndex(row => row.id === current)
    const row = rows[index]
    const go = (to: Row | undefined): void => {
      if (to === undefined) return
      setFocusId(to.id)
      if (to.type === 'span') onSelect(to.id)
    }
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => go(rows[index + 1]),
      ArrowUp: () => go(rows[index - 1]),
      Home: () => go(rows[0]),
      End: () => go(rows.at(-1)),
      PageDown: () => go(rows[Math.min(rows.length - 1, index + 20)]),
      PageUp: () => go(rows[Math.max(0, index - 20)]),
      ArrowRight: () => {
        if (row?.foldable === true && !row.isOpen) toggle(row.id)
        else if (row?.isOpen === true) go(rows[index + 1])
      },
      ArrowLeft: () => {
        if (row?.isOpen === true) toggle(row.id)
        else go(rows.find(({ id }) => id === row?.parentId))
      },
      Enter: () => row !== undefined && choose(row),
      '+': () => zoom(1 / ZOOM),
      '=': () => zoom(1 / ZOOM),
      '-': () => zoom(ZOOM),
      '0': () => setView({ fromNs: 0, toNs: tree.totalNs }),
    }
    const move = moves[event.key]
    if (move === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    move()
  }

  const height = Math.min(rows.length, mostRows) * ROW_HEIGHT
  return (
    <div className="waterfall">
      <div className="waterfall-head">
        <span className="waterfall-tools">
          <button
            type="button"
            className="icon-button"
            aria-label="Zoom in"
            onClick={() => zoom(1 / ZOOM)}
          >
            <Icon name="plus" size={14} />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label="Zoom out"
            onClick={() => zoom(ZOOM)}
          >
            <Icon name="minus" size={14} />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label="Show the whole trace"
            onClick={() => setView({ fromNs: 0, toNs: tree.totalNs })}
          >
            <Icon name="fit" size={14} />
          </button>
        </span>
        <Minimap tree={tree} view={view} onView={setView} />
        <TimeAxis view={view} />
      </div>
      <div
        ref={scroller}
        className="waterfall-rows"
        style={{ height }}
        role="tree"
        aria-label="Spans"
        tabIndex={0}
        aria-activedescendant={current === undefined ? undefined : `row-${current}`}
        onKeyDown={walk}
      >
        <div
          className="waterfall-space"
          style={{ height: rows.length * ROW_HEIGHT }}
          role="presentation"
        >
          {rows.slice(visible.from, visible.to).map((row, offset) => (
            <WaterfallRow
              key={row.id}
              row={row}
              top={(visible.from + offset) * ROW_HEIGHT}
              view={view}
              critical={row.type === 'span' ? (critical.get(row.id) ?? NOTHING) : NOTHING}
              isCurrent={row.id === current}
              isMarked={isMarked(row, marked)}
              isOrphan={tree.orphans.has(row.id)}
              onToggle={toggle}
              onChoose={choose}
            />
          ))}
        </div>
      </div>
      <Legend />
    </div>
  )
}

const NOTHING: readonly never[] = []

function isMarked(row: Row, marked: ReadonlySet<string> | undefined): boolean {
  if (marked === undefined) return false
  if (row.type === 'span') return marked.has(row.id)
  return row.nodes.some(({ span }) => marked.has(span.span_id))
}

function Legend(): ReactElement {
  return (
    <p className="waterfall-legend">
      {LEGEND.map(({ color, label }) => (
        <span key={label}>
          <i style={{ background: `var(${color})` }} />
          {label}
        </span>
      ))}
      <span>
        <i className="critical" />
        critical path: what had to be faster for the trace to be faster
      </span>
    </p>
  )
}

const LEGEND = [
  { color: '--c-db', label: 'database' },
  { color: '--c-render', label: 'render' },
  { color: '--c-external', label: 'external' },
  { color: '--c-self', label: 'other' },
] as const

function TimeAxis({ view }: { view: View }): ReactElement {
  const ticks = [0, 0.25, 0.5, 0.75, 1]
  return (
    <div className="time-axis" aria-hidden="true">
      {ticks.map(tick => (
        <span
          key={tick}
          style={{ left: `${tick * 100}%` }}
          data-edge={tick === 0 ? 'start' : tick === 1 ? 'end' : undefined}
        >
          {formatDuration(view.fromNs + (view.toNs - view.fromNs) * tick)}
        </span>
      ))}
    </div>
  )
}

/** Around the middle, never beyond the trace. */
function zoomed(view: View, factor: number, totalNs: number): View {
  const middle = (view.fromNs + view.toNs) / 2
  const half = Math.max(((view.toNs - view.fromNs) * factor) / 2, totalNs / 1e5, 1)
  return { fromNs: Math.max(0, middle - half), toNs: Math.min(totalNs, middle + half) }
}
