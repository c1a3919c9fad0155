import { randomBytes } from 'node:crypto'
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readSpans } from '../otlp-reader.ts'
import { percentile, rounded } from '../percentile.ts'
import { seededRandom } from '../seeded-random.ts'
import { type ServerUnderTest, startServerUnderTest } from '../server-under-test.ts'
import { type MeasuredApplication, startApplication } from './measured-application.ts'
import { PERFLOOP } from './variants.ts'

const REQUESTS = 400
const MEAN_INTERVAL_MS = 60
/** An agent is told at once whether somebody watches; `agents.watchLingerMs` after the last one left nobody does. */
const SETTLE_MS = 2_000
const LINGER_MS = 12_000
const KIND_SERVER = 2

/**
 * From the end of a request, as its client sees it, to the moment the server has acknowledged the request's span: while
 * a stream of the dashboard is open, and while none is. The server is a real one; what stands between it and the agent only looks
 * at the clock.
 */
export async function measureDelivery(place: {
  readonly node: string
  readonly database: string
}): Promise<Readonly<Record<string, unknown>>> {
  const server = await startServerUnderTest({ directory: undefined })
  const way = await watchTheWay(server.otlpHttpPort)
  const application = await startApplication(PERFLOOP, { ...place, endpoint: way.url })
  try {
    await measure(application, way.acknowledgedMs, 50)
    const stream = await openStream(server)
    await pause(SETTLE_MS)
    const watched = await measure(application, way.acknowledgedMs, REQUESTS)
    stream.abort()
    await pause(LINGER_MS)
    const unwatched = await measure(application, way.acknowledgedMs, REQUESTS)
    return { watched, unwatched }
  } finally {
    await application.end()
    way.close()
    await server.stop()
    server.removeData()
  }
}

async function openStream({ url, adminToken }: ServerUnderTest): Promise<AbortController> {
  const stream = new AbortController()
  const response = await fetch(`${url}/api/v1/stream?topics=spans`, {
    headers: { authorization: `Bearer ${adminToken}` },
    signal: stream.signal,
  })
  void response.body?.pipeTo(new WritableStream()).catch(() => {})
  return stream
}

/** Requests at times of their own, so that none always meets the same part of the interval. */
async function measure(
  application: MeasuredApplication,
  acknowledgedMs: Map<string, number>,
  requests: number,
): Promise<Readonly<Record<string, number>>> {
  const random = seededRandom(7)
  const endedMs = new Map<string, number>()
  for (let n = 0; n < requests; n++) {
    const traceId = randomBytes(16).toString('hex')
    await application.get(`/baskets/${n}`, { traceparent: `00-${traceId}-${'1'.repeat(16)}-01` })
    endedMs.set(traceId, performance.now())
    await pause(2 * MEAN_INTERVAL_MS * random())
  }
  await pause(8_000)
  const delaysMs = [...endedMs].flatMap(([traceId, ended]) => {
    const at = acknowledgedMs.get(traceId)
    return at === undefined ? [] : [at - ended]
  })
  return {
    requests,
    acknowledged: delaysMs.length,
    p50_ms: rounded(percentile(delaysMs, 0.5)),
    p95_ms: rounded(percentile(delaysMs, 0.95)),
    p99_ms: rounded(percentile(delaysMs, 0.99)),
    max_ms: rounded(Math.max(...delaysMs)),
  }
}

/** Hands everything on, and notes when the server's answer to a batch was there, by the traces of its requests. */
async function watchTheWay(port: number) {
  const acknowledgedMs = new Map<string, number>()
  const between = createServer((asked, answered) => {
    const chunks: Buffer[] = []
    const { method, url: path = '', headers } = asked
    const onward = forward({ host: '127.0.0.1', port, method, path, headers }, response => {
      if (path === '/v1/traces' && response.statusCode === 200) {
        const nowMs = performance.now()
        for (const { kind, traceId } of readSpans(Buffer.concat(chunks))) {
          if (kind === KIND_SERVER) acknowledgedMs.set(traceId, nowMs)
        }
      }
      answered.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answered)
    })
    onward.on('error', () => answered.destroy())
    asked.on('data', (chunk: Buffer) => chunks.push(chunk))
    asked.pipe(onward)
  })
  await new Promise<void>(resolve => between.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(between.address() as AddressInfo).port}`,
    acknowledgedMs,
    close() {
      between.closeAllConnections()
      between.close()
    },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
