import type { BenchOptions } from './main.ts'
import { createOtlpClient } from './otlp-client.ts'
import { percentile, rounded } from './percentile.ts'
import { startServerUnderTest } from './server-under-test.ts'
import { storedCounts } from './stored-counts.ts'
import { createTraffic } from './traffic.ts'

/** Bodies of 540 spans on their way at once: enough to keep the server busy, and what acknowledgements queue behind. */
const IN_FLIGHT = 4

/**
 * As fast as the server acknowledges, for 60 s, on the same cores as the server. Acknowledged means synced; the
 * count is taken from the store after the end, and from its rollups.
 */
export async function run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const seconds = options.seconds ?? 60
  const server = await startServerUnderTest({ directory: options.directory })
  const traffic = createTraffic({ seed: 1, variety: 'typical' })
  const client = createOtlpClient(server.otlpHttpPort, IN_FLIGHT)
  const latenciesMs: number[] = []
  let sent = 0
  let residentPeakBytes = 0
  const sampler = setInterval(() => {
    residentPeakBytes = Math.max(residentPeakBytes, server.residentBytes())
  }, 500)

  const startedAt = performance.now()
  const deadline = startedAt + seconds * 1000
  const cpuBefore = server.cpuSeconds()
  const ownCpuBefore = process.cpuUsage()
  const sender = async () => {
    while (performance.now() < deadline) {
      latenciesMs.push(await client.send(traffic.next(Date.now())))
      sent += traffic.spansPerBody
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, sender))
  const tookSeconds = (performance.now() - startedAt) / 1000
  client.close()
  const ownCpu = process.cpuUsage(ownCpuBefore)

  await new Promise(resolve => setTimeout(resolve, 5000))
  const spoolBytesAfter5s = server.spoolBytes()
  clearInterval(sampler)
  const cpuSeconds = server.cpuSeconds() - cpuBefore
  await server.stop()
  const stored = await storedCounts(server.dataDirectory)
  const diskBytes = server.diskBytes()
  server.removeData()

  return {
    spans_per_second: Math.round(sent / tookSeconds),
    spans_sent: sent,
    spans_stored: stored.spans,
    spans_rolled_up: stored.rolledUp,
    acknowledgement_p50_ms: rounded(percentile(latenciesMs, 0.5)),
    acknowledgement_p99_ms: rounded(percentile(latenciesMs, 0.99)),
    spool_bytes_5s_after_the_end: spoolBytesAfter5s,
    resident_peak_mb: rounded(residentPeakBytes / 1e6, 0),
    server_cpu_us_per_span: rounded((cpuSeconds / sent) * 1e6, 2),
    generator_cpu_us_per_span: rounded((ownCpu.user + ownCpu.system) / sent, 2),
    body_bytes_per_span: rounded(traffic.bodyBytes / traffic.spansPerBody),
    disk_bytes_per_span: rounded(diskBytes / sent),
    seconds: rounded(tookSeconds),
  }
}
