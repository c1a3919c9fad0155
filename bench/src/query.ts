import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { Session } from 'chdb'
import type { BenchOptions } from './main.ts'
import { createOtlpClient } from './otlp-client.ts'
import { percentile, rounded } from './percentile.ts'
import { seededRandom } from './seeded-random.ts'
import { startServerUnderTest } from './server-under-test.ts'
import { createTraffic } from './traffic.ts'

const SPANS = 10_000_000
const PARAMETER_SETS = 30
const DAYS = 30
const RANGES = ['-PT1H', '-PT6H', '-P1D', '-P7D', '-P30D']

/**
 * The reads of every page over ten million spans and thirty days of rollups, each with thirty random sets of parameters, by
 * HTTP and one at a time. Spans come in by OTLP; the rollups of earlier days are copies of theirs, moved back in time: hours and
 * days for thirty days, minutes for one. Cold: the server new, the page cache dropped where that is allowed.
 */
export async function run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const env = {
    PERFLOOP_ANALYSIS_INTERVAL_MS: String(3_600_000),
    PERFLOOP_SERVER_ANSWER_FRESH_MS: '0',
    PERFLOOP_SERVER_ANSWER_STALE_MS: '0',
  }
  const server = await startServerUnderTest({ directory: options.directory, env })
  const traffic = createTraffic({ seed: 6, variety: 'typical' })
  const client = createOtlpClient(server.otlpHttpPort, 4)
  let left = options.spans ?? SPANS
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (left > 0) {
        left -= traffic.spansPerBody
        await client.send(traffic.next(Date.now()))
      }
    }),
  )
  client.close()
  while (server.spoolBytes() > 65_536) await new Promise(resolve => setTimeout(resolve, 500))
  await server.stop()
  await backfillRollups(server.dataDirectory)

  spawnSync('sync')
  const cacheDropped = dropPageCache()
  const again = await startServerUnderTest({
    directory: options.directory,
    dataDirectory: server.dataDirectory,
    env,
  })
  const random = seededRandom(7)
  const figures: Record<string, unknown> = {}
  const warm: number[] = []
  const cold: number[] = []
  for (const [name, path] of Object.entries(await pages(again.url, random))) {
    cold.push(await timed(again.url, path()))
    const latenciesMs: number[] = []
    for (let n = 0; n < PARAMETER_SETS; n++) latenciesMs.push(await timed(again.url, path()))
    warm.push(...latenciesMs)
    figures[name] = {
      p50_ms: rounded(percentile(latenciesMs, 0.5)),
      p95_ms: rounded(percentile(latenciesMs, 0.95)),
    }
  }
  const rawMs = await timed(again.url, '/traces?from=-P7D&sort=slowest&min_duration_ms=10')
  await again.stop()
  server.removeData()
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

async function timed(url: string, path: string): Promise<number> {
  const startedAt = performance.now()
  const response = await fetch(`${url}/api/v1${path}`)
  const body = await response.text()
  if (!response.ok) throw new Error(`${path}: ${body}`)
  return performance.now() - startedAt
}

async function pages(url: string, random: () => number): Promise<Record<string, () => string>> {
  const data = async (path: string) => {
    const response = await fetch(`${url}/api/v1${path}`)
    return ((await response.json()) as { data: Record<string, string>[] }).data
  }
  const operations = await data('/measure/operations?from=-PT6H&per_page=200')
  const statements = await data('/measure/statements?from=-PT6H&per_page=200')
  const traces = await data('/traces?from=-PT6H&per_page=200')
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)]
  const range = () => `from=${pick(RANGES)}`
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
    overview: () => `/measure/overview?${range()}`,
    services: () => `/measure/services?${range()}`,
    operations: () =>
      `/measure/operations?${range()}&sort=${pick(['total_time', 'p95', 'calls'])}&page=${1 + Math.floor(random() * 5)}`,
    operation: () => `/measure/operation?${range()}&${operation()}`,
    operation_series: () => `/measure/operation/series?${range()}&${operation()}`,
    operation_statements: () => `/measure/operation/statements?from=-PT1H&${operation()}`,
    operation_measurements: () => `/measure/operation/measurements?from=-PT1H&${operation()}`,
    statements: () => `/measure/statements?${range()}&service=${pick(statements)?.service}`,
    statement: () => `/measure/statements/${pick(statements)?.statement}?from=-PT1H`,
    models: () => `/measure/models?${range()}`,
    traces: () => `/traces?from=-PT1H&service=${pick(operations)?.service}`,
    trace: () => `/traces/${pick(traces)?.trace_id}`,
    resources: () => '/measure/resources?from=-PT1H',
  }
}

async function backfillRollups(dataDirectory: string): Promise<void> {
  const session = new Session(`${dataDirectory}/telemetry`)
  const steps = [
    { stepSeconds: 60, buckets: 24 * 60 },
    { stepSeconds: 3600, buckets: DAYS * 24 },
    { stepSeconds: 86_400, buckets: DAYS },
  ]
  try {
    for (const table of ['operations', 'statements', 'breakdowns']) {
      for (const { stepSeconds, buckets } of steps) {
        // The fullest bucket stands for all earlier ones.
        await session.queryAsync(`
          INSERT INTO ${table}
          SELECT source.* REPLACE (source.bucket - toIntervalSecond((shift.number + 1) * ${stepSeconds}) AS bucket)
          FROM
          (
            SELECT *
            FROM ${table}
            WHERE step_s = ${stepSeconds} AND bucket = (
              SELECT bucket FROM ${table} WHERE step_s = ${stepSeconds} GROUP BY bucket ORDER BY count() DESC, bucket LIMIT 1)
          ) AS source
          CROSS JOIN numbers(${buckets}) AS shift
          SETTINGS max_partitions_per_insert_block = 0, asterisk_include_alias_columns = 0`)
      }
    }
  } finally {
    session.close()
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
