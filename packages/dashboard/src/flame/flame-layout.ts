import type { FlameFrame } from '@perfloop/client'

/** A frame where it is drawn. `path` says which children lead to it: its identity. */
export interface PlacedFrame {
  readonly frame: FlameFrame
  readonly path: string
  readonly depth: number
  /** Of the width, 0 to 1. */
  readonly left: number
  readonly width: number
  /** One that leads to what is zoomed to. */
  readonly isAncestor: boolean
}

/** Narrower ones cannot be seen, nor pointed at. */
const LEAST_WIDTH = 0.0012

export function frameAt(root: FlameFrame, path: string): FlameFrame | undefined {
  let frame: FlameFrame | undefined = root
  for (const index of path === '' ? [] : path.split('.')) frame = frame?.children[Number(index)]
  return frame
}

export function parentPath(path: string): string {
  const dot = path.lastIndexOf('.')
  return dot < 0 ? '' : path.slice(0, dot)
}

export function childPath(path: string, index: number): string {
  return path === '' ? String(index) : `${path}.${index}`
}

/** The frames to draw when `zoom` takes the whole width: its callers above it, what it called below. */
export function layOut(root: FlameFrame, zoom: string): readonly PlacedFrame[] {
  const placed: PlacedFrame[] = []
  let frame = root
  let path = ''
  let depth = 0
  for (const index of zoom === '' ? [] : zoom.split('.').map(Number)) {
    const child = frame.children[index]
    if (child === undefined) break
    placed.push({ frame, path, depth, left: 0, width: 1, isAncestor: true })
    frame = child
    path = childPath(path, index)
    depth++
  }
  const whole = Math.max(frame.total, 1)
  const place = (one: FlameFrame, at: string, level: number, left: number): void => {
    placed.push({
      frame: one,
      path: at,
      depth: level,
      left,
      width: one.total / whole,
      isAncestor: false,
    })
    let from = left
    one.children.forEach((child, index) => {
      const width = child.total / whole
      if (width >= LEAST_WIDTH) place(child, childPath(at, index), level + 1, from)
      from += width
    })
  }
  place(frame, path, depth, 0)
  return placed
}

/** The share of all that is under frames whose name or file has the text; a match within a match counts once. */
export function matchedShare(root: FlameFrame, text: string): number {
  if (text === '') return 0
  const sum = (frame: FlameFrame): number =>
    isMatch(frame, text)
      ? frame.total
      : frame.children.reduce((total, child) => total + sum(child), 0)
  return sum(root) / Math.max(root.total, 1)
}

export function isMatch({ name, file }: FlameFrame, text: string): boolean {
  const wanted = text.toLowerCase()
  return name.toLowerCase().includes(wanted) || file.toLowerCase().includes(wanted)
}
