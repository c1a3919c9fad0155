import { performance } from 'node:perf_hooks'
import type { TelemetryStore } from '../../store/telemetry/telemetry-store.ts'
import { counter, histogramSamples, type MetricFamily } from './metric-family.ts'

const BOUNDS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const

interface Durations {
  readonly cumulative: number[]
  count: number
  sumSeconds: number
  failures: number
}

/** How long each declared query takes: there are as many series as there are queries in the code. */
export class QueryDurations {
  readonly #byName = new Map<string, Durations>()

  /** The store, with each query timed. */
  observe(store: TelemetryStore): TelemetryStore {
    return {
      run: async (query, params) => {
        const startedMs = performance.now()
        let failed = true
        try {
          const rows = await store.run(query, params)
          failed = false
          return rows
        } finally {
          this.#add(query.name, (performance.now() - startedMs) / 1_000, failed)
        }
      },
    }
  }

  families(): readonly MetricFamily[] {
    const all = [...this.#byName]
    return [
      {
        name: 'perfloop_query_duration_seconds',
        type: 'histogram',
        unit: 'seconds',
        help: 'Duration of the queries of the store, by query.',
        samples: all.flatMap(([query, { cumulative, count, sumSeconds }]) =>
          histogramSamples({ query }, BOUNDS_SECONDS, cumulative, count, sumSeconds),
        ),
      },
      counter(
        'perfloop_query_failures',
        'Queries that failed, by query.',
        all.map(([query, { failures }]) => ({ labels: { query }, value: failures })),
      ),
    ]
  }

  #add(name: string, seconds: number, failed: boolean): void {
    const durations = this.#byName.get(name) ?? {
      cumulative: BOUNDS_SECONDS.map(() => 0),
      count: 0,
      sumSeconds: 0,
      failures: 0,
    }
    this.#byName.set(name, durations)
    durations.count += 1
    durations.sumSeconds += seconds
    if (failed) durations.failures += 1
    BOUNDS_SECONDS.forEach((bound, index) => {
      if (seconds <= bound) durations.cumulative[index] = (durations.cumulative[index] ?? 0) + 1
    })
  }
}
