import { runOpenLoop } from './open-loop.ts'
import { nextRequest } from './traffic.ts'

/** A visitor who waits longer than this has gone. */
const PATIENCE_MS = 10_000
const MAX_IN_FLIGHT = 64
const DEFAULT_REQUESTS_PER_SECOND = 10
/** The load ends by itself, so that one that was forgotten does not run for ever. */
const LONGEST_MS = 12 * 3_600_000

const shopUrl = process.env.SHOP_URL
if (shopUrl === undefined) throw new Error('SHOP_URL is not set')

const stopping = new AbortController()
const stop = () => stopping.abort()
process.once('SIGTERM', stop)
process.once('SIGINT', () => {})
process.once('disconnect', stop)

const counts = await runOpenLoop({
  requestsPerSecond: Number(process.env.REQUESTS_PER_SECOND) || DEFAULT_REQUESTS_PER_SECOND,
  maxInFlight: MAX_IN_FLIGHT,
  signal: AbortSignal.any([
    stopping.signal,
    AbortSignal.timeout(Number(process.env.LOAD_MS) || LONGEST_MS),
  ]),
  random: Math.random,
  nowMs: () => performance.now(),
  async send() {
    const { method, path, body } = nextRequest(Math.random)
    const response = await fetch(shopUrl + path, {
      method,
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    })
    await response.arrayBuffer()
    return response.ok
  },
})
if (process.connected) process.send?.({ counts })
if (process.connected) process.disconnect()
