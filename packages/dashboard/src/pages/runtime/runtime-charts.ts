import type { ConnectionPool, Runtime, RuntimeLine } from '@perfloop/client'
import type { ChartSeries, ChartSpec } from '../../charts/chart-spec.ts'
import { lineColor } from '../../charts/line-colors.ts'
import { durationAxis, formatDuration } from '../../format/duration.ts'
import { formatBytes, formatCount, formatPercent, formatRate } from '../../format/number.ts'
import { instanceName } from './instance-name.ts'

type Values = readonly (number | null)[]
type Scale = Pick<ChartSpec, 'format' | 'axis' | 'isBinary'>

const BYTES: Scale = { format: formatBytes, axis: () => formatBytes, isBinary: true }
const RATIO: Scale = { format: formatPercent, axis: () => formatPercent }
const COUNT: Scale = { format: formatCount, axis: () => formatCount }
const CORES: Scale = { format: cores => `${formatCount(cores)} cores`, axis: () => formatCount }
const RATE: Scale = { format: formatRate, axis: () => rate => `${formatCount(rate)}/s` }
const DURATION: Scale = { format: formatDuration, axis: max => durationAxis(max).toLabel }

export function cpuChart(runtime: Runtime): ChartSpec {
  return linesChart(runtime, 'Cores busy over time', runtime.cpu_cores, CORES)
}

export function memoryChart(runtime: Runtime): ChartSpec {
  return linesChart(runtime, 'Resident memory over time', runtime.memory_bytes, BYTES)
}

export function heapChart(runtime: Runtime): ChartSpec {
  return {
    ...base(runtime, 'Heap in use by space over time', BYTES),
    stacked: true,
    series: runtime.heap_used_bytes.toReversed().map(({ name, values }, index, all) => ({
      label: partName(name),
      color: lineColor(all.length - 1 - index),
      values,
    })),
  }
}

export function heapFloorChart(runtime: Runtime): ChartSpec {
  return linesChart(
    runtime,
    'Heap in use after full collections over time',
    runtime.heap_floor_bytes,
    BYTES,
  )
}

/** Where pauses are measured their share of the time; else, as of Python, how often it collects. */
export function collectionChart(runtime: Runtime): ChartSpec {
  const measured = runtime.gc.filter(({ paused_ratio }) => isTold(paused_ratio))
  if (measured.length === 0) {
    return {
      ...base(runtime, 'Collections per second by generation over time', RATE),
      series: runtime.gc.map(({ kind, per_second: values }, index) => ({
        label: /^\d+$/.test(kind) ? `generation ${kind}` : partName(kind),
        color: lineColor(index),
        values,
      })),
    }
  }
  return {
    ...base(runtime, 'Share of time paused for collections by kind over time', RATIO),
    stacked: true,
    series: measured.toReversed().map(({ kind, paused_ratio: values }, index, all) => ({
      label: partName(kind),
      color: lineColor(all.length - 1 - index),
      values,
    })),
  }
}

export function pauseChart(runtime: Runtime): ChartSpec {
  return {
    ...base(runtime, '99th percentile of pauses by kind over time', DURATION),
    series: runtime.gc
      .filter(({ p99_ns }) => isTold(p99_ns))
      .map(({ kind, p99_ns: values }, index) => ({
        label: partName(kind),
        color: lineColor(index),
        values,
      })),
  }
}

const DELAY_COLORS: Readonly<Record<string, string>> = {
  p50: '--c-p50',
  p90: '--c-p95',
  p99: '--c-p99',
  max: '--c-errors',
}

export function delayChart(runtime: Runtime): ChartSpec {
  return {
    ...base(runtime, 'Event-loop delay over time', DURATION),
    series: runtime.event_loop_delay_ns.map(({ name, values }) => ({
      label: name,
      color: DELAY_COLORS[name] ?? '--c-self',
      values,
      ...(name === 'max' ? { dash: [4, 3] } : {}),
    })),
  }
}

export function utilizationChart(runtime: Runtime): ChartSpec {
  return linesChart(
    runtime,
    'Event-loop utilization over time',
    runtime.event_loop_utilization,
    RATIO,
  )
}

export function countChart(
  runtime: Runtime,
  label: string,
  lines: readonly RuntimeLine[],
): ChartSpec {
  return linesChart(runtime, label, lines, COUNT)
}

export function resourcesChart(runtime: Runtime): ChartSpec {
  return {
    ...base(runtime, 'Open resources by type over time', COUNT),
    series: runtime.open_resources.map(({ name, values }, index) => ({
      label: partName(name),
      color: lineColor(index),
      values,
    })),
  }
}

export function hostChart(runtime: Runtime): ChartSpec {
  return runtime.host_cpu_ratio.length > 0
    ? linesChart(runtime, 'Busy share of the host’s cores over time', runtime.host_cpu_ratio, RATIO)
    : linesChart(runtime, 'Memory of the host in use over time', runtime.host_memory_bytes, BYTES)
}

export function connectionsChart(runtime: Runtime, pool: ConnectionPool): ChartSpec {
  return {
    ...base(runtime, `Connections of ${pool.name} over time`, COUNT),
    series: told([
      { label: 'Used', color: '--c-db', values: pool.used },
      { label: 'Idle', color: '--c-self', values: pool.idle },
      { label: 'Waiting', color: '--c-errors', values: pool.pending },
      { label: 'Limit', color: '--c-p50', dash: [4, 3], values: pool.max },
    ]),
  }
}

export function waitChart(runtime: Runtime, pool: ConnectionPool): ChartSpec {
  return {
    ...base(runtime, `Times of ${pool.name} over time`, DURATION),
    series: told([
      { label: 'Wait p50', color: '--c-p50', values: pool.wait_p50_ns },
      { label: 'Wait p95', color: '--c-p95', values: pool.wait_p95_ns },
      { label: 'Held p95', color: '--c-external', dash: [4, 3], values: pool.use_p95_ns },
    ]),
  }
}

export function isTold(values: Values): boolean {
  return values.some(value => value !== null)
}

/** The last value that was told, of one line. */
export function latest(values: Values): number | undefined {
  return values.findLast(value => value !== null) ?? undefined
}

/** The last values of all lines together. */
export function latestSum(lines: readonly RuntimeLine[]): number | undefined {
  const values = lines.flatMap(line => latest(line.values) ?? [])
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
}

/** SDKs tell once a minute unless they are told otherwise: who is silent for longer than the others has ended. */
const SILENT_MS = 150_000

/** Instances that still told of themselves when the last of them did: what others had last is gone with them. */
export function livingInstances({ instances }: Runtime): ReadonlySet<string> {
  const lastMs = Math.max(...instances.map(({ last_seen }) => Date.parse(last_seen)))
  const living = instances.filter(({ last_seen }) => lastMs - Date.parse(last_seen) <= SILENT_MS)
  return new Set(living.map(({ instance }) => instance))
}

/** Those of the lines, one for each instance, that are of the living. */
export function livingLines(
  runtime: Runtime,
  lines: readonly RuntimeLine[],
): readonly RuntimeLine[] {
  const living = livingInstances(runtime)
  return lines.filter(({ name }) => living.has(name))
}

function linesChart(
  runtime: Runtime,
  label: string,
  lines: readonly RuntimeLine[],
  scale: Scale,
): ChartSpec {
  // By name, so that an instance has one color on all charts, whoever told last.
  const names = runtime.instances.map(({ instance }) => instance).sort()
  return {
    ...base(runtime, label, scale),
    series: names.flatMap((name, index) => {
      const line = lines.find(one => one.name === name)
      if (line === undefined) return []
      return [{ label: instanceName(name, names), color: lineColor(index), values: line.values }]
    }),
  }
}

function base(runtime: Runtime, label: string, scale: Scale): Omit<ChartSpec, 'series'> {
  return {
    label,
    times: runtime.times.map(time => Date.parse(time) / 1_000),
    syncKey: 'runtime',
    ...scale,
  }
}

function told(series: readonly ChartSeries[]): readonly ChartSeries[] {
  return series.filter(({ values }) => isTold(values))
}

/** `old_space` → `old space`; what has no name is the whole. */
function partName(part: string): string {
  return part === '' ? 'all' : part === '_other' ? 'others' : part.replaceAll('_', ' ')
}
