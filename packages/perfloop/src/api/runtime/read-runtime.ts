import { groupBy } from '../../domain/group-by.ts'
import {
  type RuntimeQuantity,
  runtimeMetricNames,
  SIGNS_OF_LIFE,
} from '../../domain/runtime-metric.ts'
import { OTHER } from '../../domain/span.ts'
import { addBuckets, bucketQuantile, NO_BUCKETS } from '../../statistics/buckets.ts'
import { stepRange } from '../../store/telemetry/queries/rollup-range.ts'
import { runtimeCounters } from '../../store/telemetry/queries/runtime-counters.query.ts'
import { runtimeDistributions } from '../../store/telemetry/queries/runtime-distributions.query.ts'
import { runtimeInstances } from '../../store/telemetry/queries/runtime-instances.query.ts'
import { runtimeLevels } from '../../store/telemetry/queries/runtime-levels.query.ts'
import { runtimeServices } from '../../store/telemetry/queries/runtime-services.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import type {
  ConnectionPool,
  GarbageCollection,
  Runtime,
  RuntimeInstance,
  RuntimeLine,
  RuntimeParams,
  RuntimeService,
} from '../contract/runtime.ts'
import { isoFromSeconds, type RequestRange } from '../request-range.ts'
import {
  type Distribution,
  distributionSeries,
  levelSeries,
  type QuantitySeries,
  rateSeries,
} from './quantity-series.ts'

/** Lines that can be told apart on one chart. */
const MOST_INSTANCES = 10
const MOST_PARTS = 10
const NS_PER_S = 1e9

const SIGN_NAMES = [
  ...runtimeMetricNames('level', SIGNS_OF_LIFE),
  ...runtimeMetricNames('counter', SIGNS_OF_LIFE),
]

/** Who told of itself within a range, the latest first. */
export async function readRuntimeInstances(
  telemetry: TelemetryStore,
  scope: {
    readonly environment?: string | undefined
    readonly service?: string | undefined
    readonly instance?: string | undefined
  },
  range: RequestRange,
  page: { readonly limit: number; readonly offset: number },
): Promise<{ readonly instances: RuntimeInstance[]; readonly total: number }> {
  const rows = await telemetry.run(runtimeInstances, {
    ...instanceAsk(scope),
    ...sharedRange(range),
    ...page,
  })
  return { instances: rows.map(toRuntimeInstance), total: rows[0]?.total ?? 0 }
}

/** The same by service, however many instances each has. */
export async function readRuntimeServices(
  telemetry: TelemetryStore,
  scope: { readonly environment?: string | undefined; readonly service?: string | undefined },
  range: RequestRange,
  page: { readonly limit: number; readonly offset: number },
): Promise<{ readonly services: RuntimeService[]; readonly total: number }> {
  const rows = await telemetry.run(runtimeServices, {
    ...instanceAsk(scope),
    ...sharedRange(range),
    ...page,
  })
  const services = rows.map(({ environment, service, instances, runtimes, last_s }) => ({
    environment,
    service,
    instances,
    runtimes: runtimes.flatMap(([name, version, language]) => {
      const runtime = textOrNull(name) ?? textOrNull(language)
      return runtime === null ? [] : [{ runtime, runtime_version: textOrNull(version) }]
    }),
    last_seen: isoFromSeconds(last_s),
  }))
  return { services, total: rows[0]?.total ?? 0 }
}

/** Whole minutes, so that those who ask at nearly the same time share the answer. */
function sharedRange(range: RequestRange): { readonly from_s: number; readonly to_s: number } {
  return {
    from_s: Math.floor(range.fromUnixMs / 60_000) * 60,
    to_s: Math.ceil(range.toUnixMs / 1_000),
  }
}

export async function readRuntime(
  telemetry: TelemetryStore,
  params: Pick<RuntimeParams, 'environment' | 'service' | 'instance'>,
  range: RequestRange,
): Promise<Runtime> {
  const { environment, service } = params
  const { from_s, to_s, step_s } = stepRange(range.fromUnixMs, range.toUnixMs)
  const found = await telemetry.run(runtimeInstances, {
    ...instanceAsk(params),
    from_s,
    to_s,
    limit: MOST_INSTANCES,
    offset: 0,
  })
  const instanceOf = new Map(
    found.flatMap(({ resources, instance }) =>
      resources.map(resource => [resource, instance] as const),
    ),
  )
  const ask = (names: readonly string[], earlierS = 0) => ({
    environment,
    service,
    names: [...names],
    resources: [...instanceOf.keys()],
    from_s: from_s - earlierS,
    to_s,
    step_s,
  })
  // A counter's growth in the first step needs where it stood before.
  const [levels, counters, distributions] = await Promise.all([
    telemetry.run(runtimeLevels, ask(runtimeMetricNames('level'))),
    telemetry.run(runtimeCounters, ask(runtimeMetricNames('counter'), step_s)),
    telemetry.run(runtimeDistributions, ask(runtimeMetricNames('distribution'), step_s)),
  ])
  const steps = { fromS: from_s - step_s, stepS: step_s }
  const chart = new RuntimeChart(
    stepsBetween(from_s, to_s, step_s),
    [...levelSeries(levels, instanceOf, steps), ...rateSeries(counters, instanceOf, steps)],
    distributionSeries(distributions, instanceOf, steps),
  )
  return {
    environment,
    service,
    step_seconds: step_s,
    instances: found.map(toRuntimeInstance),
    instances_total: found[0]?.total ?? 0,
    ...chart.read(),
  }
}

function toRuntimeInstance(row: RowOf<typeof runtimeInstances>): RuntimeInstance {
  const processId = Number(row.process_id)
  return {
    environment: row.environment,
    service: row.service,
    instance: row.instance,
    host: textOrNull(row.host),
    process_id: row.process_id !== '' && Number.isInteger(processId) ? processId : null,
    runtime: textOrNull(row.runtime) ?? textOrNull(row.language),
    runtime_version: textOrNull(row.runtime_version),
    first_seen: isoFromSeconds(row.first_s),
    last_seen: isoFromSeconds(row.last_s),
  }
}

function instanceAsk(scope: {
  readonly environment?: string | undefined
  readonly service?: string | undefined
  readonly instance?: string | undefined
}) {
  const { environment = '', service = '', instance = '' } = scope
  return { environment, service, instance, names: [...SIGN_NAMES] }
}

/** Resource attributes are stored as JSON texts. */
function textOrNull(json: string): string | null {
  const text = json.startsWith('"') ? json.slice(1, -1) : json
  return text === '' ? null : text
}

function stepsBetween(fromS: number, toS: number, stepS: number): readonly number[] {
  const steps: number[] = []
  for (let step = fromS; step < toS; step += stepS) steps.push(step)
  return steps
}

type Values = (number | null)[]

/** All series of a service, as the lines of its charts. */
class RuntimeChart {
  readonly #steps: readonly number[]
  readonly #series: readonly QuantitySeries[]
  readonly #distributions: readonly QuantitySeries<Distribution>[]

  constructor(
    steps: readonly number[],
    series: readonly QuantitySeries[],
    distributions: readonly QuantitySeries<Distribution>[],
  ) {
    this.#steps = steps
    this.#series = series
    this.#distributions = distributions
  }

  read(): Omit<
    Runtime,
    'environment' | 'service' | 'step_seconds' | 'instances' | 'instances_total'
  > {
    return {
      times: this.#steps.map(isoFromSeconds),
      cpu_cores: this.#byInstance('cpu'),
      memory_bytes: this.#byInstance('memory'),
      heap_used_bytes: this.#byPart('heap_used'),
      heap_floor_bytes: this.#byInstance('heap_floor'),
      heap_limit_bytes: this.#byInstance('heap_limit'),
      gc: this.#collections(),
      event_loop_delay_ns: this.#delays(),
      event_loop_utilization: this.#byInstance('loop_utilization'),
      open_resources: this.#byPart('open_resources'),
      active_requests: this.#byInstance('active_requests'),
      open_files: this.#byInstance('open_files'),
      threads: this.#byInstance('threads'),
      pools: this.#pools(),
      host_cpu_ratio: this.#byInstance('host_cpu'),
      host_memory_bytes: this.#byInstance('host_memory'),
    }
  }

  #of(quantity: RuntimeQuantity): readonly QuantitySeries[] {
    return this.#series.filter(series => series.quantity === quantity)
  }

  #values(
    all: readonly QuantitySeries[],
    combine: (a: number, b: number) => number = (a, b) => a + b,
  ): Values {
    return this.#steps.map(step => {
      const values = all.flatMap(({ bySteps }) => bySteps.get(step) ?? [])
      return values.length === 0 ? null : values.reduce((a, b) => combine(a, b))
    })
  }

  #byInstance(quantity: RuntimeQuantity): RuntimeLine[] {
    return [...groupBy(this.#of(quantity), ({ instance }) => instance)].map(([name, series]) => ({
      name,
      values: this.#values(series),
    }))
  }

  /** The largest parts, and the rest together. */
  #byPart(quantity: RuntimeQuantity): RuntimeLine[] {
    const lines = [...groupBy(this.#of(quantity), ({ part }) => part)]
      .map(([name, series]) => ({ name, series, values: this.#values(series) }))
      .filter(({ values }) => values.some(value => value !== null && value > 0))
      .sort((a, b) => peak(b.values) - peak(a.values))
    const rest = lines.slice(MOST_PARTS).flatMap(({ series }) => series)
    const shown = lines.slice(0, MOST_PARTS).map(({ name, values }) => ({ name, values }))
    return rest.length === 0 ? shown : [...shown, { name: OTHER, values: this.#values(rest) }]
  }

  #delays(): RuntimeLine[] {
    return (['p50', 'p90', 'p99', 'max'] as const).flatMap(name => {
      const series = this.#of(`loop_delay_${name}`)
      if (series.length === 0) return []
      return [{ name, values: inNs(this.#values(series, Math.max)) }]
    })
  }

  #collections(): GarbageCollection[] {
    const nothing = this.#steps.map(() => null)
    const pauses = groupBy(
      this.#distributions.filter(({ quantity }) => quantity === 'gc_pause'),
      ({ part }) => part,
    )
    const measured = [...pauses].map(([kind, series]) => ({
      kind,
      per_second: this.#perSecond(series),
      paused_ratio: this.#pausedRatio(series),
      p99_ns: inNs(this.#quantiles(series, 0.99)),
    }))
    const counted = [...groupBy(this.#of('gc_collections'), ({ part }) => part)].map(
      ([kind, series]) => ({
        kind,
        per_second: this.#values(series),
        paused_ratio: nothing,
        p99_ns: nothing,
      }),
    )
    const paused = this.#of('gc_pause_time')
    const times = this.#values(paused).map(value => (value === null ? null : value / paused.length))
    return [
      ...[...measured, ...counted].sort((a, b) => a.kind.localeCompare(b.kind)),
      ...(paused.length === 0
        ? []
        : [{ kind: 'all', per_second: nothing, paused_ratio: times, p99_ns: nothing }]),
    ]
  }

  /** Those that are waited for most; what only these need is computed for them alone. */
  #pools(): ConnectionPool[] {
    const names = new Set(
      [...this.#series, ...this.#distributions].flatMap(({ quantity, part }) =>
        quantity.startsWith('pool_') ? [part] : [],
      ),
    )
    const level = (quantity: RuntimeQuantity, pool: string) =>
      this.#values(this.#of(quantity).filter(({ part }) => part === pool))
    const times = (quantity: RuntimeQuantity, pool: string) =>
      this.#distributions.filter(series => series.quantity === quantity && series.part === pool)
    return [...names]
      .map(name => ({ name, used: level('pool_used', name), pending: level('pool_pending', name) }))
      .sort((a, b) => peak(b.pending) - peak(a.pending) || peak(b.used) - peak(a.used))
      .slice(0, MOST_PARTS)
      .map(({ name, used, pending }) => {
        const waits = times('pool_wait', name)
        return {
          name,
          used,
          idle: level('pool_idle', name),
          pending,
          max: level('pool_max', name),
          waits_per_second: this.#perSecond(waits),
          wait_p50_ns: inNs(this.#quantiles(waits, 0.5)),
          wait_p95_ns: inNs(this.#quantiles(waits, 0.95)),
          use_p95_ns: inNs(this.#quantiles(times('pool_use', name), 0.95)),
          timeouts_per_second: level('pool_timeouts', name),
        }
      })
  }

  #perSecond(all: readonly QuantitySeries<Distribution>[]): Values {
    return this.#overSteps(all, told =>
      told.reduce((sum, { buckets, coveredS }) => sum + buckets.count / coveredS, 0),
    )
  }

  #pausedRatio(all: readonly QuantitySeries<Distribution>[]): Values {
    return this.#overSteps(all, told => {
      const paused = told.reduce((sum, { buckets }) => sum + buckets.sum, 0)
      return paused / told.reduce((sum, { coveredS }) => sum + coveredS, 0)
    })
  }

  #quantiles(all: readonly QuantitySeries<Distribution>[], q: number): Values {
    return this.#overSteps(
      all,
      told =>
        bucketQuantile(
          told.reduce((sum, { buckets }) => addBuckets(sum, buckets), NO_BUCKETS),
          q,
        ) ?? null,
    )
  }

  #overSteps(
    all: readonly QuantitySeries<Distribution>[],
    value: (told: readonly Distribution[]) => number | null,
  ): Values {
    return this.#steps.map(step => {
      const told = all.flatMap(({ bySteps }) => bySteps.get(step) ?? [])
      return told.length === 0 ? null : value(told)
    })
  }
}

function peak(values: Values): number {
  return values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0)
}

function inNs(values: Values): Values {
  return values.map(value => (value === null ? null : value * NS_PER_S))
}
