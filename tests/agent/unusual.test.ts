import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { type AgentProcess, startWithAgent } from './agent-process.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

const SERVER = 2
const CLIENT = 3

describe('an application that does what few do', () => {
  let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>
  let app: AgentProcess
  let bare: AgentProcess

  beforeAll(async () => {
    receiver = await startOtlpReceiver()
    const env = { PERFLOOP_SERVER_TIMING: 'on' }
    const flags = ['--expose-gc']
    app = await startWithAgent('unusual.mjs', receiver.endpoint, { env, flags })
    bare = await startWithAgent('unusual.mjs', receiver.endpoint, { bare: true, flags })
  })
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]()
    await bare?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  it('gets what it gets without the agent', async () => {
    const own = JSON.parse(await app.get('/'))
    const { values: _, ...without } = JSON.parse(await bare.get('/'))
    // Without anybody behind the API no context is kept at all.
    expect(own).toEqual({ ...without, values: 'kept' })
    expect(without).toMatchObject({ hono: 1, cron: 1, seen: 0 })
    expect(app.standardError()).toBe('')
  })

  it('may give its headers as a list of pairs where Server-Timing is added', async () => {
    const response = await fetch(`${app.url}/pairs`)
    expect(response.headers.get('content-type')).toBe('text/odd')
    expect(await response.text()).toBe('pairs')
  })

  it('may call with the same options again and again, each time for another request', async () => {
    for (const path of ['/same1', '/same2', '/same3']) await app.get(path)
    const { spans } = receiver
    for (const path of ['/same1', '/same2', '/same3']) {
      const call = await eventually(`the call of ${path}`, async () => {
        const request = spans.find(
          ({ kind, attributes }) => kind === SERVER && attributes['url.path'] === path,
        )
        return spans.find(
          ({ kind, parentSpanId }) => kind === CLIENT && parentSpanId === request?.spanId,
        )
      })
      expect(call.attributes['url.full']).toContain('/slow')
    }
  })

  it.each<[string, { path: string; headers: Record<string, string> }]>([
    ['asks before it sends', { path: '/asks', headers: { expect: '100-continue' } }],
    ['goes to a proxy', { path: 'HTTP://ada:secret@elsewhere/pairs?secret=1', headers: {} }],
  ])('is told of a request that %s', async (_, { path, headers }) => {
    const body = await new Promise<string>((resolve, reject) => {
      const { port } = new URL(app.url)
      const options = { host: '127.0.0.1', port, path, headers, method: 'POST', agent: false }
      const call = request(options, answer => {
        let text = ''
        answer.on('data', chunk => {
          text += chunk
        })
        answer.on('end', () => resolve(text))
      })
      call.on('error', reject)
      if (headers.expect === undefined) call.end()
      else call.on('continue', () => call.end('sent'))
    })
    const own = headers.expect === undefined ? '/pairs' : '/asks'
    if (headers.expect !== undefined) expect(body).toBe('sent')
    await eventually(`the span of ${own}`, async () =>
      receiver.spans.find(
        ({ kind, attributes }) =>
          kind === SERVER &&
          attributes['url.path'] === own &&
          attributes['http.request.method'] === 'POST',
      ),
    )
  })

  it('is told of a request whose socket it takes over, with what it does for that', async () => {
    const { port } = new URL(app.url)
    const ask = (event: 'upgrade' | 'connect', options: object) =>
      new Promise<string>((resolve, reject) => {
        const call = request({ host: '127.0.0.1', port, agent: false, ...options })
        call.on('error', reject)
        call.on(event, (_answer, socket, head) => {
          let text = String(head)
          socket.on('error', reject)
          socket.on('data', (chunk: Buffer) => {
            text += chunk
          })
          socket.on('end', () => {
            socket.end()
            resolve(text)
          })
        })
        call.end()
      })
    const headers = { connection: 'upgrade', upgrade: 'odd' }
    expect(await ask('upgrade', { path: '/taken', headers })).toBe('HTTP/1.1 500 is content by now')
    await ask('connect', { method: 'CONNECT', path: 'elsewhere:443' })
    const { spans } = receiver
    const spanOf = (path: string) =>
      eventually(`the span of ${path}`, async () =>
        spans.find(({ kind, attributes }) => kind === SERVER && attributes['url.path'] === path),
      )
    const upgrade = await spanOf('/taken')
    expect(upgrade.attributes['http.response.status_code']).toBe(101)
    expect(
      spans.filter(({ kind, parentSpanId }) => kind === CLIENT && parentSpanId === upgrade.spanId),
    ).toHaveLength(1)
    const tunnel = await spanOf('elsewhere:443')
    expect(tunnel.attributes).toMatchObject({
      'http.request.method': 'CONNECT',
      'http.response.status_code': 405,
    })
    expect(app.standardError()).toBe('')
  })

  it('may begin spans within spans without end: those that are over are not held', async () => {
    expect(Number(await app.get('/chain'))).toBeLessThan(10)
  })
  it('may put a context into a context without end', async () => {
    expect(await app.get('/deep')).toBe('20000')
  })
})
