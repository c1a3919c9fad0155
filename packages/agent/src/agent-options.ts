import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type ControlTarget, controlTarget } from './control/control-target.ts'
import { enabledKnobs, isKnob, type KnobBounds, type KnobDefinition } from './control/knobs.ts'
import type { ExportTarget } from './export/export-message.ts'
import type { RotatingLogOptions } from './log/rotating-log.ts'
import { isHeader, OptionReader } from './option-reader.ts'

/** What `startAgent` takes. What is left out comes from the environment. */
export interface AgentOptions {
  /** `OTEL_SERVICE_NAME`; else the `name` in the application's package.json. */
  readonly serviceName?: string
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`; else `http://localhost:4318`. */
  readonly endpoint?: string
  /** `OTEL_EXPORTER_OTLP_HEADERS`, and `PERFLOOP_TOKEN` as a bearer token. */
  readonly headers?: Readonly<Record<string, string>>
  /** `OTEL_RESOURCE_ATTRIBUTES`. */
  readonly resourceAttributes?: Readonly<Record<string, string>>
  /** `PERFLOOP_FLUSH_INTERVAL_MS`: finished spans wait so long at most. 1,000 by default. */
  readonly flushIntervalMs?: number
  /** `OTEL_METRIC_EXPORT_INTERVAL`: metrics are collected so often. 10,000 by default. */
  readonly metricsIntervalMs?: number
  /** `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`: of the traces that begin here, 0 to 1. 1 by default. */
  readonly samplingProbability?: number
  /** `PERFLOOP_COST_BUDGET_PERCENT`: of the main thread that recording may take; beyond, detail is left out. 10 by default. */
  readonly costBudgetPercent?: number
  /** `PERFLOOP_BLOCK_LIMIT_MS`: an event loop blocked for longer is told with its stack. 100 by default, 0 for never. */
  readonly blockLimitMs?: number
  /** `PERFLOOP_PROFILE_PART_MS`: the continuous profile is sent in parts of so long. 60,000 by default, 0 for none. */
  readonly profilePartMs?: number
  /** `PERFLOOP_OPENTELEMETRY_SDK`: what to do beside an SDK that the application sets up. `stand-back` by default. */
  readonly openTelemetrySdk?: 'stand-back' | 'replace'
  /** `PERFLOOP_PERFORMANCE_LOG`: a line for each request goes to this file. None by default. */
  readonly performanceLog?: string
  /** `PERFLOOP_PERFORMANCE_LOG_ROUTE`: what it names a request by. `path` by default. */
  readonly performanceLogRoute?: 'path' | 'template'
  /** `PERFLOOP_CONTROL`: whether a Perfloop may tell settings and is told what is declared. `on` by default. */
  readonly control?: 'on' | 'off'
  /** `PERFLOOP_KNOBS`, such as `pg.pool.max=2..50`: knobs that may be turned, each within its bounds. None by default. */
  readonly knobs?: Readonly<Record<string, KnobBounds>>
  /**
   * `PERFLOOP_CACHE_PATHS`, such as `/towns,/prices`: paths whose answers are the same for everybody, and may be given
   * again while the knob `response_cache.ttl` says so. None by default.
   */
  readonly cachePaths?: readonly string[]
  /** Knobs of the application's own, see `defineKnob`; each must be enabled as well. */
  readonly ownKnobs?: readonly KnobDefinition[]
  /**
   * `PERFLOOP_RESULT_HASHES`: whether reads of databases tell a hash of their result and of their parameters. `server`,
   * as a Perfloop says, by default: it says no unless somebody set it.
   */
  readonly resultHashes?: 'on' | 'off' | 'server'
  /** `PERFLOOP_SERVER_TIMING`: tells pages what their requests cost. `development`, which is where NODE_ENV says so. */
  readonly serverTiming?: 'on' | 'off' | 'development'
  /** `PERFLOOP_BADGE`: shows in each page what its requests cost; never in production. `development` by default. */
  readonly badge?: 'on' | 'off' | 'development'
  /** `PERFLOOP_DASHBOARD_URL`: where the badge leads. Port 4600 of the endpoint's host by default. */
  readonly dashboardUrl?: string
}

export interface AgentConfiguration {
  readonly target: ExportTarget
  readonly flushIntervalMs: number
  readonly metricsIntervalMs: number
  /** Of the traces that begin here, 0 to 1. */
  readonly samplingProbability: number
  /** Of the main thread, 0 to 1. */
  readonly costBudget: number
  readonly replacesSdk: boolean
  /** Whether the performance log names requests by the route that was declared, where there is one. */
  readonly isLogByTemplate: boolean
  /** What the server may ask for at most: what the host has set, if it has. */
  readonly longestFlushMs: number
  readonly knobs: ReadonlyMap<string, KnobBounds>
  readonly ownKnobs: readonly KnobDefinition[]
  readonly cachePaths: readonly string[]
  readonly resultHashes: 'on' | 'off' | 'server'
  readonly hasServerTiming: boolean
  /** Where the badge leads, if pages get one. */
  readonly badgeDashboardUrl: string | undefined
}

const MAX_QUEUED_BYTES = 16 * 1024 * 1024
const MOST_MS = 3_600_000

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
export function readConfiguration(
  options: AgentOptions,
  environment: NodeJS.ProcessEnv,
  onProblem: (problem: string) => void,
): AgentConfiguration {
  const reader = new OptionReader(options, environment, onProblem)
  const endpoint = reader.text('endpoint', 'OTEL_EXPORTER_OTLP_ENDPOINT') ?? 'http://localhost:4318'
  const urlOf = (signal: 'traces' | 'metrics') => {
    const own = reader.text(undefined, `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`)
    if (options?.endpoint === undefined && own !== undefined) return checkedUrl(own)
    return checkedUrl(`${endpoint.replace(/\/+$/, '')}/v1/${signal}`)
  }
  const token = reader.text(undefined, 'PERFLOOP_TOKEN')
  const headers = reader.pairs('headers', 'OTEL_EXPORTER_OTLP_HEADERS', isHeader)
  const hasMetrics = reader.text(undefined, 'OTEL_METRICS_EXPORTER') !== 'none'
  const tracesUrl = urlOf('traces')
  const resource = readResource(reader)
  const sender: Pick<ExportTarget, 'headers' | 'timeoutMs' | 'certificates'> = {
    headers: token === undefined ? headers : { authorization: `Bearer ${token}`, ...headers },
    timeoutMs: reader.number({
      variable: 'OTEL_EXPORTER_OTLP_TIMEOUT',
      least: 100,
      most: 600_000,
      byDefault: 10_000,
    }),
    certificates: {
      ca: reader.file('OTEL_EXPORTER_OTLP_CERTIFICATE'),
      cert: reader.file('OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE'),
      key: reader.file('OTEL_EXPORTER_OTLP_CLIENT_KEY'),
    },
  }
  const flushIntervalMs = reader.number({
    option: 'flushIntervalMs',
    variable: 'PERFLOOP_FLUSH_INTERVAL_MS',
    least: 10,
    most: MOST_MS,
    byDefault: 1_000,
  })
  const configuration: AgentConfiguration = {
    target: {
      ...sender,
      tracesUrl,
      metricsUrl: hasMetrics ? urlOf('metrics') : undefined,
      resource,
      maxQueuedBytes: MAX_QUEUED_BYTES,
      profilePartMs: reader.number({
        option: 'profilePartMs',
        variable: 'PERFLOOP_PROFILE_PART_MS',
        least: 0,
        most: MOST_MS,
        byDefault: 60_000,
      }),
      blockLimitMs: reader.number({
        option: 'blockLimitMs',
        variable: 'PERFLOOP_BLOCK_LIMIT_MS',
        least: 0,
        most: MOST_MS,
        byDefault: 100,
      }),
      performanceLog: readPerformanceLog(reader),
      control: readControl(reader, { ...sender, tracesUrl, resource }),
    },
    flushIntervalMs,
    longestFlushMs: reader.isGiven('flushIntervalMs', 'PERFLOOP_FLUSH_INTERVAL_MS')
      ? flushIntervalMs
      : MOST_MS,
    metricsIntervalMs: reader.number({
      option: 'metricsIntervalMs',
      variable: 'OTEL_METRIC_EXPORT_INTERVAL',
      least: 100,
      most: MOST_MS,
      byDefault: 10_000,
    }),
    samplingProbability: readSampling(reader),
    costBudget:
      reader.number({
        option: 'costBudgetPercent',
        variable: 'PERFLOOP_COST_BUDGET_PERCENT',
        least: 0.1,
        most: 100,
        byDefault: 10,
      }) / 100,
    replacesSdk:
      reader.choice({
        option: 'openTelemetrySdk',
        variable: 'PERFLOOP_OPENTELEMETRY_SDK',
        choices: ['stand-back', 'replace'],
        byDefault: 'stand-back',
      }) === 'replace',
    isLogByTemplate:
      reader.choice({
        option: 'performanceLogRoute',
        variable: 'PERFLOOP_PERFORMANCE_LOG_ROUTE',
        choices: ['path', 'template'],
        byDefault: 'path',
      }) === 'template',
    knobs: enabledKnobs(reader.text(undefined, 'PERFLOOP_KNOBS'), reader.given('knobs'), onProblem),
    ownKnobs: readOwnKnobs(reader),
    cachePaths: readCachePaths(reader),
    badgeDashboardUrl: readBadge(reader, endpoint, environment),
    resultHashes: reader.choice({
      option: 'resultHashes',
      variable: 'PERFLOOP_RESULT_HASHES',
      choices: ['on', 'off', 'server'],
      byDefault: 'server',
    }),
    hasServerTiming: isOn(
      reader.choice({
        option: 'serverTiming',
        variable: 'PERFLOOP_SERVER_TIMING',
        choices: ['on', 'off', 'development'],
        byDefault: 'development',
      }),
      environment,
    ),
  }
  reader.tellUnknown()
  return configuration
}

/** Eleven files of ten million bytes: the one that is written and ten old ones. */
const LOG_BYTES = 10_000_000
const OLD_LOGS = 10

function readPerformanceLog(reader: OptionReader): RotatingLogOptions | undefined {
  const path = reader.text('performanceLog', 'PERFLOOP_PERFORMANCE_LOG')
  if (path === undefined || path === 'off') return undefined
  const file = path === 'on' ? join('logs', 'performance.log') : path
  return { path: resolve(file), maxBytes: LOG_BYTES, kept: OLD_LOGS }
}

function readControl(
  reader: OptionReader,
  sender: Parameters<typeof controlTarget>[0],
): ControlTarget | undefined {
  const wanted = reader.choice({
    option: 'control',
    variable: 'PERFLOOP_CONTROL',
    choices: ['on', 'off'],
    byDefault: 'on',
  })
  return wanted === 'on' ? controlTarget(sender) : undefined
}

function readOwnKnobs(reader: OptionReader): readonly KnobDefinition[] {
  const given = reader.given('ownKnobs')
  return Array.isArray(given) ? given.filter(isKnob) : []
}

/** Of `perfloop serve`, beside its receiver. */
const DASHBOARD_PORT = '4600'

function readBadge(
  reader: OptionReader,
  endpoint: string,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  const choice = reader.choice({
    option: 'badge',
    variable: 'PERFLOOP_BADGE',
    choices: ['on', 'off', 'development'],
    byDefault: 'development',
  })
  const given = reader.text('dashboardUrl', 'PERFLOOP_DASHBOARD_URL')
  if (environment.NODE_ENV === 'production' || !isOn(choice, environment)) return undefined
  const url = new URL(given ?? endpoint)
  if (given === undefined) url.port = DASHBOARD_PORT
  return given === undefined ? url.origin : (url.origin + url.pathname).replace(/\/+$/, '')
}

function isOn(choice: 'on' | 'off' | 'development', environment: NodeJS.ProcessEnv): boolean {
  return choice === 'on' || (choice === 'development' && environment.NODE_ENV === 'development')
}

/** A trace that came from a caller is always sampled as its caller decided: what the `parentbased_` samplers do. */
function readSampling(reader: OptionReader): number {
  const sampler = reader.choice({
    variable: 'OTEL_TRACES_SAMPLER',
    choices: SAMPLERS,
    byDefault: 'parentbased_always_on',
  })
  const probability = { option: 'samplingProbability', least: 0, most: 1 }
  if (sampler.endsWith('always_off')) return reader.number({ ...probability, byDefault: 0 })
  // The argument is for the samplers that take one.
  const argument = sampler.endsWith('traceidratio') ? { variable: 'OTEL_TRACES_SAMPLER_ARG' } : {}
  return reader.number({ ...probability, ...argument, byDefault: 1 })
}

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const

function readCachePaths(reader: OptionReader): readonly string[] {
  const given = reader.given('cachePaths')
  const paths = Array.isArray(given)
    ? given
    : (reader.text(undefined, 'PERFLOOP_CACHE_PATHS')?.split(',') ?? [])
  return paths.map(path => String(path).trim()).filter(path => path.startsWith('/'))
}

function checkedUrl(url: string): string {
  let protocol: string
  try {
    protocol = new URL(url).protocol
  } catch {
    throw new TypeError(`the endpoint is no URL: "${url}"`)
  }
  if (protocol === 'http:' || protocol === 'https:') return url
  throw new TypeError(`the endpoint begins with ${protocol}, which is neither http: nor https:`)
}

function readResource(reader: OptionReader) {
  const given = reader.pairs('resourceAttributes', 'OTEL_RESOURCE_ATTRIBUTES')
  const name = reader.text('serviceName', 'OTEL_SERVICE_NAME') ?? given['service.name']
  return {
    'process.pid': process.pid,
    'process.runtime.name': 'nodejs',
    'process.runtime.version': process.versions.node,
    'host.name': hostname(),
    'telemetry.sdk.name': 'perfloop',
    'telemetry.sdk.language': 'nodejs',
    'service.instance.id': `${hostname()}-${process.pid}`,
    ...given,
    'service.name': name ?? packageName() ?? 'unknown_service:node',
  }
}

/** Of the package.json next to the program that was started, or above it. */
function packageName(): string | undefined {
  let folder = dirname(process.argv[1] ?? join(process.cwd(), 'program'))
  for (;;) {
    try {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name?: unknown
      }
      if (typeof name === 'string') return name
    } catch {
      // Not there, or not readable: the next one above may be.
    }
    const parent = dirname(folder)
    if (parent === folder) return undefined
    folder = parent
  }
}
