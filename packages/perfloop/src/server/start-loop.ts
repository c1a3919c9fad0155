import type { Agents } from '../agents/agents.ts'
import type { Analysis } from '../analysis/analysis.ts'
import type { Optimizer } from '../optimizer/optimizer.ts'
import type { Settings } from '../settings/settings.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import type { ChdbEngine } from '../store/telemetry/chdb/chdb-engine.ts'
import { startLane } from './lane.ts'
import { act, type LoopParts, observe } from './loop.ts'
import type { RestWhenQuiet } from './rest-when-quiet.ts'
import { returnFreedMemory } from './return-freed-memory.ts'
import type { StageRunner } from './stage-runner.ts'

/** How often the lanes of the loop look whether a stage is due. */
const LANE_PAUSE_MS = 500
/** How often it is looked whether memory can be given back. */
const REST_LOOK_MS = 10_000

export interface LoopOptions {
  readonly settings: Settings
  readonly stages: StageRunner
  readonly quiet: RestWhenQuiet
  readonly jobs: LoopParts['store']
  readonly analysis: Analysis
  readonly agents: Agents
  readonly optimizer: Optimizer
  readonly control: ControlStore
  /** The embedded store's process; undefined where the store is a server. */
  readonly child: ChdbEngine | undefined
}

/** Runs the two lanes of the loop, and lets what lives on telemetry rest while there is none. */
export function startLoop(options: LoopOptions): { stop(): Promise<void> } {
  const { settings, stages, quiet, jobs, analysis, agents, optimizer, control, child } = options
  const parts: LoopParts = {
    store: { ...jobs, measure: quiet.guard(jobs.measure) },
    analysis: { analyzeAndTrack: quiet.guard(() => analysis.tick()) },
    agents,
    optimizer: {
      recover: () => optimizer.recover(),
      collect: async () => {
        await optimizer.collectTargets()
        // New plans and statistics may make a finding of telemetry that was looked at before.
        if ((await control.targets.list()).length > 0) quiet.news()
      },
      recommend: () => optimizer.recommend(),
      applyAndVerify: () => optimizer.tick(),
    },
  }
  const renewStore = quiet.oncePerQuiet(async () => child === undefined || (await child.renew()))
  const giveMemoryBack = quiet.oncePerQuiet(async () => {
    returnFreedMemory()
    return true
  })
  const observing = startLane(LANE_PAUSE_MS, async () => {
    await observe(stages, parts, settings)
    await stages.run('rest', REST_LOOK_MS, async () => {
      await renewStore()
      await giveMemoryBack()
    })
  })
  const acting = startLane(LANE_PAUSE_MS, () => act(stages, parts, settings))
  return {
    async stop() {
      const stopped = [observing.stop(), acting.stop()]
      // Cuts short what the lanes wait for, such as an index that is being built.
      await optimizer[Symbol.asyncDispose]()
      await Promise.all(stopped)
      await analysis[Symbol.asyncDispose]()
    },
  }
}
