import type { OpenTelemetryStore } from '../open-telemetry-store.ts'
import { droppedAt } from '../queries/dropped-at.query.ts'
import { lateSpans } from '../queries/late-spans.query.ts'
import { maskedPartitions } from '../queries/masked-partitions.query.ts'
import { sampledSpans } from '../queries/sampled-spans.query.ts'
import { lastWindow, noteWindow } from './receive-window.ts'
import { DELETE_DROPPED, DROP_TRACES, KEEP_TRACES, removeMarked } from './sampling-sql.ts'
import { rejectionThreshold } from './sampling-threshold.ts'

const JOB = 'sampling'
const MS_PER_S = 1_000
const NS_PER_MS = 1_000_000n
const HOUR_S = 3_600
/** How long a decision is remembered for spans that come late. */
const REMEMBER_S = 2 * HOUR_S
/** The same where no entry span had come: a job that runs for a day sends its entry at the end. */
const REMEMBER_ROOTLESS_S = 48 * HOUR_S

export interface SamplingProgress {
  readonly droppedTraces: number
  /** Spans that came after their trace had been decided on. They follow it. */
  readonly lateSpans: number
}

export interface SamplingJob {
  /**
   * Decides what is due. `measuredUntilUnixMs` is what the measurement job said: whatever was received
   * before it is loaded and measured; the rest is left alone.
   */
  run(measuredUntilUnixMs: number): Promise<SamplingProgress>
}

/**
 * Keeps the detail of a share of the ordinary traces, of all slow, failed and critical ones and of those that
 * findings point at; a trace is kept or dropped as a whole. Counts, errors and percentiles come from rollups
 * made from all spans, so nothing is weighted anew here.
 *
 * A run can be cut off anywhere and repeated: what is kept is noted before what is dropped, and that before
 * anything is deleted, each leaving out what was decided before.
 */
export function createSamplingJob(store: OpenTelemetryStore): SamplingJob {
  const { sampling } = store.settings
  const named = Object.keys(sampling.rates)
  const sampled = named.filter(name => (sampling.rates[name] ?? 1) < 1)
  const othersAreSampled = sampling.defaultRate < 1
  const quietS = Math.ceil(sampling.decideAfterMs / MS_PER_S)
  const rootlessS = Math.max(quietS, Math.ceil(sampling.decideRootlessAfterMs / MS_PER_S))
  const policy = {
    environments: named,
    thresholds: Object.values(sampling.rates).map(rejectionThreshold),
    default_threshold: rejectionThreshold(sampling.defaultRate),
    slow_ns: BigInt(sampling.slowMs) * NS_PER_MS,
    critical: sampling.criticalOperations.map(
      ({ service = '', operation }) => `${service}\n${operation}`,
    ),
    remember_s: REMEMBER_S,
    remember_rootless_s: REMEMBER_ROOTLESS_S,
  }
  let decidedUntilS: number | undefined

  return {
    async run(measuredUntilUnixMs) {
      if (sampled.length === 0 && !othersAreSampled) return { droppedTraces: 0, lateSpans: 0 }
      decidedUntilS ??= (await lastWindow(store, JOB))?.toS ?? 0
      const untilS = Math.floor(measuredUntilUnixMs / MS_PER_S)
      const progress = await decide(decidedUntilS, untilS)
      decidedUntilS = untilS
      return progress
    },
  }

  async function decide(lastUntilS: number, untilS: number): Promise<SamplingProgress> {
    // What was received just before the last run could not be decided then.
    const fromS = Math.max(0, lastUntilS - rootlessS - 1)
    if (!(await anySampled(fromS))) return { droppedTraces: 0, lateSpans: 0 }

    const nowS = Math.floor(store.clock.nowUnixMs() / MS_PER_S)
    const params = {
      ...policy,
      now_s: nowS,
      from_s: fromS,
      quiet_before_s: Math.max(0, untilS - quietS),
      rootless_before_s: Math.max(0, untilS - rootlessS),
      remembered_since_s: Math.max(0, nowS - REMEMBER_ROOTLESS_S),
    }
    // Before those that are dropped once more are gone.
    const late = await countLate(lastUntilS, untilS)
    await store.engine.execute(KEEP_TRACES, params)
    await store.engine.execute(DROP_TRACES, params)
    const [dropped] = await store.run(droppedAt, { decided_s: nowS })
    const droppedTraces = dropped?.traces ?? 0
    if (droppedTraces > 0) await store.engine.execute(DELETE_DROPPED, params)
    await noteWindow(store, JOB, { fromS, toS: untilS })
    await removeMarkedRows(untilS)
    return { droppedTraces, lateSpans: late }
  }

  /** For the metrics only: when it cannot be told, decisions are made all the same. */
  async function countLate(from_s: number, to_s: number): Promise<number> {
    try {
      const [late] = await store.run(lateSpans, { from_s, to_s })
      return late?.spans ?? 0
    } catch {
      return 0
    }
  }

  async function anySampled(fromS: number): Promise<boolean> {
    const found = await store.run(sampledSpans, {
      from_s: fromS,
      sampled_environments: sampled,
      named_environments: named,
      others_are_sampled: othersAreSampled,
    })
    return found.length > 0
  }

  /** Of hours that nothing is deleted from any more. Younger ones are still merged, and lose their marked rows so. */
  async function removeMarkedRows(untilS: number): Promise<void> {
    const before_s = Math.max(0, untilS - rootlessS - quietS)
    for (const { partition_id } of await store.run(maskedPartitions, { before_s })) {
      await store.engine.execute(removeMarked(partition_id))
    }
  }
}
