import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:http2'
import https from 'node:https'
import { describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { planned, startOtlpReceiver } from './otlp-receiver.ts'

const anonymousTls = {
  ciphers: 'AECDH-AES256-SHA:@SECLEVEL=0',
  maxVersion: 'TLSv1.2',
  rejectUnauthorized: false,
  checkServerIdentity: () => undefined,
} as const

async function call(origin: string, path: string, headers: Record<string, string> = {}) {
  const session = connect(origin, anonymousTls)
  session.on('error', () => {})
  const stream = session.request({ ':path': path, ...headers })
  stream.on('error', () => {})
  await new Promise<void>(resolve => stream.on('close', resolve).resume())
  session.close()
}

describe('HTTP/2, as the Node agent sees it', () => {
  it.each(NODES)(
    'is seen by streams, by requests, with and without TLS, and beside HTTP/1, on Node %s',
    async (_version, node) => {
      await using receiver = await startOtlpReceiver()
      await using app = await startWithAgent('http2.mjs', receiver.endpoint, { node })
      const ports = JSON.parse(await app.get('/ports')) as number[]
      const [byRequests, byStreams, secure] = ports
      const traceId = '0af7651916cd43dd8448eb211c80319c'
      await call(`http://127.0.0.1:${byRequests}`, '/request?secret=1', {
        traceparent: `00-${traceId}-b7ad6b7169203331-01`,
        'user-agent': 'test',
      })
      await call(`http://127.0.0.1:${byRequests}`, '/fails')
      await call(`http://127.0.0.1:${byRequests}`, '/never')
      await call(`http://127.0.0.1:${byStreams}`, '/stream', { ':method': 'POST' })
      await call(`https://127.0.0.1:${secure}`, '/secure')
      const options = { ...anonymousTls, host: '127.0.0.1', port: secure, path: '/old' }
      const [old] = await once(https.get(options), 'response')
      await once(old.resume(), 'end')

      const spans = await eventually('the spans', async () =>
        planned(receiver.spans).length >= 7 ? planned(receiver.spans) : undefined,
      )
      const told = spans
        .slice(1)
        .map(({ name, attributes }) => [
          name,
          attributes['url.path'],
          attributes['url.scheme'],
          attributes['network.protocol.version'],
          attributes['http.response.status_code'],
          attributes['error.type'],
        ])
      expect(told).toEqual([
        ['GET', '/request', 'http', '2', 200, undefined],
        ['GET', '/fails', 'http', '2', 503, '503'],
        ['GET', '/never', 'http', '2', undefined, 'aborted'],
        ['POST', '/stream', 'http', '2', 202, undefined],
        ['GET', '/secure', 'https', '2', 200, undefined],
        ['GET', '/old', 'https', '1.1', 200, undefined],
      ])
      expect(spans[1]).toMatchObject({
        traceId,
        parentSpanId: 'b7ad6b7169203331',
        attributes: {
          'server.address': '127.0.0.1',
          'server.port': byRequests,
          'client.address': '127.0.0.1',
          'user_agent.original': 'test',
        },
      })
      expect(spans[4]?.attributes['http.response.body.size']).toBe(4)
      expect(app.standardError()).toBe('')
    },
  )

  it('takes a connection that is upgraded for one request, which ends with its answer', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('http2.mjs', receiver.endpoint)
    const upgrade = http.get(app.url, { headers: { connection: 'Upgrade', upgrade: 'echo' } })
    const [response, socket] = await once(upgrade, 'upgrade')
    expect(response.statusCode).toBe(101)
    socket.on('error', () => {}).destroy()
    await app.get('/after')
    await eventually('both spans', async () => (receiver.spans.length > 1 ? true : undefined))
    const { spans } = receiver
    expect(
      spans.map(({ attributes: of }) => [of['url.path'], of['http.response.status_code']]),
    ).toEqual([
      ['/', 101],
      ['/after', 200],
    ])
  })

  it('tells pages over HTTP/2 what their requests cost, where it is told to', async () => {
    await using app = await startWithAgent('http2.mjs', 'http://127.0.0.1:9', {
      env: { PERFLOOP_SERVER_TIMING: 'on' },
    })
    const [byRequests] = JSON.parse(await app.get('/ports')) as number[]
    const session = connect(`http://127.0.0.1:${byRequests}`)
    const stream = session.request({ ':path': '/request', 'user-agent': 'test' })
    const [headers] = await once(stream, 'response')
    expect(headers['server-timing']).toMatch(/^total;dur=[\d.]+, traceparent;desc="00-/)
    stream.resume()
    await once(stream, 'close')
    session.close()
  })
})
