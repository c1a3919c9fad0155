import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { startWithAgent } from './agent-process.ts'
import { planned, startOtlpReceiver } from './otlp-receiver.ts'

const SERVER = 2
const CLIENT = 3

describe('calls of an application', () => {
  it('belong to who asked for them, though a pool sends them later', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('calls.mjs', receiver.endpoint)
    const asking = Array.from({ length: 6 }, (_, n) => `/ask${n}`)
    await Promise.all(asking.map(path => app.get(path)))
    const { spans } = receiver
    await eventually('the spans', async () => planned(spans).length >= 18 || undefined)
    for (const path of asking) {
      const request = spans.find(({ attributes }) => attributes['url.path'] === path)
      const calls = spans.filter(
        ({ kind, parentSpanId }) => kind === CLIENT && parentSpanId === request?.spanId,
      )
      expect(calls, path).toHaveLength(1)
      const called = spans.filter(({ parentSpanId }) => parentSpanId === calls[0]?.spanId)
      expect(called, path).toMatchObject([{ kind: SERVER, traceId: request?.traceId }])
    }
  })

  it('are told with the path that was asked for, though it looks like a host', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('calls.mjs', receiver.endpoint)
    await app.get('/odd')
    const calls = await eventually('the calls', async () => {
      const found = receiver.spans.filter(({ kind }) => kind === CLIENT)
      return found.length >= 2 ? found : undefined
    })
    expect(calls.map(({ attributes }) => attributes['url.full'])).toEqual([
      `${app.url}//twice`,
      `${app.url}//thrice`,
    ])
    expect(app.standardError()).toBe('')
  })
})

describe('a server that closes kept connections', () => {
  it('is no outage: what was being sent is sent again at once, and nobody is told', async () => {
    await using receiver = await startOtlpReceiver()
    const { server, endpoint } = await closingProxy(receiver.endpoint)
    await using app = await startWithAgent('calls.mjs', endpoint, {
      env: { OTEL_METRICS_EXPORTER: 'none' },
    })
    for (let n = 0; n < 5; n++) {
      await app.get('/')
      await new Promise(resolve => setTimeout(resolve, 150))
    }
    await eventually(
      'the spans',
      async () => planned(receiver.spans).length >= 5 || undefined,
      4_000,
    )
    expect(planned(receiver.spans)).toHaveLength(5)
    expect(app.standardError()).toBe('')
    server.closeAllConnections()
    server.close()
  })
})

/** Answers the first request of each connection, and resets the connection at the second. */
async function closingProxy(target: string): Promise<{ server: Server; endpoint: string }> {
  const used = new WeakSet<object>()
  const server = createServer((request, response) => {
    if (used.has(request.socket)) {
      request.socket.resetAndDestroy()
      return
    }
    used.add(request.socket)
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', async () => {
      await fetch(target + request.url, { method: 'POST', body: Buffer.concat(chunks) })
      response.end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { server, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
