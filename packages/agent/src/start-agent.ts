import { writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import type { Agent } from './agent.ts'
import { type AgentConfiguration, type AgentOptions, readConfiguration } from './agent-options.ts'
import { API_ES_FILES, API_FILES, OpenTelemetryBridge } from './bridge/opentelemetry-api.ts'
import { Knobs } from './control/knobs.ts'
import { startControl } from './control/start-control.ts'
import { SpanExporter } from './export/span-exporter.ts'
import { instrumentBuiltApplications } from './instrument/built-applications.ts'
import { databaseEsModules, databaseModules, observeDatabases } from './instrument/databases.ts'
import { patchEsModules } from './instrument/es-modules.ts'
import { instrumentFetch, keepContextOfCalls } from './instrument/fetch.ts'
import { frameworkEsModules, frameworkModules, observeFrameworks } from './instrument/frameworks.ts'
import { instrumentHttpClient } from './instrument/http-client.ts'
import { instrumentHttpServer } from './instrument/http-server.ts'
import { instrumentHttp2Server } from './instrument/http2-server.ts'
import { jobEsModules, jobModules } from './instrument/jobs.ts'
import { mapperEsModules, mapperModules, observeMappers } from './instrument/mappers.ts'
import { hookModules, type PatchedModule } from './instrument/module-hook.ts'
import { packageAliases } from './instrument/package-aliases.ts'
import { instrumentProcessErrors } from './instrument/process-errors.ts'
import { resultHashes } from './instrument/result-hash.ts'
import { instrumentThreadJobs } from './instrument/thread-jobs.ts'
import { webSocketModules } from './instrument/ws.ts'
import { offerFetchSockets } from './knobs/fetch-sockets.ts'
import { httpMaxSockets } from './knobs/http-sockets.ts'
import { offerResponseCache } from './knobs/response-cache.ts'
import { RequestLog } from './log/request-log.ts'
import { EventLoopDelay } from './measure/event-loop-delay.ts'
import { Metrics } from './measure/metrics.ts'
import { measureRuntime } from './measure/runtime.ts'
import { setInterval, setTimeout } from './own-clock.ts'
import { addBadge } from './page/development-badge.ts'
import { addServerTiming } from './page/server-timing.ts'
import { EventLoopWatch } from './profile/event-loop-watch.ts'
import { followAll } from './record/active-span.ts'
import { CostBudget } from './record/cost-budget.ts'
import { headSampling } from './record/head-sampling.ts'
import { SpanRecorder } from './record/span-recorder.ts'

/** By then an application has set up what it sets up. */
const BUNDLED_SDK_MS = 2_000

const STARTED = Symbol.for('perfloop.agent')

/**
 * Begins to measure this process; what it loads later is instrumented as it is loaded, so call it first. Called
 * again it does nothing. It never throws: what does not work is told on standard error, and the application runs on.
 */
export function startAgent(options: AgentOptions = {}): void {
  void beginAgent(options)
}

/** The same, over when those packages are prepared too that come as ES modules only: before the application begins. */
export async function beginAgent(options: AgentOptions = {}): Promise<void> {
  const shared = globalThis as { [STARTED]?: true }
  if (shared[STARTED] || process.env.OTEL_SDK_DISABLED === 'true') return
  shared[STARTED] = true
  try {
    const configuration = readConfiguration(options, process.env, tell)
    const target = isMainThread
      ? configuration.target
      : { ...configuration.target, blockLimitMs: 0 }
    const { flushIntervalMs } = configuration
    const exporter = new SpanExporter({
      target,
      flushIntervalMs,
      onProblem: tell,
      onNews: news => control?.hear(news),
    })
    const budget = new CostBudget(configuration.costBudget, tell)
    headSampling.probability = configuration.samplingProbability
    resultHashes.areTold = configuration.resultHashes === 'on'
    const recorder = new SpanRecorder(exporter, budget)
    exporter.recorder = recorder
    const report = reportOnce()
    const requestLog = target.performanceLog && startRequestLog(exporter, configuration)
    if (requestLog !== undefined) followAll()
    const agent: Agent = {
      recorder,
      report,
      metrics: new Metrics(report),
      requestLog,
      knobs: new Knobs(configuration, report),
      activeRequests: 0,
      tell,
    }
    const bridge = new OpenTelemetryBridge(agent, configuration)
    bridge.standBackWhereRegistered()
    bridge.joinLoaded()
    // Before requests are traced: what it answers is traced too.
    offerResponseCache(agent, configuration.cachePaths)
    instrument(agent, bridge)
    // One voice for all threads of a process.
    const control =
      isMainThread && target.control !== undefined
        ? startControl(agent, exporter, configuration)
        : undefined
    // One that came by a copy of the API inside somebody's bundle, which no loading tells of.
    setTimeout(() => bridge.standBackWhereRegistered(), BUNDLED_SDK_MS).unref()
    const delay = new EventLoopDelay()
    // The threads of a process share most of what is measured, and only the first can be asked what it does.
    if (isMainThread) watch(agent, exporter, delay, target.blockLimitMs)
    const measuresMetrics = isMainThread && target.metricsUrl !== undefined
    if (measuresMetrics) measure(agent, exporter, delay, configuration)
    process.on('exit', () => {
      try {
        requestLog?.flush()
        if (exporter.isRunning && measuresMetrics) {
          exporter.sendMetrics(agent.metrics.collect())
        }
        exporter.finish()
      } catch {
        // The process ends all the same.
      }
    })
    addToPages(agent, configuration)
    await patchEsModules(
      [
        { package: '@opentelemetry/api', files: API_ES_FILES, patch: bridge.joinPart },
        ...frameworkEsModules(agent),
        ...databaseEsModules(agent),
        ...jobEsModules(agent),
        ...mapperEsModules(agent),
      ],
      report,
    )
  } catch (error) {
    tell(`does not measure this process: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function addToPages(
  agent: Agent,
  { hasServerTiming, badgeDashboardUrl }: AgentConfiguration,
): void {
  if (hasServerTiming || badgeDashboardUrl !== undefined) addServerTiming(agent)
  if (badgeDashboardUrl !== undefined) addBadge(agent, badgeDashboardUrl)
}

function startRequestLog(
  exporter: SpanExporter,
  { flushIntervalMs: intervalMs, isLogByTemplate: isByTemplate }: AgentConfiguration,
): RequestLog {
  const send = exporter.sendRequests.bind(exporter)
  return new RequestLog({ isByTemplate, intervalMs, send })
}

function watch(agent: Agent, exporter: SpanExporter, delay: EventLoopDelay, limitMs: number): void {
  const { pulse } = exporter
  new EventLoopWatch({ agent, pulse, delay, limitMs, onWake: () => exporter.wakeThread() })
}

function measure(
  agent: Agent,
  exporter: SpanExporter,
  delay: EventLoopDelay,
  { metricsIntervalMs }: AgentConfiguration,
): void {
  const { metrics, report } = agent
  measureRuntime(agent, delay)
  metrics.observe(
    'up-down-counter',
    { name: 'http.server.active_requests', unit: '{request}' },
    observe => observe(agent.activeRequests),
  )
  const { recorder } = agent
  metrics.observe('counter', { name: 'perfloop.agent.recording.time', unit: 's' }, observe =>
    observe(recorder.budget.spentInAllMs / 1_000),
  )
  metrics.observe('gauge', { name: 'perfloop.agent.shed_level', unit: '1' }, observe =>
    observe(recorder.budget.level),
  )
  metrics.observe('counter', { name: 'perfloop.agent.dropped_spans', unit: '{span}' }, observe =>
    observe(recorder.droppedInAll),
  )
  setInterval(() => {
    try {
      exporter.sendMetrics(metrics.collect())
    } catch (error) {
      report('collecting metrics', error)
    }
  }, metricsIntervalMs).unref()
}

function instrument(agent: Agent, bridge: OpenTelemetryBridge): void {
  const patched = (
    name: string,
    file: string,
    apply: (agent: Agent, exports: object) => void,
  ): PatchedModule => ({ package: name, file, patch: exports => apply(agent, exports) })
  hookModules(
    [
      ...API_FILES.map(file => ({ package: '@opentelemetry/api', file, patch: bridge.join })),
      ...frameworkModules(agent),
      patched('undici', 'index.js', keepContextOfCalls),
      ...databaseModules(agent),
      ...mapperModules(agent),
      ...jobModules(agent),
      ...webSocketModules(agent),
    ],
    agent.report,
    packageAliases(),
  )
  observeDatabases(agent)
  observeMappers(agent)
  agent.knobs.offer(httpMaxSockets)
  offerFetchSockets(agent)
  observeFrameworks(agent)
  instrumentHttpServer(agent)
  instrumentHttp2Server(agent)
  instrumentBuiltApplications(agent)
  instrumentHttpClient(agent)
  instrumentFetch(agent)
  instrumentProcessErrors(agent)
  instrumentThreadJobs(agent)
}

function reportOnce(): Agent['report'] {
  const told = new Set<string>()
  return (where, error) => {
    if (told.has(where)) return
    told.add(where)
    tell(`${where}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
}

/** Straight to the descriptor: an `error` event of a closed stream would end the host. */
function tell(problem: string): void {
  try {
    writeSync(STANDARD_ERROR, `perfloop agent: ${problem}\n`)
  } catch {
    // Nobody is there to read it.
  }
}

const STANDARD_ERROR = 2
