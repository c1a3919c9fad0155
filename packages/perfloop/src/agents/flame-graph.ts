import type { Profile, ProfileFrame } from './pprof.ts'

/** A frame under its callers, with everything that it called. */
export interface FlameNode {
  readonly name: string
  readonly file: string
  readonly line: number
  /** Of its own code, in the profile's unit. */
  self: number
  /** With what it called. */
  total: number
  readonly children: FlameNode[]
}

export interface HotFunction {
  readonly name: string
  readonly file: string
  readonly line: number
  readonly self: number
  /** Each sample counted once, however often the function is on its stack. */
  readonly total: number
}

export interface FlameGraph {
  readonly root: FlameNode
  readonly functions: readonly HotFunction[]
  readonly frames: number
  /** Frames too small to be shown; their time is in their callers'. */
  readonly hidden: number
}

const MOST_FUNCTIONS = 200

interface GrowingNode extends FlameNode {
  readonly byKey: Map<string, GrowingNode>
}

export function flameGraph(profile: Profile, mostFrames: number): FlameGraph {
  const root = grow({ name: 'all', file: '', line: 0 })
  const functions = new Map<string, { -readonly [Key in keyof HotFunction]: HotFunction[Key] }>()
  const keys = new Map<ProfileFrame, string>()
  let frames = 0
  for (const { value, stack } of profile.samples) {
    if (value <= 0) continue
    let node = root
    root.total += value
    const counted = new Set<string>()
    for (let depth = stack.length - 1; depth >= 0; depth--) {
      const frame = stack[depth] as ProfileFrame
      let key = keys.get(frame)
      if (key === undefined) {
        key = `${frame.name}\n${frame.file}`
        keys.set(frame, key)
      }
      let child = node.byKey.get(key)
      if (child === undefined) {
        child = grow(frame)
        node.byKey.set(key, child)
        frames++
      }
      child.total += value
      node = child
      const hot = functions.get(key) ?? { ...frame, self: 0, total: 0 }
      functions.set(key, hot)
      if (!counted.has(key)) hot.total += value
      if (depth === 0) hot.self += value
      counted.add(key)
    }
    node.self += value
  }
  const smallest = smallestShown(root, mostFrames)
  let shown = 0
  const shape = (node: GrowingNode): FlameNode => {
    const large = [...node.byKey.values()].filter(({ total }) => total >= smallest)
    shown += large.length
    const { byKey: _, ...plain } = node
    return { ...plain, children: large.sort((a, b) => b.total - a.total).map(shape) }
  }
  const tree = shape(root)
  return {
    root: tree,
    functions: [...functions.values()].sort((a, b) => b.self - a.self).slice(0, MOST_FUNCTIONS),
    frames: shown,
    hidden: frames - shown,
  }
}

function grow({ name, file, line }: ProfileFrame): GrowingNode {
  return { name, file, line, self: 0, total: 0, children: [], byKey: new Map() }
}

/** The total from which frames are shown, so that there are not more than `most`. */
function smallestShown(root: GrowingNode, most: number): number {
  const totals: number[] = []
  const waiting = [root]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const child of node.byKey.values()) {
      totals.push(child.total)
      waiting.push(child)
    }
  }
  if (totals.length <= most) return 0
  totals.sort((a, b) => b - a)
  // Those of the same total are all left out, so that siblings are treated alike.
  const limit = totals[most] as number
  return limit + Number.EPSILON * limit * 2
}
