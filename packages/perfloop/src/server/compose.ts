import { performance } from 'node:perf_hooks'
import { Agents } from '../agents/agents.ts'
import { FlameGraphs } from '../agents/flame-graphs.ts'
import { serveAgents } from '../agents/serve-agents.ts'
import { createAnalysis } from '../analysis/analysis.ts'
import { BUILT_IN_ANALYZERS, builtInJudgeWorker } from '../analyzers/built-in.ts'
import { AccessControl } from '../api/auth/access-control.ts'
import type { SecretFile } from '../api/auth/secret-file.ts'
import type { Health } from '../api/contract/config.ts'
import { createApi } from '../api/create-api.ts'
import { LiveHub } from '../api/live/live-hub.ts'
import { QueryDurations } from '../api/metrics/query-durations.ts'
import { SharedAnswers, shareQueries } from '../api/shared-answers.ts'
import type { Clock } from '../domain/clock.ts'
import type { Logger } from '../domain/logger.ts'
import { discoverProcesses } from '../ingest/resources/discover-processes.ts'
import { encodeResourceUsage } from '../ingest/resources/encode-resource-usage.ts'
import { OWN_SERVICE, startResourceSampler } from '../ingest/resources/resource-sampler.ts'
import { startLoader } from '../ingest/spool/loader.ts'
import { OPTIMIZATION_KINDS } from '../optimizations/built-in.ts'
import { createOptimizer } from '../optimizer/create-optimizer.ts'
import type { Optimizer } from '../optimizer/optimizer.ts'
import type { SettingSource } from '../settings/load-settings.ts'
import type { Settings } from '../settings/settings.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import { ChdbEngine } from '../store/telemetry/chdb/chdb-engine.ts'
import { keepTraces } from '../store/telemetry/jobs/keep-traces.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import { TARGET_KINDS } from '../targets/built-in.ts'
import { Closers } from './closers.ts'
import { collectMetrics } from './collect-metrics.ts'
import { findDashboard } from './dashboard-directory.ts'
import { browserUrl, listen } from './listen.ts'
import { liveSources } from './live-sources.ts'
import { measureHealth } from './measure-health.ts'
import { openParts } from './open-parts.ts'
import { readVersion } from './read-version.ts'
import { RestWhenQuiet } from './rest-when-quiet.ts'
import { StageRunner } from './stage-runner.ts'
import { startLoop } from './start-loop.ts'
import { createStoreJobs } from './store-jobs.ts'

export interface ServerOptions {
  readonly settings: Settings
  readonly sources: ReadonlyMap<string, SettingSource>
  readonly logger: Logger
  readonly clock: Clock
}

export interface RunningServer {
  /** Of the API and the dashboard, such as http://127.0.0.1:4600. */
  readonly url: string
  readonly otlpHttpPort: number
  readonly otlpGrpcPort: number
  readonly dataDirectory: string
  readonly adminToken: SecretFile
  /** From the call to ready. */
  readonly startMs: number
  readonly telemetry: TelemetryStore
  readonly control: ControlStore
  readonly optimizer: Optimizer
  /** Resolves when everything acknowledged before the call is in the store. */
  drain(): Promise<void>
  health(): Promise<Health>
  /** Commits the spool and ends the streams, the store's process and everything else. */
  close(): Promise<void>
}

/** The table of resource usage, which we fill ourselves also when nothing arrives. */
const OWN_TABLE = 'resource_usage'

/** Starts everything in one process tree. Resolves when the API answers and the OTLP ports accept. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const closers = new Closers(options.logger)
  try {
    return await start(options, closers)
  } catch (error) {
    await closers.closeAll()
    throw error
  }
}

async function start(options: ServerOptions, closers: Closers): Promise<RunningServer> {
  const startedMs = performance.now()
  const { settings, sources, logger, clock } = options
  const version = readVersion()
  const startedUnixMs = clock.nowUnixMs()
  const opened = await openParts(options, closers)
  const { dataDirectory, spoolDirectory, quarantineDirectory, adminToken } = opened
  const { store, control, receiver } = opened
  const { engine } = store
  const child = engine instanceof ChdbEngine ? engine : undefined
  const storePid = async () => child?.pid()
  const storeRestarts = () => child?.restarts ?? 0
  const queries = new QueryDurations()
  const telemetry = queries.observe(store)
  const answers = new SharedAnswers(settings.server, () => performance.now())
  const shared = shareQueries(telemetry, answers)
  const ingestTokensChanged = async () => {
    const tokens = await control.ingestTokens.list()
    receiver.setTokens(tokens.filter(({ revokedAt }) => revokedAt === null))
  }
  await ingestTokensChanged()

  const quiet = new RestWhenQuiet(clock)
  const loader = startLoader({
    spoolDirectory,
    quarantineDirectory,
    engine,
    logger,
    clock,
    rememberedBatches: settings.ingest.rememberedBatches,
    onSetAside: () => receiver.forgetMentions(),
    onLoaded: ({ tables }) => {
      if (tables.some(({ table }) => table !== OWN_TABLE)) quiet.news()
    },
  })
  closers.add('loader', () => loader.close())
  receiver.onSegmentClosed(() => loader.wake())
  const jobs = createStoreJobs(store, loader)

  const sampler = startResourceSampler({
    settings: settings.resources,
    logger,
    clock,
    write: rows => receiver.append(encodeResourceUsage(rows)),
    processes: async () => {
      const pid = await storePid()
      return pid === undefined ? [] : [{ service: OWN_SERVICE, environment: '', pid }]
    },
    discover: discoverProcesses(telemetry, clock),
  })
  closers.add('resource sampler', () => sampler.close())

  const analysis = createAnalysis({
    telemetry,
    control,
    analyzers: BUILT_IN_ANALYZERS,
    settings,
    clock,
    logger,
    judgeWorker: builtInJudgeWorker(),
    keepTraces: traceIds => keepTraces(store, traceIds),
  })
  const optimizer = createOptimizer({
    control,
    telemetry,
    engine,
    settings,
    targetKinds: TARGET_KINDS,
    optimizationKinds: OPTIMIZATION_KINDS,
    clock,
    logger,
    dataDirectory,
  })

  const stages = new StageRunner(clock, logger)
  const health = () =>
    measureHealth({
      settings,
      dataDirectory,
      receiver,
      loader,
      engine,
      control,
      stages,
      analyzers: () =>
        analysis.status().analyzers.map(({ kind, enabled, faults, reason }) => ({
          kind,
          enabled,
          faults,
          last_fault: reason,
        })),
      storeRestarts,
      hasNeighbour: () => agents.hasNeighbour,
      startedAt: new Date(startedUnixMs).toISOString(),
      version,
    })
  const agents = new Agents({
    control,
    settings,
    clock,
    logger,
    onProfileChanged: () => live.refresh(),
  })
  receiver.serveAgents(serveAgents(agents))
  closers.add('agents', async () => agents.close())
  const flameGraphs = new FlameGraphs({ control, mostFrames: settings.agents.maxFrames })
  closers.add('flame graphs', () => flameGraphs.close())
  const sharedHealth = () => answers.give('health', health)
  const live = new LiveHub({
    sources: liveSources({ telemetry: shared, control }, sharedHealth, clock),
    watchSpans: (listener, how) => receiver.watch(listener, how),
    onWatched: isWatched => agents.watch(isWatched),
    settings: settings.server,
    logger,
  })
  closers.add('live streams', () => live.close())

  const access = new AccessControl(adminToken.secret, settings.server)
  const app = createApi({
    settings,
    sources,
    telemetry: shared,
    control,
    optimizer,
    agents,
    flameGraphs,
    access,
    live,
    clock,
    logger,
    health: sharedHealth,
    ingestTokensChanged,
    dashboardDirectory: findDashboard(),
    metrics: () =>
      collectMetrics({
        settings,
        receiver,
        loader,
        live,
        stages,
        queries,
        health,
        storePid,
        storeRestarts,
        lateSpans: jobs.lateSpans,
        version,
        startedUnixMs,
      }),
  })
  closers.add('api', async () => {
    live.close()
    await app.close()
  })
  const port = await listen(app, settings.server.host, settings.server.port)

  const loop = startLoop({
    settings,
    stages,
    quiet,
    jobs,
    analysis,
    agents,
    optimizer,
    control,
    child,
  })
  closers.add('loop', () => loop.stop())

  return {
    url: browserUrl(settings.server.host, port),
    otlpHttpPort: receiver.httpPort,
    otlpGrpcPort: receiver.grpcPort,
    dataDirectory,
    adminToken,
    startMs: performance.now() - startedMs,
    telemetry,
    control,
    optimizer,
    health,
    async drain() {
      await receiver.rotate()
      await loader.drain()
    },
    close: () => closers.closeAll(),
  }
}
