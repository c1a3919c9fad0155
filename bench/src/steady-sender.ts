import type { OtlpClient } from './otlp-client.ts'
import type { Traffic } from './traffic.ts'

/** Sends at a fixed rate, on schedule and not when the last answer came (open loop), until it is stopped. */
export function sendSteadily(client: OtlpClient, traffic: Traffic, spansPerSecond: number) {
  const intervalMs = (traffic.spansPerBody / spansPerSecond) * 1000
  const startedAt = performance.now()
  let bodies = 0
  let acknowledged = 0
  const pending = new Set<Promise<void>>()
  const timer = setInterval(
    () => {
      while (bodies * intervalMs < performance.now() - startedAt) {
        bodies++
        const sending = client
          .send(traffic.next(Date.now()))
          .then(() => {
            acknowledged += traffic.spansPerBody
          })
          .finally(() => pending.delete(sending))
        pending.add(sending)
      }
    },
    Math.min(intervalMs, 10),
  )
  return {
    acknowledged: () => acknowledged,
    async stop() {
      clearInterval(timer)
      await Promise.all(pending)
    },
  }
}
