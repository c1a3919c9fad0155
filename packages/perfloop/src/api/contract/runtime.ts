import { z } from 'zod'
import { MEMORY_STABILITIES } from '../../domain/memory-stability.ts'
import { PageParams, RangeParams, ScopeParams } from './envelope.ts'

const instant = () => z.iso.datetime()
const values = (unit: string) =>
  z
    .array(z.number().nullable())
    .describe(`${unit}, one for each of \`times\`; null where nothing was told`)

/** One process that tells of itself: a Node agent, or an OpenTelemetry SDK of any language. */
export const RuntimeInstance = z.object({
  environment: z.string(),
  service: z.string(),
  instance: z.string().describe('Empty where the sender gives itself no name'),
  host: z.string().nullable(),
  process_id: z.int().nullable(),
  runtime: z.string().nullable().describe('Such as nodejs, cpython, OpenJDK Runtime Environment'),
  runtime_version: z.string().nullable(),
  first_seen: instant().describe('Within the range'),
  last_seen: instant(),
})
/** One service whose processes tell of themselves. */
export const RuntimeService = z.object({
  environment: z.string(),
  service: z.string(),
  instances: z.int().describe('That told of themselves within the range'),
  runtimes: z
    .array(z.object({ runtime: z.string(), runtime_version: z.string().nullable() }))
    .describe('On which they run, as far as told'),
  last_seen: instant(),
})
export const RuntimeListParams = ScopeParams.extend(PageParams.shape)

export const RuntimeLine = z.object({
  name: z.string().describe('Instance, heap space, type of resource or percentile'),
  values: z.array(z.number().nullable()),
})
const lines = (unit: string, of: string) =>
  z.array(RuntimeLine).describe(`${unit}, a line for each ${of}`)

export const GarbageCollection = z.object({
  kind: z.string().describe('Such as minor or major, G1 Young Generation, or a generation'),
  per_second: values('Collections in a second, of all instances together'),
  paused_ratio: values('Share of the time the process stood still for it, mean of the instances'),
  p99_ns: values('99th percentile of one pause, nanoseconds'),
})

export const ConnectionPool = z.object({
  name: z.string(),
  used: values('Connections in use, mean'),
  idle: values('Connections idle, mean'),
  pending: values('Requests waiting for a connection, most at once'),
  max: values('Connections the pool may have'),
  waits_per_second: values('Connections handed out in a second'),
  wait_p50_ns: values('Time a request waited for one, median, nanoseconds'),
  wait_p95_ns: values('Time a request waited for one, 95th percentile, nanoseconds'),
  use_p95_ns: values('Time one was held, 95th percentile, nanoseconds'),
  timeouts_per_second: values('Requests that gave up waiting, in a second'),
})

/** What the processes of one service need and how they are, over time. */
export const Runtime = z.object({
  environment: z.string(),
  service: z.string(),
  step_seconds: z.number(),
  times: z.array(instant()).describe('Starts of the steps'),
  instances: z.array(RuntimeInstance).describe('Those shown: the latest'),
  instances_total: z.int().describe('All that told of themselves within the range'),
  cpu_cores: lines('Cores busy', 'instance'),
  memory_bytes: lines('Resident memory, bytes', 'instance'),
  heap_used_bytes: lines('Heap in use, bytes', 'space or pool; all instances together'),
  heap_floor_bytes: lines('Heap still in use after a full collection, bytes', 'instance'),
  heap_limit_bytes: lines('What the heap may grow to, bytes', 'instance'),
  gc: z.array(GarbageCollection),
  event_loop_delay_ns: lines(
    'How late the event loop is, nanoseconds',
    'percentile; the worst of the instances',
  ),
  event_loop_utilization: lines('Share of the time the event loop is at work', 'instance'),
  open_resources: lines(
    'Sockets, timers and the like that are open',
    'type; all instances together',
  ),
  active_requests: lines('Requests being answered', 'instance'),
  open_files: lines('Open file descriptors', 'instance'),
  threads: lines('Threads', 'instance'),
  pools: z.array(ConnectionPool),
  host_cpu_ratio: lines('Share of all cores of the host that are busy', 'instance'),
  host_memory_bytes: lines('Memory of the host in use, bytes', 'instance'),
})
export const RuntimeParams = RangeParams.extend({
  environment: z.string().min(1),
  service: z.string().min(1),
  instance: z.string().optional().describe('Only this one'),
})

/** One place in the code that kept the event loop from everything else. */
export const EventLoopBlock = z.object({
  function: z.string().nullable().describe('The innermost function of the application'),
  code_location: z.string().nullable().describe('file:line'),
  starved: z
    .boolean()
    .describe('The machine had no time for the process: others ran, and no code of it is to blame'),
  stack: z.string().nullable().describe('Of the longest'),
  operation: z.string().nullable().describe('It ran for, of the longest; null for none'),
  operation_kind: z.string().nullable(),
  blocks: z.int(),
  total_ns: z.number().describe('Nanoseconds'),
  longest_ns: z.number().describe('Nanoseconds'),
  last_seen: instant(),
  trace_id: z.string().describe('Of the longest'),
  span_id: z.string(),
})
export const EventLoopBlockParams = RuntimeParams.extend(PageParams.shape)

/** Whether the memory of one living process was stable for `over_seconds`, a day by default. */
export const RuntimeMemory = z.object({
  instance: z.string(),
  of: z
    .enum(['heap', 'resident'])
    .describe('What is left of the heap after full collections, where that is told'),
  verdict: z
    .enum(MEMORY_STABILITIES)
    .describe(
      'Stable: growth beyond what is tolerated is ruled out. Of less than `over_seconds` nothing is said',
    ),
  over_seconds: z
    .number()
    .describe('What the verdict is about: `analyzers.memoryLeak.stabilityMs`, a day by default'),
  observed_seconds: z.number(),
  level_bytes: z.number().nullable(),
  growth_bytes_per_hour: z.number().nullable().describe('Negative where it shrinks'),
  growth_bytes_per_hour_low: z.number().nullable().describe('Lower end, one-sided'),
  growth_bytes_per_hour_high: z.number().nullable().describe('Upper end, one-sided'),
})
export const RuntimeMemoryParams = z.object({
  environment: z.string().min(1),
  service: z.string().min(1),
})

export type RuntimeMemory = z.output<typeof RuntimeMemory>
export type RuntimeMemoryParams = z.output<typeof RuntimeMemoryParams>
export type RuntimeInstance = z.output<typeof RuntimeInstance>
export type RuntimeService = z.output<typeof RuntimeService>
export type RuntimeListParams = z.output<typeof RuntimeListParams>
export type RuntimeLine = z.output<typeof RuntimeLine>
export type GarbageCollection = z.output<typeof GarbageCollection>
export type ConnectionPool = z.output<typeof ConnectionPool>
export type Runtime = z.output<typeof Runtime>
export type RuntimeParams = z.output<typeof RuntimeParams>
export type EventLoopBlock = z.output<typeof EventLoopBlock>
export type EventLoopBlockParams = z.output<typeof EventLoopBlockParams>
