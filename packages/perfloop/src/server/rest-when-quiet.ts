import type { Clock } from '../domain/clock.ts'

/** How long after the last news the stages that live on telemetry go on: what came last has settled by then. */
const AFTERGLOW_MS = 60_000
/** How long after the last news nothing is left to do: every stage has run since, and the judges' thread has ended. */
const SETTLED_MS = 2.5 * AFTERGLOW_MS

/**
 * Lets stages that live on new telemetry rest while there is none: what they would read again, they have
 * read. News that comes while a stage runs counts for its next run.
 */
export class RestWhenQuiet {
  readonly #clock: Clock
  #lastNewsUnixMs: number

  /** Starting is news: what was stored before may not have been looked at. */
  constructor(clock: Clock) {
    this.#clock = clock
    this.#lastNewsUnixMs = clock.nowUnixMs()
  }

  /** There is something that was not there before. */
  news(): void {
    this.#lastNewsUnixMs = this.#clock.nowUnixMs()
  }

  /** `work` as long as there is news it may not have seen; nothing otherwise. */
  guard(work: () => Promise<unknown>): () => Promise<unknown> {
    let lastRunUnixMs = Number.NEGATIVE_INFINITY
    return async () => {
      if (lastRunUnixMs > this.#lastNewsUnixMs + AFTERGLOW_MS) return
      const startedUnixMs = this.#clock.nowUnixMs()
      await work()
      lastRunUnixMs = startedUnixMs
    }
  }

  /** `work` once in each quiet time, when all is settled; again as long as it says that it was not the time. */
  oncePerQuiet(work: () => Promise<boolean>): () => Promise<void> {
    let restedSinceUnixMs: number | undefined
    return async () => {
      const quietSinceUnixMs = this.#lastNewsUnixMs
      if (restedSinceUnixMs === quietSinceUnixMs) return
      if (this.#clock.nowUnixMs() < quietSinceUnixMs + SETTLED_MS) return
      if (await work()) restedSinceUnixMs = quietSinceUnixMs
    }
  }
}
