import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchOptions } from './main.ts'
import { percentile, rounded } from './percentile.ts'
import { queryFixture } from './query-fixture.ts'
import { seededRandom } from './seeded-random.ts'
import { startServerUnderTest } from './server-under-test.ts'

const SPANS = 10_000_000
const PARAMETER_SETS = 30
/** Else the first page would read for the others what the disk has. */
const WARM_UP_SETS = 5
const RANGES_S = [3_600, 6 * 3_600, 86_400, 7 * 86_400, 30 * 86_400]

/**
 * The reads of every page over ten million spans and thirty days of rollups, each with thirty random sets of parameters, by
 * HTTP and one at a time. Cold: the server new, the page cache dropped where that is allowed. With `--directory DIR` the filled
 * store stays there and is used again for a day.
 */
export async function run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const env = {
    PERFLOOP_ANALYSIS_INTERVAL_MS: String(3_600_000),
    PERFLOOP_SERVER_ANSWER_FRESH_MS: '0',
    PERFLOOP_SERVER_ANSWER_STALE_MS: '0',
  }
  const directory = options.directory ?? join(process.cwd(), '.cache', 'bench')
  const { dataDirectory, endS } = await queryFixture(directory, options.spans ?? SPANS)
  spawnSync('sync')
  const cacheDropped = dropPageCache()
  const server = await startServerUnderTest({ directory, dataDirectory, env })
  const random = seededRandom(7)
  const figures: Record<string, unknown> = {}
  const warm: number[] = []
  const cold: number[] = []
  const asked = Object.entries(await pages(server.url, endS, random))
  for (const [, path] of asked) cold.push(await timed(server.url, path()))
  for (const [, path] of asked) {
    for (let n = 0; n < WARM_UP_SETS; n++) await timed(server.url, path())
  }
  for (const [name, path] of asked) {
    const latenciesMs: number[] = []
    for (let n = 0; n < PARAMETER_SETS; n++) latenciesMs.push(await timed(server.url, path()))
    warm.push(...latenciesMs)
    figures[name] = {
      p50_ms: rounded(percentile(latenciesMs, 0.5)),
      p95_ms: rounded(percentile(latenciesMs, 0.95)),
    }
  }
  const rawMs = await timed(
    server.url,
    `/traces?${range(endS, 7 * 86_400)}&sort=slowest&min_duration_ms=10`,
  )
  await server.stop()
  return {
    p95_ms: rounded(percentile(warm, 0.95)),
    worst_page_p95_ms: Math.max(
      ...Object.values(figures).map(figure => (figure as { p95_ms: number }).p95_ms),
    ),
    cold_p95_ms: rounded(percentile(cold, 0.95)),
    cold_page_cache_dropped: cacheDropped,
    raw_7_days_ms: rounded(rawMs),
    by_page: figures,
  }
}

function range(toS: number, seconds: number): string {
  const iso = (unixS: number) => new Date(unixS * 1_000).toISOString()
  return `from=${iso(toS - seconds)}&to=${iso(toS)}`
}

async function timed(url: string, path: string): Promise<number> {
  const startedAt = performance.now()
  const response = await fetch(`${url}/api/v1${path}`)
  const body = await response.text()
  // An operation that was not called in a range is not found in it: that answer is timed like others.
  if (!response.ok && response.status !== 404) throw new Error(`${path}: ${body}`)
  return performance.now() - startedAt
}

async function pages(
  url: string,
  endS: number,
  random: () => number,
): Promise<Record<string, () => string>> {
  const data = async (path: string) => {
    const response = await fetch(`${url}/api/v1${path}`)
    return ((await response.json()) as { data: Record<string, string>[] }).data
  }
  const lastHours = range(endS, 6 * 3_600)
  const operations = await data(`/measure/operations?${lastHours}&per_page=200`)
  const statements = await data(`/measure/statements?${lastHours}&per_page=200`)
  const traces = await data(`/traces?${lastHours}&per_page=200`)
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]
  // Ranges end at any minute of the last day: no rollup fits them better than another.
  const any = () => range(endS - 60 * Math.floor(random() * 1_440), pick(RANGES_S) ?? 3_600)
  const lastHour = () => range(endS - 60 * Math.floor(random() * 60), 3_600)
  const operation = () => {
    const row = pick(operations)
    return new URLSearchParams({
      environment: row?.environment ?? '',
      service: row?.service ?? '',
      operation: row?.operation ?? '',
      kind: row?.kind ?? '',
    }).toString()
  }
  return {
    overview: () => `/measure/overview?${any()}`,
    services: () => `/measure/services?${any()}`,
    operations: () =>
      `/measure/operations?${any()}&sort=${pick(['total_time', 'p95', 'calls'])}&page=${1 + Math.floor(random() * 5)}`,
    operation: () => `/measure/operation?${any()}&${operation()}`,
    operation_series: () => `/measure/operation/series?${any()}&${operation()}`,
    operation_statements: () => `/measure/operation/statements?${lastHour()}&${operation()}`,
    operation_measurements: () => `/measure/operation/measurements?${lastHour()}&${operation()}`,
    statements: () => `/measure/statements?${any()}&service=${pick(statements)?.service}`,
    statement: () => `/measure/statements/${pick(statements)?.statement}?${lastHour()}`,
    models: () => `/measure/models?${any()}`,
    traces: () => `/traces?${lastHour()}&service=${pick(operations)?.service}`,
    trace: () => `/traces/${pick(traces)?.trace_id}`,
    resources: () => `/measure/resources?${lastHour()}`,
  }
}

function dropPageCache(): boolean {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '3')
    return true
  } catch {
    return false
  }
}
