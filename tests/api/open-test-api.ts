import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { Agents } from '../../packages/perfloop/src/agents/agents.ts'
import { FlameGraphs } from '../../packages/perfloop/src/agents/flame-graphs.ts'
import type { ApiContext } from '../../packages/perfloop/src/api/api-context.ts'
import { AccessControl } from '../../packages/perfloop/src/api/auth/access-control.ts'
import type { Health } from '../../packages/perfloop/src/api/contract/config.ts'
import { createApi } from '../../packages/perfloop/src/api/create-api.ts'
import { LiveHub } from '../../packages/perfloop/src/api/live/live-hub.ts'
import type { WatchSpans } from '../../packages/perfloop/src/api/live/span-tail.ts'
import type { Clock } from '../../packages/perfloop/src/domain/clock.ts'
import { silentLogger } from '../../packages/perfloop/src/domain/logger.ts'
import { OPTIMIZATION_KINDS } from '../../packages/perfloop/src/optimizations/built-in.ts'
import { createOptimizer } from '../../packages/perfloop/src/optimizer/create-optimizer.ts'
import { liveSources } from '../../packages/perfloop/src/server/live-sources.ts'
import { loadSettings } from '../../packages/perfloop/src/settings/load-settings.ts'
import type { ControlStore } from '../../packages/perfloop/src/store/control/control-store.ts'
import { openControlStore } from '../../packages/perfloop/src/store/control/open-control-store.ts'
import {
  type OpenTelemetryStore,
  openTelemetryStore,
} from '../../packages/perfloop/src/store/telemetry/open-telemetry-store.ts'
import { TARGET_KINDS } from '../../packages/perfloop/src/targets/built-in.ts'

export const ADMIN_TOKEN = 'the-admin-token-of-these-tests'

export interface TestApi {
  readonly app: FastifyInstance
  readonly store: OpenTelemetryStore
  readonly control: ControlStore
  readonly context: ApiContext
  readonly live: LiveHub
  close(): Promise<void>
}

/** The API over real stores, without receivers and without a loop. */
export async function openTestApi(options: {
  readonly flags?: Readonly<Record<string, unknown>>
  readonly clock: Clock
  readonly watchSpans?: WatchSpans
  readonly dashboardDirectory?: string
}): Promise<TestApi> {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'perfloop-api-'))
  const { settings, sources } = loadSettings({ flags: options.flags ?? {} })
  const logger = silentLogger
  const { clock } = options
  const [store, control] = await Promise.all([
    openTelemetryStore({ dataDirectory, settings, logger, clock }),
    openControlStore({ dataDirectory, url: null, clock }),
  ])
  const optimizer = createOptimizer({
    control,
    telemetry: store,
    engine: store.engine,
    settings,
    targetKinds: TARGET_KINDS,
    optimizationKinds: OPTIMIZATION_KINDS,
    clock,
    logger,
    dataDirectory,
  })
  const health = async (): Promise<Health> => ({
    status: 'healthy',
    version: '0.0.0',
    started_at: new Date(clock.nowUnixMs()).toISOString(),
    components: [],
    analyzers: [],
  })
  const live = new LiveHub({
    sources: liveSources({ telemetry: store, control }, health, clock),
    watchSpans: options.watchSpans ?? (() => {}),
    settings: settings.server,
    logger,
  })
  const flameGraphs = new FlameGraphs({ control, mostFrames: settings.agents.maxFrames })
  const context: ApiContext = {
    settings,
    sources,
    telemetry: store,
    control,
    optimizer,
    agents: new Agents({ control, settings, clock, logger, onProfileChanged() {} }),
    flameGraphs,
    access: new AccessControl(ADMIN_TOKEN, settings.server),
    live,
    clock,
    logger,
    health,
    metrics: async () => [],
    ingestTokensChanged: async () => {},
    dashboardDirectory: options.dashboardDirectory,
  }
  const app = createApi(context)
  return {
    app,
    store,
    control,
    context,
    live,
    async close() {
      live.close()
      await app.close()
      await flameGraphs.close()
      await optimizer[Symbol.asyncDispose]()
      await control[Symbol.asyncDispose]()
      await store.close()
      rmSync(dataDirectory, { recursive: true, force: true })
    },
  }
}
