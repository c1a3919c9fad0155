import type { FlameFrame } from '@perfloop/client'
import { type KeyboardEvent, type ReactElement, useId, useMemo, useRef, useState } from 'react'
import { Icon } from '../components/icon.tsx'
import { SearchField } from '../components/search-field.tsx'
import { formatPercent } from '../format/number.ts'
import { formatProfileValue } from '../format/profile-value.ts'
import { CODE_ORIGINS, codeOrigin, shortPlace } from './code-origin.ts'
import {
  childPath,
  frameAt,
  isMatch,
  layOut,
  matchedShare,
  type PlacedFrame,
  parentPath,
} from './flame-layout.ts'

const ROW_PX = 21

/**
 * Callers above, what they called below, widths by time. A frame is chosen by pointing at it or with the arrow keys;
 * Enter or a click takes it to the whole width, Escape gives all back.
 */
export function FlameGraph({ root, unit }: { root: FlameFrame; unit: string }): ReactElement {
  const [zoom, setZoom] = useState('')
  const [selected, setSelected] = useState('')
  const [search, setSearch] = useState('')
  const tree = useRef<HTMLDivElement>(null)
  const id = useId()
  const placed = useMemo(() => layOut(root, zoom), [root, zoom])
  const share = useMemo(() => matchedShare(root, search), [root, search])
  const rows = Math.max(...placed.map(({ depth }) => depth)) + 1
  const shown = placed.some(({ path }) => path === selected) ? selected : zoom
  const chosen = frameAt(root, shown) ?? root
  const frameId = (path: string) => `${id}frame-${path === '' ? 'root' : path}`
  const zoomTo = (path: string): void => {
    setZoom(path)
    setSelected(path)
  }
  const onKey = (event: KeyboardEvent): void => {
    const next = step(event.key, shown, placed)
    if (event.key === 'Escape') zoomTo('')
    else if (event.key === 'Enter' || event.key === ' ') zoomTo(shown)
    else if (next === undefined) return
    else setSelected(next)
    event.preventDefault()
    const target = document.getElementById(frameId(next ?? shown))
    target?.scrollIntoView({ block: 'nearest' })
  }
  return (
    <div className="flame">
      <div className="flame-tools">
        <SearchField label="Search functions and files" value={search} onSearch={setSearch} />
        <span className="quiet" role="status">
          {search === '' ? '' : `${formatPercent(share)} in matching functions`}
        </span>
        <button
          type="button"
          className="button small"
          disabled={zoom === ''}
          onClick={() => zoomTo('')}
        >
          <Icon name="fit" size={14} /> Whole profile
        </button>
      </div>
      <div
        ref={tree}
        className="flame-rows"
        role="tree"
        tabIndex={0}
        aria-label="Flame graph: callers above, what they called below"
        aria-activedescendant={frameId(shown)}
        onKeyDown={onKey}
      >
        <div className="flame-space" style={{ height: rows * ROW_PX }}>
          {placed.map(one => (
            <Frame
              key={one.path}
              id={frameId(one.path)}
              placed={one}
              whole={root.total}
              unit={unit}
              isSelected={one.path === shown}
              isDimmed={search !== '' && !isMatch(one.frame, search)}
              onSelect={() => setSelected(one.path)}
              onZoom={() => {
                zoomTo(one.path)
                tree.current?.focus()
              }}
            />
          ))}
        </div>
      </div>
      <FrameDetails frame={chosen} whole={root.total} unit={unit} />
      <ul className="flame-legend" aria-label="Colors">
        {CODE_ORIGINS.map(({ origin, label }) => (
          <li key={origin}>
            <i data-origin={origin} /> {label}
          </li>
        ))}
      </ul>
    </div>
  )
}

/** Where an arrow key leads from a frame; undefined for other keys and where there is nothing. */
function step(key: string, from: string, placed: readonly PlacedFrame[]): string | undefined {
  const isShown = (path: string) => placed.some(one => one.path === path)
  const index = Number(from.slice(from.lastIndexOf('.') + 1))
  const beside = (offset: number) => childPath(parentPath(from), index + offset)
  const wanted =
    key === 'ArrowUp'
      ? parentPath(from)
      : key === 'ArrowDown'
        ? placed.find(one => one.path !== '' && parentPath(one.path) === from && one.path !== from)
            ?.path
        : from === ''
          ? undefined
          : key === 'ArrowLeft'
            ? beside(-1)
            : key === 'ArrowRight'
              ? beside(1)
              : undefined
  return wanted !== undefined && isShown(wanted) ? wanted : undefined
}

function Frame({
  id,
  placed,
  whole,
  unit,
  isSelected,
  isDimmed,
  onSelect,
  onZoom,
}: {
  id: string
  placed: PlacedFrame
  whole: number
  unit: string
  isSelected: boolean
  isDimmed: boolean
  onSelect: () => void
  onZoom: () => void
}): ReactElement {
  const { frame, depth, left, width, isAncestor } = placed
  const words = `${frame.name}, ${formatPercent(frame.total / whole)}, ${formatProfileValue(frame.total, unit)}`
  return (
    // The tree has the focus and the keys; a frame is what it speaks of.
    // biome-ignore lint/a11y/useFocusableInteractive: moved through by aria-activedescendant
    // biome-ignore lint/a11y/useKeyWithClickEvents: Enter on the tree does the same
    <div
      id={id}
      className="flame-frame"
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={isSelected}
      aria-label={words}
      title={words}
      data-origin={codeOrigin(frame)}
      data-dimmed={isDimmed || undefined}
      data-ancestor={isAncestor || undefined}
      style={{ left: `${left * 100}%`, width: `${width * 100}%`, top: depth * ROW_PX }}
      onClick={onZoom}
      onPointerEnter={onSelect}
    >
      {width > 0.012 ? frame.name : ''}
    </div>
  )
}

function FrameDetails({
  frame,
  whole,
  unit,
}: {
  frame: FlameFrame
  whole: number
  unit: string
}): ReactElement {
  const { name, file, line, self, total } = frame
  return (
    <p className="flame-details">
      <b>{name}</b>
      <span className="quiet" title={file}>
        {shortPlace({ file, line })}
      </span>
      <span>
        {formatProfileValue(total, unit)} ({formatPercent(total / whole)}), of its own{' '}
        {formatProfileValue(self, unit)} ({formatPercent(self / whole)})
      </span>
    </p>
  )
}
