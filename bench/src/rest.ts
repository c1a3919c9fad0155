import type { BenchOptions } from './main.ts'
import { createOtlpClient } from './otlp-client.ts'
import { percentile, rounded } from './percentile.ts'
import { startServerUnderTest } from './server-under-test.ts'
import { createTraffic } from './traffic.ts'

const SPANS = 1_000_000
const STARTS = 7
const LAST_SECONDS = 60

/** Memory and CPU of all processes after a million spans and five idle minutes, and how long a start takes then. */
export async function run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const idleSeconds = options.seconds ?? 300
  const server = await startServerUnderTest({ directory: options.directory })
  const traffic = createTraffic({ seed: 2, variety: 'typical' })
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
  const sleep = (seconds: number) => new Promise(resolve => setTimeout(resolve, seconds * 1000))
  const watchedSeconds = Math.min(LAST_SECONDS, idleSeconds)
  await sleep(idleSeconds - watchedSeconds)
  const cpuBefore = server.cpuSeconds()
  await sleep(watchedSeconds)
  const cpuRatio = (server.cpuSeconds() - cpuBefore) / watchedSeconds
  const residentBytes = server.residentBytes()
  const proportionalBytes = server.proportionalBytes()
  await server.stop()

  const startsMs: number[] = []
  for (let n = 0; n < STARTS; n++) {
    const again = await startServerUnderTest({
      directory: options.directory,
      dataDirectory: server.dataDirectory,
    })
    startsMs.push(again.startToReadyMs)
    await again.stop()
  }
  server.removeData()
  return {
    resident_mb: rounded(residentBytes / 1e6, 0),
    proportional_mb: rounded(proportionalBytes / 1e6, 0),
    cpu_percent_of_one_core: rounded(cpuRatio * 100, 2),
    start_to_ready_ms_median: rounded(percentile(startsMs, 0.5), 0),
    start_to_ready_ms_max: rounded(Math.max(...startsMs), 0),
    idle_seconds: idleSeconds,
  }
}
