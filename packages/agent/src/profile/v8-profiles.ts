import { Pprof } from './pprof.ts'
import { asPath, type StackFrame } from './stack-frame.ts'

/** https://chromedevtools.github.io/devtools-protocol/v8/Runtime/#type-CallFrame; lines begin at 0. */
interface CallFrame {
  readonly functionName: string
  readonly url: string
  readonly lineNumber: number
}

/** https://chromedevtools.github.io/devtools-protocol/v8/Profiler/#type-Profile */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: CallFrame
    readonly children?: readonly number[]
    readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[]
  }[]
  readonly samples?: readonly number[]
  /** Microseconds from the sample before, or from the start. */
  readonly timeDeltas?: readonly number[]
}

/** https://chromedevtools.github.io/devtools-protocol/v8/HeapProfiler/#type-SamplingHeapProfileNode */
interface HeapNode {
  readonly id: number
  readonly callFrame: CallFrame
  readonly selfSize: number
  readonly children: readonly HeapNode[]
}

export interface HeapProfile {
  readonly head: HeapNode
  readonly samples: readonly { readonly nodeId: number; readonly count: number }[]
}

/** What V8 calls what is no work of the process. */
const NO_WORK = new Set(['(root)', '(idle)'])

/** Each sample lasts until the next one. */
export function cpuPprof({ nodes, samples = [], timeDeltas = [] }: CpuProfile): Pprof {
  const spent = new Map<number, { count: number; ns: number }>()
  for (let i = 0; i < samples.length; i++) {
    const id = samples[i] as number
    const ns = Math.max(0, timeDeltas[i + 1] ?? 0) * 1_000
    const known = spent.get(id)
    if (known === undefined) spent.set(id, { count: 1, ns })
    else {
      known.count++
      known.ns += ns
    }
  }
  const byId = new Map(nodes.map(node => [node.id, node]))
  const parents = new Map<number, number>()
  for (const { id, children } of nodes) for (const child of children ?? []) parents.set(child, id)
  const pprof = new Pprof({ type: 'samples', unit: 'count' }, { type: 'cpu', unit: 'nanoseconds' })
  for (const [leaf, { count, ns }] of spent) {
    const node = byId.get(leaf)
    if (node === undefined || NO_WORK.has(node.callFrame.functionName)) continue
    // Where most of its ticks are: the line that is hot, not the one where the function begins.
    const hottest = [...(node.positionTicks ?? [])].sort((one, other) => other.ticks - one.ticks)[0]
    const stack = [frameOf(node.callFrame, hottest?.line)]
    for (let id = parents.get(leaf); id !== undefined; id = parents.get(id)) {
      const frame = byId.get(id)?.callFrame
      if (frame !== undefined && !NO_WORK.has(frame.functionName)) stack.push(frameOf(frame))
    }
    pprof.add(stack, count, ns)
  }
  return pprof
}

/** What was allocated while it was taken and was still in use at its end. */
export function heapPprof({ head, samples }: HeapProfile): Pprof {
  const counts = new Map<number, number>()
  for (const { nodeId, count } of samples) counts.set(nodeId, (counts.get(nodeId) ?? 0) + count)
  const pprof = new Pprof(
    { type: 'inuse_objects', unit: 'count' },
    { type: 'inuse_space', unit: 'bytes' },
  )
  // Without recursion: a stack may be deep.
  const open: { readonly node: HeapNode; readonly stack: readonly StackFrame[] }[] = [
    { node: head, stack: [] },
  ]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { node, stack } = next
    const isWork = !NO_WORK.has(node.callFrame.functionName)
    const own = isWork ? [frameOf(node.callFrame), ...stack] : stack
    if (node.selfSize > 0 && own.length > 0) {
      pprof.add(own, counts.get(node.id) ?? 1, node.selfSize)
    }
    for (const child of node.children) open.push({ node: child, stack: own })
  }
  return pprof
}

function frameOf({ functionName, url, lineNumber }: CallFrame, line?: number): StackFrame {
  return { name: functionName, file: asPath(url), line: line ?? Math.max(0, lineNumber + 1) }
}
