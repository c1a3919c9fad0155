import type { Settings } from '../settings/settings.ts'
import type { StageRunner } from './stage-runner.ts'

/**
 * The product in one sentence. Each word is a heading of docs/life-of-a-span.md and either part
 * of the way of every batch (receive to store, in the receiver's thread and the loader) or one of the steps
 * below.
 */
export const STAGES = [
  'receive',
  'decode',
  'fingerprint',
  'enrich',
  'store',
  'analyze',
  'issue',
  'recommend',
  'apply',
  'verify',
  'show',
] as const

/** The parts, by what they do. Each may fail; none knows of the others. */
export interface LoopParts {
  readonly store: {
    /** Settled executions become measurements. */
    measure(): Promise<unknown>
    /** Traces are kept or dropped, as a whole. */
    sample(): Promise<unknown>
    /** What is past its retention leaves the disk. */
    retain(): Promise<unknown>
    /** Beyond the limit of disk, the oldest detail goes first. */
    limitDisk(): Promise<unknown>
  }
  readonly analysis: {
    /** Every analyzer judges the last window; findings become issues, and issues that are gone are resolved. */
    analyzeAndTrack(): Promise<unknown>
  }
  readonly agents: {
    /** What was told to agents, or by them, and is expired ends. */
    tend(): Promise<unknown>
  }
  readonly optimizer: {
    /** What a crash left half-way is brought to what the target says is true. */
    recover(): Promise<unknown>
    /** What databases tell about themselves goes into the store, where analyzers find it. */
    collect(): Promise<unknown>
    /** Issues that a change can settle get a proposal with its proof. */
    recommend(): Promise<unknown>
    /** Allowed changes are made, those made are judged, those that do not help are undone. */
    applyAndVerify(): Promise<unknown>
  }
}

/** One pass of what Perfloop sees: store → analyze → issue. `show` follows by itself: the live hub asks what is new. */
export async function observe(
  stages: StageRunner,
  { store, analysis, agents }: LoopParts,
  settings: Settings,
): Promise<void> {
  await stages.run('measure', settings.analysis.settleMs, () => store.measure())
  await stages.run('analyze', settings.analysis.intervalMs, () => analysis.analyzeAndTrack())
  await stages.run('sample', settings.sampling.intervalMs, () => store.sample())
  await stages.run('retain', settings.retention.cleanupIntervalMs, () => store.retain())
  await stages.run('limit-disk', settings.sampling.intervalMs, () => store.limitDisk())
  await stages.run('agents', settings.agents.tendIntervalMs, () => agents.tend())
}

/**
 * One pass of what Perfloop does: recommend → apply → verify. Beside `observe`, not after it: building an
 * index can take hours, and meanwhile nothing may go unseen.
 */
export async function act(
  stages: StageRunner,
  { optimizer }: LoopParts,
  settings: Settings,
): Promise<void> {
  await stages.runUntilDone('recover', settings.optimizer.intervalMs, () => optimizer.recover())
  await stages.run('collect', settings.optimizer.collect.intervalMs, () => optimizer.collect())
  await stages.run('recommend', settings.optimizer.intervalMs, () => optimizer.recommend())
  await stages.run('apply', settings.optimizer.intervalMs, () => optimizer.applyAndVerify())
}
