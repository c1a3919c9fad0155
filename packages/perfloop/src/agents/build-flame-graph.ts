import { PerfloopError } from '../domain/perfloop-error.ts'
import { type FlameGraph, flameGraph } from './flame-graph.ts'
import { type Profile, readProfile } from './pprof.ts'

/** Plain values, since it travels to another thread. */
export interface BuildRequest {
  /** Gzipped, of one unit and the newest first: they are added up. */
  readonly pprofs: readonly Uint8Array[]
  readonly mostFrames: number
}

export interface BuiltGraph extends FlameGraph {
  readonly type: string
  readonly unit: string
  /** How many of the profiles are in it. */
  readonly profiles: number
}

export type BuildAnswer =
  | { readonly status: 'built'; readonly graph: BuiltGraph }
  | { readonly status: 'unreadable'; readonly details: Readonly<Record<string, unknown>> }

/** Of all stacks that are added up: of true ones it is a small part of this, however many there are. */
const MOST_FRAMES = 2_000_000

export async function buildFlameGraph({ pprofs, mostFrames }: BuildRequest): Promise<BuildAnswer> {
  try {
    const read: Profile[] = []
    let frames = 0
    for (const pprof of pprofs) {
      const profile = await readProfile(pprof)
      for (const { stack } of profile.samples) frames += stack.length
      if (read.length > 0 && frames > MOST_FRAMES) break
      read.push(profile)
    }
    const [first] = read
    if (first === undefined) return { status: 'unreadable', details: { reason: 'no profile' } }
    const alike = read.filter(({ unit }) => unit === first.unit)
    const samples = alike.flatMap(profile => profile.samples)
    const graph = flameGraph({ ...first, samples }, mostFrames)
    const { type, unit } = first
    return { status: 'built', graph: { ...graph, type, unit, profiles: alike.length } }
  } catch (error) {
    const details = error instanceof PerfloopError ? error.details : { reason: String(error) }
    return { status: 'unreadable', details }
  }
}
