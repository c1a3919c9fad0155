import { performance } from 'node:perf_hooks'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../domain/logger.ts'

/** How a stage of the loop is doing, for health and /metrics. */
export interface StageStatus {
  readonly name: string
  readonly runs: number
  readonly faults: number
  /** Faults since it last went well; 0 when it is well. */
  readonly faultsInRow: number
  readonly lastFault: string | undefined
  readonly lastRunUnixMs: number | undefined
  readonly lastMs: number
  readonly totalMs: number
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

/**
 * Runs stages when they are due. What one throws is contained here: it is logged, counted and shown in
 * health, and the stages after it run all the same.
 */
export class StageRunner {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #stages = new Map<string, Mutable<StageStatus>>()
  readonly #done = new Set<string>()
  readonly #dueUnixMs = new Map<string, number>()

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  /** Runs `work` when `everyMs` have passed since it was last begun; false when it is not due. */
  async run(name: string, everyMs: number, work: () => Promise<unknown>): Promise<boolean> {
    const nowUnixMs = this.#clock.nowUnixMs()
    const waitMs = (this.#dueUnixMs.get(name) ?? 0) - nowUnixMs
    // Further away than it can be: the clock was set back, and must not stop everything until it caught up.
    if (waitMs > 0 && waitMs <= everyMs) return false
    this.#dueUnixMs.set(name, nowUnixMs + everyMs)

    const status = this.#statusOf(name)
    const startedMs = performance.now()
    status.runs += 1
    status.lastRunUnixMs = nowUnixMs
    try {
      await work()
      if (status.faultsInRow > 0) this.#logger.info({ stage: name }, 'a stage works again')
      status.faultsInRow = 0
      status.lastFault = undefined
    } catch (error) {
      // Whoever stops everything aborts what is under way; what takes too long is a TimeoutError.
      if (error instanceof DOMException && error.name === 'AbortError') return true
      status.faults += 1
      status.faultsInRow += 1
      status.lastFault = error instanceof Error ? error.message : String(error)
      this.#logger.error(
        { error, stage: name, faults_in_row: status.faultsInRow },
        'a stage failed',
      )
    } finally {
      status.lastMs = performance.now() - startedMs
      status.totalMs += status.lastMs
    }
    return true
  }

  /** For what has to go well once: repeated every `everyMs` until it did. */
  async runUntilDone(name: string, everyMs: number, work: () => Promise<unknown>): Promise<void> {
    if (this.#done.has(name)) return
    await this.run(name, everyMs, async () => {
      await work()
      this.#done.add(name)
    })
  }

  statuses(): readonly StageStatus[] {
    return [...this.#stages.values()].map(status => ({ ...status }))
  }

  #statusOf(name: string): Mutable<StageStatus> {
    let status = this.#stages.get(name)
    if (status === undefined) {
      status = {
        name,
        runs: 0,
        faults: 0,
        faultsInRow: 0,
        lastFault: undefined,
        lastRunUnixMs: undefined,
        lastMs: 0,
        totalMs: 0,
      }
      this.#stages.set(name, status)
    }
    return status
  }
}
