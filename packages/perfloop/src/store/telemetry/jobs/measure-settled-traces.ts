import type { OpenTelemetryStore } from '../open-telemetry-store.ts'
import { entriesReceived } from '../queries/entries-received.query.ts'
import { measurementSql } from './measurement-sql.ts'
import { lastWindow, noteWindow, type ReceiveWindow } from './receive-window.ts'

const JOB = 'measurements'
/** A backlog is worked off in pieces of this length. */
const LONGEST_WINDOW_S = 60
/** Children of longer executions are looked up by trace; those of shorter ones are in a range read anyway. */
const LONG_EXECUTION_NS = 60_000_000_000n
/**
 * A window also reads what was received shortly before and after it, so short windows cost more than long
 * ones: of so many executions, so long a window is waited for. Fewer are measured at once.
 */
const MANY_EXECUTIONS = 5_000
const PATIENCE_S = 15
const NS_PER_S = 1e9
const MS_PER_S = 1_000

export interface MeasurementProgress {
  readonly executions: number
  /** Everything received before this instant is measured. */
  readonly measuredUntilUnixMs: number
  /** How far that is behind now. At least `analysis.settleMs`. */
  readonly lagMs: number
}

export interface MeasurementJob {
  /** Measures what has settled since the last call. Calls do not overlap: a second one waits for the first. */
  run(): Promise<MeasurementProgress>
}

/**
 * Makes one row in `measurements` for every entry span, once its trace has settled, exactly once: a window is
 * noted before it is begun and inserted under its own token, so whoever repeats it changes nothing.
 *
 * `loadedUntilUnixMs` says up to when everything that was acknowledged is in the store; a window never
 * reaches beyond, so a spool that is behind delays measurements and loses none.
 */
export function createMeasurementJob(
  store: OpenTelemetryStore,
  loadedUntilUnixMs: () => number | Promise<number> = () => store.clock.nowUnixMs(),
): MeasurementJob {
  const settleS = Math.ceil(store.settings.analysis.settleMs / MS_PER_S)
  let begun: ReceiveWindow | undefined
  let measuredUntilS: number | undefined
  let running: Promise<unknown> = Promise.resolve()

  return {
    run() {
      const next = running.then(measureSettled)
      running = next.catch(() => {})
      return next
    },
  }

  async function measureSettled(): Promise<MeasurementProgress> {
    const nowMs = store.clock.nowUnixMs()
    let executions = 0
    if (measuredUntilS === undefined) {
      begun ??= await lastWindow(store, JOB)
      if (begun !== undefined) executions += await measure(begun)
      measuredUntilS = begun?.toS ?? 0
    }
    const untilS = Math.floor(Math.min(nowMs, await loadedUntilUnixMs()) / MS_PER_S) - settleS
    // Ahead of the clock: it was set back, and what arrives now must not wait until it has caught up.
    if (measuredUntilS > nowMs / MS_PER_S) measuredUntilS = untilS
    let doneS = measuredUntilS
    while (doneS < untilS) {
      const waiting = await received({ fromS: measuredUntilS, toS: untilS })
      doneS = waiting.entries === 0 ? untilS : waiting.first_s
      const isSoonEnough = untilS - waiting.first_s < PATIENCE_S
      if (waiting.entries === 0 || (waiting.entries > MANY_EXECUTIONS && isSoonEnough)) break

      const window = { fromS: doneS, toS: Math.min(doneS + LONGEST_WINDOW_S, untilS) }
      await noteWindow(store, JOB, window)
      begun = window
      // Should this fail, the next run repeats the window that is noted.
      measuredUntilS = undefined
      executions += await measure(window)
      measuredUntilS = window.toS
      doneS = window.toS
    }
    return {
      executions,
      measuredUntilUnixMs: doneS * MS_PER_S,
      lagMs: Math.max(0, nowMs - doneS * MS_PER_S),
    }
  }

  async function measure(window: ReceiveWindow): Promise<number> {
    const entries = await received(window)
    if (entries.entries === 0) return 0
    // A child is received after it started, so not long before its entry started, and at most a batch later.
    const before = (longestNs: number) =>
      window.fromS - Math.ceil(longestNs / NS_PER_S) - settleS - 1
    const long = entries.longest_ns > entries.longest_short_ns
    await store.engine.execute(
      measurementSql({ long }),
      {
        from_s: window.fromS,
        to_s: window.toS,
        children_from_s: before(entries.longest_short_ns),
        children_to_s: window.toS + settleS,
        ...(long && {
          long_children_from_s: before(entries.longest_ns),
          long_ns: LONG_EXECUTION_NS,
        }),
      },
      { deduplicationToken: `${JOB}:${window.fromS}:${window.toS}` },
    )
    return entries.entries
  }

  async function received(window: ReceiveWindow) {
    const [row] = await store.run(entriesReceived, {
      from_s: window.fromS,
      to_s: window.toS,
      long_ns: LONG_EXECUTION_NS,
    })
    if (row === undefined) throw new Error('An aggregate has one row')
    return row
  }
}
