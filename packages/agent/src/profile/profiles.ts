import { setTimeout as wait } from 'node:timers/promises'
import type { MainThread, Post } from './main-thread.ts'
import type { Pprof } from './pprof.ts'
import { type CpuProfile, cpuPprof, type HeapProfile, heapPprof } from './v8-profiles.ts'

/** Nobody needs a longer one, and V8 keeps every sample until its end. */
const LONGEST_PROFILE_MS = 120_000
const SHORTEST_PROFILE_MS = 100
/** Microseconds: fine enough for a profile of seconds, at some percent of the CPU while it is taken. */
const CPU_INTERVAL_US = 1_000
/** Bytes between two samples, on average. */
const HEAP_INTERVAL_BYTES = 64 * 1024

/**
 * Profiles that somebody asked for, taken by V8 for a bounded time, one at a time. To be used in the exporting thread:
 * the application's only has to begin and to end it. Beginning a CPU profile stops it once for about a millisecond per
 * megabyte of heap, since V8 lists all its functions.
 */
export class Profiles {
  readonly #mainThread: MainThread
  #isTaking = false

  constructor(mainThread: MainThread) {
    this.#mainThread = mainThread
  }

  /** A gzipped pprof of `cpu` in nanoseconds. Rejects when there is no inspector, or one is being taken. */
  takeCpuProfile(durationMs: number): Promise<Buffer> {
    return this.#take(durationMs, async (post, boundedMs) => {
      await post('Profiler.enable')
      await post('Profiler.setSamplingInterval', { interval: CPU_INTERVAL_US })
      await post('Profiler.start')
      await wait(boundedMs)
      const { profile } = (await post('Profiler.stop')) as { profile: CpuProfile }
      await post('Profiler.disable')
      return cpuPprof(profile)
    })
  }

  /** A gzipped pprof of `inuse_space` in bytes: what was allocated in this time and is still held at its end. */
  takeHeapProfile(durationMs: number): Promise<Buffer> {
    return this.#take(durationMs, async (post, boundedMs) => {
      await post('HeapProfiler.startSampling', { samplingInterval: HEAP_INTERVAL_BYTES })
      await wait(boundedMs)
      const { profile } = (await post('HeapProfiler.stopSampling')) as { profile: HeapProfile }
      return heapPprof(profile)
    })
  }

  async #take(
    durationMs: number,
    take: (post: Post, boundedMs: number) => Promise<Pprof>,
  ): Promise<Buffer> {
    if (this.#isTaking) throw new Error('a profile is being taken already')
    this.#isTaking = true
    try {
      const boundedMs = Math.min(Math.max(durationMs, SHORTEST_PROFILE_MS), LONGEST_PROFILE_MS)
      const pprof = await this.#mainThread.use(post => take(post, boundedMs))
      if (pprof === undefined) throw new Error('this Node has no inspector, or is ending')
      return await pprof.bytes(boundedMs)
    } finally {
      this.#isTaking = false
    }
  }
}
