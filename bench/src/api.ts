import type { BenchOptions } from './main.ts'
import { createOtlpClient } from './otlp-client.ts'
import { percentile, rounded } from './percentile.ts'
import { startServerUnderTest } from './server-under-test.ts'
import { sendSteadily } from './steady-sender.ts'
import { createTraffic } from './traffic.ts'

const REQUESTS_PER_SECOND = 50
const SPANS_PER_SECOND = 10_000
const WARM_UP_SECONDS = 15

/** Reads on a fixed schedule, whatever the answers take, while telemetry flows in. */
export async function run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const seconds = options.seconds ?? 60
  const server = await startServerUnderTest({ directory: options.directory })
  const traffic = createTraffic({ seed: 3, variety: 'typical' })
  const client = createOtlpClient(server.otlpHttpPort, 4)
  const sender = sendSteadily(client, traffic, SPANS_PER_SECOND)
  await new Promise(resolve => setTimeout(resolve, WARM_UP_SECONDS * 1000))

  const paths = await primaryReads(server.url)
  const latenciesMs = new Map<string, number[]>(paths.map(path => [path, []]))
  let failures = 0
  const pending: Promise<void>[] = []
  const startedAt = performance.now()
  for (let n = 0; n < seconds * REQUESTS_PER_SECOND; n++) {
    const dueMs = (n * 1000) / REQUESTS_PER_SECOND - (performance.now() - startedAt)
    if (dueMs > 0) await new Promise(resolve => setTimeout(resolve, dueMs))
    const path = paths[n % paths.length] ?? '/health'
    const sentAt = performance.now()
    pending.push(
      fetch(`${server.url}/api/v1${path}`)
        .then(async response => {
          await response.arrayBuffer()
          if (!response.ok) failures++
          latenciesMs.get(path)?.push(performance.now() - sentAt)
        })
        .catch(() => {
          failures++
        }),
    )
  }
  await Promise.all(pending)
  await sender.stop()
  const ingested = sender.acknowledged()
  client.close()
  await server.stop()
  server.removeData()

  const all = [...latenciesMs.values()].flat()
  const byPath = [...latenciesMs].map(([path, values]) => [
    path.replace(/\?.*/, '').replace(/[0-9a-f]{32}/, ':traceId'),
    rounded(percentile(values, 0.95)),
  ])
  return {
    p50_ms: rounded(percentile(all, 0.5)),
    p95_ms: rounded(percentile(all, 0.95)),
    p99_ms: rounded(percentile(all, 0.99)),
    worst_endpoint_p95_ms: Math.max(...byPath.map(([, value]) => Number(value))),
    p95_ms_by_endpoint: Object.fromEntries(byPath),
    requests: all.length,
    failures,
    spans_per_second: Math.round(
      ingested / ((performance.now() - startedAt) / 1000 + WARM_UP_SECONDS),
    ),
  }
}

async function primaryReads(url: string): Promise<string[]> {
  const data = async (path: string) => {
    const response = await fetch(`${url}/api/v1${path}`)
    return ((await response.json()) as { data: Record<string, string>[] }).data
  }
  const [operation] = await data('/measure/operations?from=-PT1H')
  const [trace] = await data('/traces?from=-PT1H')
  const query = new URLSearchParams({
    environment: operation?.environment ?? '',
    service: operation?.service ?? '',
    operation: operation?.operation ?? '',
    kind: operation?.kind ?? 'server',
    from: '-PT1H',
  })
  return [
    '/measure/overview?from=-PT1H',
    '/measure/services?from=-PT1H',
    '/measure/operations?from=-PT1H',
    `/measure/operation?${query}`,
    `/measure/operation/series?${query}`,
    `/measure/operation/statements?${query}`,
    '/measure/statements?from=-PT1H',
    `/traces/${trace?.trace_id}`,
    '/insights/issues',
    '/insights/optimizations',
    '/health',
  ]
}
