import { constants, type EventLoopUtilization, PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'
import type { Agent } from '../agent.ts'
import { clockMs, eventLoopUtilization } from '../own-clock.ts'
import type { EventLoopDelay } from './event-loop-delay.ts'
import type { Histogram, Metrics } from './metrics.ts'

/** https://opentelemetry.io/docs/specs/semconv/runtime/v8js-metrics/ */
const GC_BOUNDS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]
const MAJOR = constants.NODE_PERFORMANCE_GC_MAJOR
const GC_TYPES = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
])
/** Listing what is open takes time with the number of it: beyond this, it is done less often. */
const RESOURCES_BUDGET_MS = 0.2
const MOST_RESOURCE_TYPES = 30

/** What V8 and the event loop of this thread tell of themselves. What the whole process tells, the exporting thread asks. */
export function measureRuntime({ metrics, report }: Agent, delay: EventLoopDelay): void {
  measureEventLoop(metrics, delay)
  measureHeap(metrics)
  measureCollections(metrics, report)
  measureResources(metrics)
}

/** https://opentelemetry.io/docs/specs/semconv/runtime/nodejs-metrics/ */
function measureEventLoop(metrics: Metrics, delay: EventLoopDelay): void {
  let taken: ReturnType<EventLoopDelay['take']>
  const tell = (name: 'min' | 'max' | 'mean' | 'p50' | 'p90' | 'p99') =>
    metrics.observe('gauge', { name: `nodejs.eventloop.delay.${name}`, unit: 's' }, observe => {
      if (name === 'min') taken = delay.take()
      if (taken !== undefined) observe(taken[name] / 1_000)
    })
  for (const name of ['min', 'max', 'mean', 'p50', 'p90', 'p99'] as const) tell(name)

  let last: EventLoopUtilization = eventLoopUtilization()
  metrics.observe('gauge', { name: 'nodejs.eventloop.utilization', unit: '1' }, observe => {
    const now = eventLoopUtilization()
    observe(eventLoopUtilization(now, last).utilization)
    last = now
  })
  metrics.observe('counter', { name: 'nodejs.eventloop.time', unit: 's' }, observe => {
    observe(last.active / 1_000, { 'nodejs.eventloop.state': 'active' })
    observe(last.idle / 1_000, { 'nodejs.eventloop.state': 'idle' })
  })
}

function measureHeap(metrics: Metrics): void {
  let spaces: ReturnType<typeof getHeapSpaceStatistics> = []
  const tell = (name: string, value: (space: (typeof spaces)[number]) => number) =>
    metrics.observe(
      'up-down-counter',
      { name: `v8js.memory.heap.${name}`, unit: 'By' },
      observe => {
        if (name === 'used') spaces = getHeapSpaceStatistics()
        for (const space of spaces) {
          observe(value(space), { 'v8js.heap.space.name': space.space_name })
        }
      },
    )
  tell('used', space => space.space_used_size)
  tell('space.size', space => space.space_size)
  tell('space.available_size', space => space.space_available_size)
  tell('space.physical_size', space => space.physical_space_size)
  metrics.observe('up-down-counter', { name: 'v8js.memory.heap.limit', unit: 'By' }, observe =>
    observe(getHeapStatistics().heap_size_limit),
  )
}

/** Pauses by kind, and what is left in use after a full collection: a floor that rises is a leak. */
function measureCollections(metrics: Metrics, report: Agent['report']): void {
  const durations = new Map<number, Histogram>()
  for (const [kind, type] of GC_TYPES) {
    const definition = { name: 'v8js.gc.duration', unit: 's' }
    durations.set(kind, metrics.histogram(definition, GC_BOUNDS_S, { 'v8js.gc.type': type }))
  }
  let floor = Number.NaN
  const observer = new PerformanceObserver(list => {
    try {
      for (const { duration, detail } of list.getEntries()) {
        const { kind } = detail as { kind: number }
        durations.get(kind)?.record(duration / 1_000)
        if (kind === MAJOR) floor = getHeapStatistics().used_heap_size
      }
    } catch (error) {
      report('measuring garbage collections', error)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  // No convention has a name for it.
  const definition = { name: 'perfloop.v8js.memory.heap.floor', unit: 'By' }
  metrics.observe('gauge', definition, observe => observe(floor))
}

/** Sockets, timers, file requests and the like that are open, by kind. */
function measureResources(metrics: Metrics): void {
  let counts = new Map<string, number>()
  let skip = 0
  metrics.observe(
    'up-down-counter',
    { name: 'v8js.resource.active', unit: '{resource}' },
    observe => {
      if (skip > 0) skip--
      else {
        const began = clockMs()
        counts = countResources()
        skip = Math.floor((clockMs() - began) / RESOURCES_BUDGET_MS)
      }
      for (const [type, count] of counts) observe(count, { 'v8js.resource.type': type })
    },
  )
}

function countResources(): Map<string, number> {
  const counts = new Map<string, number>()
  for (const type of process.getActiveResourcesInfo()) {
    const known = counts.get(type)
    if (known !== undefined) counts.set(type, known + 1)
    else if (counts.size < MOST_RESOURCE_TYPES) counts.set(type, 1)
  }
  return counts
}
