import { builtEntry } from '../domain/built-entry.ts'
import { type IdleThread, idleThread } from '../domain/idle-thread.ts'
import { PerfloopError } from '../domain/perfloop-error.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import type { BuildAnswer, BuildRequest, BuiltGraph } from './build-flame-graph.ts'

export interface FlameGraphsOptions {
  readonly control: ControlStore
  readonly mostFrames: number
}

/** Frames that are kept ready, some hundred bytes each: a screen's worth of graphs for a few who look. */
const MOST_KEPT_FRAMES = 32_000
const MOST_KEPT = 64
/** Memory of the thread: profiles are bounded when they come. */
const MAX_HEAP_MB = 512
const IDLE_MS = 10_000
const TIMEOUT_MS = 20_000

/**
 * Flame graphs of received profiles, which never change: built once, in a thread that lives only meanwhile, and the
 * latest of them kept.
 */
export class FlameGraphs {
  readonly #options: FlameGraphsOptions
  readonly #thread: IdleThread<BuildRequest, BuildAnswer>
  /** By the ids they are of, the one that was looked at last at the end. */
  readonly #built = new Map<string, Promise<BuiltGraph | undefined>>()
  readonly #frames = new Map<string, number>()
  /** The build before, which never fails here and keeps no graph. */
  #before: Promise<unknown> = Promise.resolve()

  constructor(options: FlameGraphsOptions) {
    this.#options = options
    this.#thread = idleThread({
      entry: builtEntry(import.meta.url, './flame.worker.ts'),
      maxHeapMb: MAX_HEAP_MB,
      idleMs: IDLE_MS,
      startFailed: reason =>
        new PerfloopError('INTERNAL', { reason: `the thread did not start: ${reason}` }),
    })
  }

  /** Of these profiles together, the newest first; undefined when none of them is there any more. */
  async of(ids: readonly string[]): Promise<BuiltGraph | undefined> {
    const key = ids.join()
    const known = this.#built.get(key)
    const graph = known ?? this.#build(ids)
    this.#built.delete(key)
    this.#built.set(key, graph)
    try {
      const built = await graph
      if (built === undefined) this.#forget(key)
      else if (this.#built.has(key)) this.#frames.set(key, built.frames)
      this.#makeRoom()
      return built
    } catch (error) {
      this.#forget(key)
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }

  /** One after another: whoever waits holds no profiles in memory meanwhile. */
  #build(ids: readonly string[]): Promise<BuiltGraph | undefined> {
    const building = this.#before.then(() => this.#buildNow(ids))
    this.#before = building.then(
      () => undefined,
      () => undefined,
    )
    return building
  }

  async #buildNow(ids: readonly string[]): Promise<BuiltGraph | undefined> {
    const { control, mostFrames } = this.#options
    const pprofs: Uint8Array[] = []
    for (const id of ids) {
      const pprof = await control.profiles.bytes(id)
      if (pprof !== undefined) pprofs.push(pprof)
    }
    if (pprofs.length === 0) return undefined
    const reply = await this.#thread.ask({ pprofs, mostFrames }, TIMEOUT_MS)
    if (reply.status === 'lost') {
      throw new PerfloopError('PROFILE_UNREADABLE', { reason: reply.reason })
    }
    const { answer } = reply
    if (answer.status === 'unreadable') {
      throw new PerfloopError('PROFILE_UNREADABLE', answer.details)
    }
    return answer.graph
  }

  #makeRoom(): void {
    let frames = 0
    for (const count of this.#frames.values()) frames += count
    for (const key of this.#built.keys()) {
      if (frames <= MOST_KEPT_FRAMES && this.#built.size <= MOST_KEPT) return
      frames -= this.#frames.get(key) ?? 0
      this.#forget(key)
    }
  }

  #forget(key: string): void {
    this.#built.delete(key)
    this.#frames.delete(key)
  }
}
