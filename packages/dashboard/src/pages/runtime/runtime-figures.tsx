import type { Runtime, RuntimeMemory } from '@perfloop/client'
import type { ReactElement } from 'react'
import { formatDuration } from '../../format/duration.ts'
import { formatBytes, formatCount, formatPercent, plural } from '../../format/number.ts'
import { latest, latestSum, livingInstances, livingLines } from './runtime-charts.ts'

/** How it is now; a dash where nobody tells. */
export function RuntimeFigures({
  runtime,
  memory,
}: {
  runtime: Runtime | undefined
  /** What a day tells of each living process. */
  memory: readonly RuntimeMemory[]
}): ReactElement {
  const figures = runtime === undefined ? WAITING : figuresOf(runtime, memory)
  return (
    <dl className="figures compact">
      {figures.map(({ label, value, foot }) => (
        <div key={label} className="figure">
          <dt>{label}</dt>
          <dd>
            <span className="figure-value">{value}</span>
          </dd>
          <dd className="figure-foot">{foot}</dd>
        </div>
      ))}
    </dl>
  )
}

interface Figure {
  readonly label: string
  readonly value: string
  readonly foot: string
}

const LABELS = ['CPU', 'Memory', 'Heap', 'Collections', 'Event loop', 'Pools'] as const
const WAITING: readonly Figure[] = LABELS.map(label => ({ label, value: '–', foot: ' ' }))

function figuresOf(runtime: Runtime, memory: readonly RuntimeMemory[]): readonly Figure[] {
  const heap = latestSum(runtime.heap_used_bytes)
  const limit = latestSum(livingLines(runtime, runtime.heap_limit_bytes))
  const paused = runtime.gc.flatMap(({ paused_ratio }) => latest(paused_ratio) ?? [])
  const delay = runtime.event_loop_delay_ns.find(({ name }) => name === 'p99')
  const utilization = livingLines(runtime, runtime.event_loop_utilization).flatMap(
    ({ values }) => latest(values) ?? [],
  )
  return [
    {
      label: 'CPU',
      value: withUnit(
        latestSum(livingLines(runtime, runtime.cpu_cores)),
        value => `${formatCount(value)} cores`,
      ),
      foot: plural(livingInstances(runtime).size, 'instance'),
    },
    {
      label: 'Memory',
      value: formatBytes(latestSum(livingLines(runtime, runtime.memory_bytes))),
      foot: footOf('resident', memory, 'resident'),
    },
    {
      label: 'Heap',
      value: formatBytes(heap),
      foot: footOf(
        limit === undefined ? 'in use' : `of at most ${formatBytes(limit)}`,
        memory,
        'heap',
      ),
    },
    {
      label: 'Collections',
      value: paused.length === 0 ? '–' : formatPercent(sum(paused)),
      foot: paused.length === 0 ? 'pauses not told' : 'of the time paused',
    },
    {
      label: 'Event loop',
      value: delay === undefined ? '–' : formatDuration(latest(delay.values)),
      foot:
        utilization.length === 0
          ? 'not told'
          : `late at p99, ${formatPercent(Math.max(...utilization))} busy`,
    },
    poolsFigure(runtime),
  ]
}

/** Growth first; that all is well only when all of what is told of it is known to be. */
function footOf(what: string, memory: readonly RuntimeMemory[], of: RuntimeMemory['of']): string {
  const own = memory.filter(one => one.of === of)
  const growing = own.flatMap(({ verdict, growth_bytes_per_hour: growth }) =>
    verdict === 'not_stable' && growth !== null ? [growth] : [],
  )
  const over = formatDuration((own[0]?.over_seconds ?? 0) * 1e9)
  if (growing.length > 0) return `grew ${formatBytes(Math.max(...growing))} an hour for ${over}`
  const isStable = own.length > 0 && own.every(({ verdict }) => verdict === 'stable')
  return isStable ? `${what}, stable over ${over}` : what
}

function poolsFigure({ pools }: Runtime): Figure {
  const used = sumOf(pools.map(pool => latest(pool.used)))
  const max = sumOf(pools.map(pool => latest(pool.max)))
  const pending = sumOf(pools.map(pool => latest(pool.pending)))
  return {
    label: 'Pools',
    value:
      used === undefined
        ? '–'
        : max === undefined
          ? formatCount(Math.round(used))
          : `${formatCount(Math.round(used))} of ${formatCount(max)}`,
    foot:
      used === undefined
        ? 'not told'
        : pending === undefined
          ? 'connections used'
          : `used, ${formatCount(pending)} waiting`,
  }
}

function withUnit(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? '–' : format(value)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter(value => value !== undefined)
  return known.length === 0 ? undefined : sum(known)
}
