import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import type { ExportTarget } from './export/export-message.ts'

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
  /** `PERFLOOP_OPENTELEMETRY_SDK`: what to do beside an SDK that the application sets up. `stand-back` by default. */
  readonly openTelemetrySdk?: 'stand-back' | 'replace'
}

export interface AgentConfiguration {
  readonly target: ExportTarget
  readonly flushIntervalMs: number
  readonly metricsIntervalMs: number
  readonly replacesSdk: boolean
}

const FLUSH_INTERVAL_MS = 1_000
const METRICS_INTERVAL_MS = 10_000
const EXPORT_TIMEOUT_MS = 10_000
/** Timers cannot wait longer. */
const LONGEST_MS = 2 ** 31 - 1
const MAX_QUEUED_BYTES = 16 * 1024 * 1024

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ */
export function readConfiguration(
  options: AgentOptions,
  processEnvironment: NodeJS.ProcessEnv,
): AgentConfiguration {
  // Empty is as good as not set.
  const environment = Object.fromEntries(
    Object.entries(processEnvironment).filter(([, value]) => value !== ''),
  )
  const endpoint =
    options.endpoint ?? environment.OTEL_EXPORTER_OTLP_ENDPOINT ?? 'http://localhost:4318'
  const urlOf = (signal: 'traces' | 'metrics') => {
    const own = environment[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`]
    if (options.endpoint === undefined && own !== undefined) return checkedUrl(own)
    return checkedUrl(`${endpoint.replace(/\/+$/, '')}/v1/${signal}`)
  }
  const token = environment.PERFLOOP_TOKEN
  return {
    target: {
      tracesUrl: urlOf('traces'),
      metricsUrl: environment.OTEL_METRICS_EXPORTER === 'none' ? undefined : urlOf('metrics'),
      headers: {
        ...pairs(environment.OTEL_EXPORTER_OTLP_HEADERS),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...options.headers,
      },
      timeoutMs: positive(environment.OTEL_EXPORTER_OTLP_TIMEOUT) ?? EXPORT_TIMEOUT_MS,
      resource: readResource(options, environment),
      maxQueuedBytes: MAX_QUEUED_BYTES,
    },
    flushIntervalMs:
      options.flushIntervalMs ??
      positive(environment.PERFLOOP_FLUSH_INTERVAL_MS) ??
      FLUSH_INTERVAL_MS,
    metricsIntervalMs:
      options.metricsIntervalMs ??
      positive(environment.OTEL_METRIC_EXPORT_INTERVAL) ??
      METRICS_INTERVAL_MS,
    replacesSdk: (options.openTelemetrySdk ?? environment.PERFLOOP_OPENTELEMETRY_SDK) === 'replace',
  }
}

function checkedUrl(url: string): string {
  const { protocol } = new URL(url)
  if (protocol === 'http:' || protocol === 'https:') return url
  throw new TypeError(`the endpoint begins with ${protocol}, which is neither http: nor https:`)
}

function readResource(options: AgentOptions, environment: NodeJS.ProcessEnv) {
  const given = { ...pairs(environment.OTEL_RESOURCE_ATTRIBUTES), ...options.resourceAttributes }
  const name = options.serviceName ?? environment.OTEL_SERVICE_NAME ?? given['service.name']
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

/** `key=value,key=value`, the values percent-encoded. */
function pairs(text: string | undefined): Record<string, string> {
  const found: Record<string, string> = {}
  for (const pair of text?.split(',') ?? []) {
    const equals = pair.indexOf('=')
    if (equals <= 0) continue
    const value = pair.slice(equals + 1).trim()
    try {
      found[pair.slice(0, equals).trim()] = decodeURIComponent(value)
    } catch {
      found[pair.slice(0, equals).trim()] = value
    }
  }
  return found
}

function positive(text: string | undefined): number | undefined {
  const number = Number(text)
  return number > 0 ? Math.min(number, LONGEST_MS) : undefined
}
