/**
 * What is known of a process while it runs, whoever measured it: our agent, or an OpenTelemetry SDK of any language.
 * Durations are in seconds and memory in bytes here, as the semantic conventions have them.
 */
export const RUNTIME_QUANTITIES = [
  'cpu',
  'memory',
  'heap_used',
  'heap_limit',
  'heap_floor',
  'gc_pause',
  'gc_pause_time',
  'gc_collections',
  'loop_delay_p50',
  'loop_delay_p90',
  'loop_delay_p99',
  'loop_delay_max',
  'loop_utilization',
  'open_resources',
  'active_requests',
  'open_files',
  'threads',
  'pool_used',
  'pool_idle',
  'pool_max',
  'pool_pending',
  'pool_timeouts',
  'pool_wait',
  'pool_use',
  'host_cpu',
  'host_memory',
] as const
export type RuntimeQuantity = (typeof RUNTIME_QUANTITIES)[number]

/** A level is what is so now, a counter only grows, a distribution holds many values. */
export type RuntimeReading = 'level' | 'counter' | 'distribution'

export interface RuntimeMetric {
  readonly name: string
  readonly quantity: RuntimeQuantity
  readonly reading: RuntimeReading
  /** Attributes, the first that is there, which tell its parts: heap spaces, kinds of collection, pools. */
  readonly parts?: readonly string[]
  /** Attributes, the first that is there, over whose values the mean is taken: the cores of a host. */
  readonly meanOver?: readonly string[]
  /** Points count only where this attribute has one of these values; '' is for points without it. */
  readonly where?: { readonly attribute: string; readonly is: readonly string[] }
  /** To seconds and bytes, where an older convention had another unit. */
  readonly factor?: number
}

const MS = 1e-3
const POOL = ['db.client.connection.pool.name', 'pool.name'] as const
const CORE = ['cpu.logical_number', 'system.cpu.logical_number', 'cpu'] as const
const POOL_STATE = 'db.client.connection.state'
const FORMER_POOL_STATE = 'state'
const HEAP = { attribute: 'jvm.memory.type', is: ['heap'] }
const FORMER_HEAP = { attribute: 'type', is: ['heap'] }
const RSS = { attribute: 'type', is: ['rss'] }

const level = (
  quantity: RuntimeQuantity,
  name: string,
  more: Partial<RuntimeMetric> = {},
): RuntimeMetric => ({ name, quantity, reading: 'level', ...more })
const counter = (
  quantity: RuntimeQuantity,
  name: string,
  more: Partial<RuntimeMetric> = {},
): RuntimeMetric => ({ name, quantity, reading: 'counter', ...more })
const distribution = (
  quantity: RuntimeQuantity,
  name: string,
  more: Partial<RuntimeMetric> = {},
): RuntimeMetric => ({ name, quantity, reading: 'distribution', ...more })

/**
 * By the semantic conventions of process, runtime and connection-pool metrics, of today and as older SDKs still send
 * them. Where a process sends two metrics of one quantity, the first in this list is taken.
 * https://opentelemetry.io/docs/specs/semconv/system/process-metrics/
 * https://opentelemetry.io/docs/specs/semconv/runtime/
 * https://opentelemetry.io/docs/specs/semconv/db/database-metrics/#connection-pools
 */
export const RUNTIME_METRICS: readonly RuntimeMetric[] = [
  counter('cpu', 'process.cpu.time'),
  counter('cpu', 'jvm.cpu.time'),
  counter('cpu', 'dotnet.process.cpu.time'),
  counter('cpu', 'process.runtime.cpu.time'),
  counter('cpu', 'process.runtime.cpython.cpu_time'),

  level('memory', 'process.memory.usage'),
  level('memory', 'dotnet.process.memory.working_set'),
  level('memory', 'process.runtime.memory', { where: RSS }),
  level('memory', 'process.runtime.cpython.memory', { where: RSS }),

  level('heap_used', 'v8js.memory.heap.used', { parts: ['v8js.heap.space.name'] }),
  level('heap_used', 'jvm.memory.used', { parts: ['jvm.memory.pool.name'], where: HEAP }),
  level('heap_used', 'process.runtime.jvm.memory.usage', { parts: ['pool'], where: FORMER_HEAP }),
  level('heap_used', 'go.memory.used', { parts: ['go.memory.type'] }),
  level('heap_used', 'dotnet.gc.last_collection.heap.size', {
    parts: ['dotnet.gc.heap.generation', 'gc.heap.generation'],
  }),
  // Of a single space it is that space's size now, and no limit.
  level('heap_limit', 'v8js.memory.heap.limit', {
    where: { attribute: 'v8js.heap.space.name', is: [''] },
  }),
  level('heap_limit', 'jvm.memory.limit', { where: HEAP }),
  level('heap_limit', 'process.runtime.jvm.memory.limit', { where: FORMER_HEAP }),
  level('heap_limit', 'go.memory.limit'),
  level('heap_floor', 'perfloop.v8js.memory.heap.floor'),
  level('heap_floor', 'jvm.memory.used_after_last_gc', { where: HEAP }),
  level('heap_floor', 'process.runtime.jvm.memory.usage_after_last_gc', { where: FORMER_HEAP }),

  distribution('gc_pause', 'v8js.gc.duration', { parts: ['v8js.gc.type'] }),
  distribution('gc_pause', 'jvm.gc.duration', { parts: ['jvm.gc.name'] }),
  distribution('gc_pause', 'process.runtime.jvm.gc.duration', { parts: ['gc'], factor: MS }),
  counter('gc_pause_time', 'dotnet.gc.pause.time'),
  counter('gc_collections', 'cpython.gc.collections', {
    parts: ['cpython.gc.generation', 'generation'],
  }),
  counter('gc_collections', 'dotnet.gc.collections', {
    parts: ['dotnet.gc.heap.generation', 'gc.heap.generation'],
  }),
  counter('gc_collections', 'process.runtime.gc_count', { parts: ['count'] }),
  counter('gc_collections', 'process.runtime.cpython.gc_count', { parts: ['count'] }),

  level('loop_delay_p50', 'nodejs.eventloop.delay.p50'),
  level('loop_delay_p90', 'nodejs.eventloop.delay.p90'),
  level('loop_delay_p99', 'nodejs.eventloop.delay.p99'),
  level('loop_delay_max', 'nodejs.eventloop.delay.max'),
  level('loop_utilization', 'nodejs.eventloop.utilization'),

  level('open_resources', 'v8js.resource.active', { parts: ['v8js.resource.type'] }),
  level('active_requests', 'http.server.active_requests'),
  level('open_files', 'process.unix.file_descriptor.count'),
  level('open_files', 'process.open_file_descriptor.count'),
  level('open_files', 'jvm.file_descriptor.count'),
  level('threads', 'process.thread.count'),
  level('threads', 'jvm.thread.count'),
  level('threads', 'dotnet.thread_pool.thread.count'),
  level('threads', 'process.runtime.thread_count'),
  level('threads', 'process.runtime.cpython.thread_count'),
  level('threads', 'process.runtime.jvm.threads.count'),

  ...(['used', 'idle'] as const).flatMap(state => [
    level(`pool_${state}`, 'db.client.connection.count', {
      parts: POOL,
      where: { attribute: POOL_STATE, is: [state] },
    }),
    level(`pool_${state}`, 'db.client.connections.usage', {
      parts: POOL,
      where: { attribute: FORMER_POOL_STATE, is: [state] },
    }),
  ]),
  level('pool_max', 'db.client.connection.max', { parts: POOL }),
  level('pool_max', 'db.client.connections.max', { parts: POOL }),
  level('pool_pending', 'db.client.connection.pending_requests', { parts: POOL }),
  level('pool_pending', 'db.client.connections.pending_requests', { parts: POOL }),
  counter('pool_timeouts', 'db.client.connection.timeouts', { parts: POOL }),
  counter('pool_timeouts', 'db.client.connections.timeouts', { parts: POOL }),
  distribution('pool_wait', 'db.client.connection.wait_time', { parts: POOL }),
  distribution('pool_wait', 'db.client.connections.wait_time', { parts: POOL, factor: MS }),
  distribution('pool_use', 'db.client.connection.use_time', { parts: POOL }),
  distribution('pool_use', 'db.client.connections.use_time', { parts: POOL, factor: MS }),

  level('host_cpu', 'system.cpu.utilization', {
    where: { attribute: 'state', is: ['user', 'system', 'nice', 'irq', 'softirq', 'steal'] },
    meanOver: CORE,
  }),
  level('host_cpu', 'system.cpu.utilization', {
    where: { attribute: 'cpu.mode', is: ['user', 'system', 'nice', 'interrupt', 'steal'] },
    meanOver: CORE,
  }),
  level('host_memory', 'system.memory.usage', { where: { attribute: 'state', is: ['used'] } }),
  level('host_memory', 'system.memory.usage', {
    where: { attribute: 'system.memory.state', is: ['used'] },
  }),
]

/** Names of the metrics of one reading. */
export function runtimeMetricNames(
  reading: RuntimeReading,
  quantities: readonly RuntimeQuantity[] = RUNTIME_QUANTITIES,
): readonly string[] {
  const names = RUNTIME_METRICS.filter(
    metric => metric.reading === reading && quantities.includes(metric.quantity),
  ).map(({ name }) => name)
  return [...new Set(names)]
}

/** By these it is known that a process is there: each sender tells at least one of them, and they are few. */
export const SIGNS_OF_LIFE: readonly RuntimeQuantity[] = [
  'cpu',
  'memory',
  'active_requests',
  'pool_used',
]

/** Where the agent's record of a blocked event loop comes from: its instrumentation scope. */
export const EVENT_LOOP_SCOPE = '@perfloop/agent/event-loop'
/** What it calls one in which the machine had no time for the process: no code is to blame. */
export const STARVED_EVENT_LOOP = 'event loop starved'
/** Where its record of a wait for a connection comes from. */
export const POOL_SCOPE = '@perfloop/agent/pool'
