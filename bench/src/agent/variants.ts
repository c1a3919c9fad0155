import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PEERS } from './peers.ts'

/** How the application is started with an agent, and what that agent sends. */
export interface Variant {
  readonly name: string
  readonly nodeOptions: readonly string[]
  /** Undefined for an application without an agent. */
  readonly protocol: 'otlp' | 'datadog' | 'elastic' | 'sentry' | undefined
  readonly env?: Readonly<Record<string, string>>
}

const here = (file: string) => new URL(file, import.meta.url).href
const ofPeer = (path: string) => pathToFileURL(join(dirname(PEERS), 'node_modules', path)).href

export const WITHOUT = { name: 'without', nodeOptions: [], protocol: undefined } satisfies Variant
/** Tells what differs by chance. */
export const WITHOUT_AGAIN = { ...WITHOUT, name: 'without_again' } satisfies Variant
export const PERFLOOP = {
  name: 'perfloop',
  // By its file: another Node may run the application, and finds no workspace.
  nodeOptions: [
    '--import',
    pathToFileURL(createRequire(import.meta.url).resolve('@perfloop/agent')).href,
  ],
  protocol: 'otlp',
} satisfies Variant

export const OTHERS: readonly Variant[] = [
  {
    name: 'opentelemetry',
    nodeOptions: ['--import', here('./peer-opentelemetry.js')],
    protocol: 'otlp',
    // As much as comes, so that nobody gains by dropping.
    env: { OTEL_BSP_MAX_QUEUE_SIZE: '65536', OTEL_BSP_SCHEDULE_DELAY: '1000' },
  },
  {
    name: 'datadog',
    nodeOptions: [
      '--import',
      ofPeer('dd-trace/register.js'),
      '--import',
      here('./peer-datadog.js'),
    ],
    protocol: 'datadog',
    env: {
      DD_TRACE_MIDDLEWARE_TRACING_ENABLED: 'false',
      DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
      DD_REMOTE_CONFIGURATION_ENABLED: 'false',
      DD_TRACE_STATS_COMPUTATION_ENABLED: 'false',
      DD_TRACE_RATE_LIMIT: '-1',
      DD_TRACE_SAMPLE_RATE: '1',
    },
  },
  {
    name: 'elastic',
    nodeOptions: [
      '--no-warnings',
      '--experimental-loader',
      ofPeer('elastic-apm-node/loader.mjs'),
      '--import',
      here('./peer-elastic.js'),
    ],
    protocol: 'elastic',
  },
  { name: 'sentry', nodeOptions: ['--import', here('./peer-sentry.js')], protocol: 'sentry' },
]
