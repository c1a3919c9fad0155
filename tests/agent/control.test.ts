import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'

const APPLICATION = fileURLToPath(new URL('./control-app.mjs', import.meta.url))
const LEASE_MS = 2_000
const KNOBS = 'http.max_sockets=1..100,pg.pool.max=2..20,pg.statement_cache.max=0..100'

interface Application extends AsyncDisposable {
  readonly url: string
  readonly process: ChildProcess
  standardError(): string
  text(path: string): Promise<string>
}

async function startApplication(
  endpoint: string,
  env: Record<string, string> = {},
): Promise<Application> {
  const child = spawn(process.execPath, ['--import', '@perfloop/agent', APPLICATION], {
    env: {
      ...process.env,
      OTEL_SERVICE_NAME: 'greeter',
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      PERFLOOP_KNOBS: KNOBS,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let standardError = ''
  child.stderr.on('data', chunk => {
    standardError += chunk
  })
  const ended = new Promise(resolve => child.once('exit', resolve))
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', line => resolve(line.slice(5)))
    child.on('exit', () => reject(new Error(`the application ended: ${standardError}`)))
  })
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    process: child,
    standardError: () => standardError,
    text: async path => (await fetch(url + path)).text(),
    async [Symbol.asyncDispose]() {
      await fetch(`${url}/exit`).catch(() => {})
      const patience = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await ended
      clearTimeout(patience)
    },
  }
}

interface AgentView {
  readonly id: string
  readonly service: string
  readonly connected: boolean
  readonly process_id: number
  readonly runtime_version: string
  readonly knobs: readonly {
    readonly name: string
    readonly value: number
    readonly own_value: number
    readonly turned: { readonly value: number } | null
  }[]
}

interface ProfileView {
  readonly status: string
  readonly failure: string | null
  readonly graph: {
    readonly unit: string
    readonly functions: readonly {
      readonly name: string
      readonly total: number
    }[]
  } | null
}

const agentOf = (perfloop: PerfloopProcess, application: Application) =>
  eventually('the agent to report itself', async () => {
    const agents = (await perfloop.get('/config/agents')).data as AgentView[]
    return agents.find(({ process_id }) => process_id === application.process.pid)
  })

const turn = (perfloop: PerfloopProcess, name: string, value: number, forMs = 60_000) =>
  perfloop.send('PUT', '/config/knobs', {
    environment: 'development',
    service: 'greeter',
    name,
    value,
    for_ms: forMs,
  })

const becomes = (application: Application, path: string, expected: string) =>
  eventually(`${path} to be ${expected}`, async () =>
    (await application.text(path)) === expected ? true : undefined,
  )

describe('an agent and its server', () => {
  let perfloop: PerfloopProcess
  beforeAll(async () => {
    perfloop = await startPerfloop({
      env: {
        PERFLOOP_AGENTS_LEASE_MS: String(LEASE_MS),
        PERFLOOP_AGENTS_POLL_MS: '1000',
        PERFLOOP_AGENTS_TEND_INTERVAL_MS: '500',
        PERFLOOP_AGENTS_WATCH_LINGER_MS: '100',
        PERFLOOP_AGENTS_SAMPLING: '{"crowded":0.25}',
      },
    })
  })
  afterAll(() => perfloop?.[Symbol.asyncDispose]())

  it('agree on what is sampled, and count what was left out', async () => {
    await using application = await startApplication(perfloop.otlpHttpUrl, {
      OTEL_SERVICE_NAME: 'crowded',
    })
    await agentOf(perfloop, application)
    // It has reported itself; what it is told then takes another moment.
    await new Promise(resolve => setTimeout(resolve, 1_000))
    const asked = 400
    for (let n = 0; n < asked; n++) await application.text('/hello/you')
    await application.text('/exit').catch(() => '')
    // The kept quarter, each counted as four: binomial, with a standard deviation of 35 calls.
    const calls = await eventually('the calls to be counted', async () => {
      const { data } = await perfloop.get('/measure/services')
      const services = data as { service: string; red: { calls: number } }[]
      const found = services.find(({ service }) => service === 'crowded')
      return found !== undefined && found.red.calls > asked - 5 * 35 ? found.red.calls : undefined
    })
    expect(calls).toBeLessThan(asked + 5 * 35)
    const traces = (await perfloop.get('/traces?service=crowded&per_page=200')).data as unknown[]
    expect(traces.length).toBeLessThan(asked / 2)
  })

  it('know each other: who runs where, and what may be turned there', async () => {
    await using application = await startApplication(perfloop.otlpHttpUrl)
    const agent = await agentOf(perfloop, application)
    expect(agent).toMatchObject({
      service: 'greeter',
      connected: true,
      runtime_version: process.versions.node,
    })
    expect(agent.knobs.map(({ name, value }) => [name, value]).sort()).toEqual([
      ['http.max_sockets', 2 ** 31 - 1],
      ['pg.pool.max', 5],
      ['pg.statement_cache.max', 0],
    ])
  })

  it('turn a knob within its bounds, tell it back, and put it back', async () => {
    await using application = await startApplication(perfloop.otlpHttpUrl)
    await agentOf(perfloop, application)
    expect((await turn(perfloop, 'pg.pool.max', 21)).status).toBe(400)
    expect((await turn(perfloop, 'no.such.knob', 2)).status).toBe(404)
    expect((await turn(perfloop, 'pg.pool.max', 9)).status).toBe(200)
    await becomes(application, '/pool', '9')
    const told = await eventually('the agent to tell its value', async () => {
      const { knobs } = await agentOf(perfloop, application)
      return knobs.find(({ name, value }) => name === 'pg.pool.max' && value === 9)
    })
    expect(told).toMatchObject({ own_value: 5, turned: { value: 9 } })

    const key = { environment: 'development', service: 'greeter', name: 'pg.pool.max' }
    expect((await perfloop.send('POST', '/config/knobs/back', key)).status).toBe(200)
    await becomes(application, '/pool', '5')
    expect((await perfloop.send('POST', '/config/knobs/back', key)).status).toBe(404)
  })

  it('end a turn when its time is over', async () => {
    await using application = await startApplication(perfloop.otlpHttpUrl)
    await agentOf(perfloop, application)
    expect((await turn(perfloop, 'http.max_sockets', 12, 1_500)).status).toBe(200)
    await becomes(application, '/sockets', '12')
    await becomes(application, '/sockets', 'Infinity')
  })

  it('let a knob be turned only where the host has enabled it', async () => {
    await using application = await startApplication(perfloop.otlpHttpUrl, {
      PERFLOOP_KNOBS: 'pg.pool.max=10..2,http.max_sockets=many',
      OTEL_SERVICE_NAME: 'closed',
    })
    expect((await agentOf(perfloop, application)).knobs).toEqual([])
  })

  it('give answers again where the host has listed them, and nobody else’s', async () => {
    await using application = await startApplication(perfloop.otlpHttpUrl, {
      OTEL_SERVICE_NAME: 'counter',
      PERFLOOP_KNOBS: 'response_cache.ttl=0..60000',
      PERFLOOP_CACHE_PATHS: '/count,/raw',
    })
    const ask = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(application.url + path, { headers })).text()
    const isSame = async (path: string, headers?: Record<string, string>) => {
      const first = await ask(path, headers)
      return first === (await ask(path, headers))
    }
    const key = { environment: 'development', service: 'counter', name: 'response_cache.ttl' }
    await agentOf(perfloop, application)
    expect(await isSame('/count/all')).toBe(false)

    await perfloop.send('PUT', '/config/knobs', { ...key, value: 30_000 })
    await eventually('answers to be given again', async () =>
      (await isSame('/count/all')) ? true : undefined,
    )
    const again = await fetch(`${application.url}/count/all`)
    expect([again.headers.get('content-type'), again.headers.get('age')]).toEqual([
      'application/json; charset=utf-8',
      expect.stringMatching(/^\d$/),
    ])
    expect(await isSame('/raw/count')).toBe(true)
    const raw = await fetch(`${application.url}/raw/count`)
    expect([raw.headers.get('x-raw'), await raw.text()]).toEqual([
      'yes',
      expect.stringMatching(/^count \d+$/),
    ])
    expect(await ask('/count/all?q=1')).not.toBe(await ask('/count/all?q=2'))
    for (const [path, headers] of [
      ['/count/all', { cookie: 'session=1' }],
      ['/count/all', { authorization: 'Bearer 1' }],
      ['/count/all', { 'x-api-key': '1' }],
      // Nobody knows what it means.
      ['/count/all', { 'x-customer': '1' }],
      ['/count/all', { 'cache-control': 'no-cache' }],
      ['/count/vary', {}],
      ['/count/momentary', {}],
      ['/count/cookie', {}],
      ['/count/private', {}],
    ] as const) {
      expect(await isSame(path, headers), `${path} ${JSON.stringify(headers)}`).toBe(false)
    }
    await perfloop.send('POST', '/config/knobs/back', key)
    await eventually('answers to be new again', async () =>
      (await isSame('/count/all')) ? undefined : true,
    )
    // Also those that never reached the application.
    await eventually('what was given again to be seen as requests', async () => {
      const { data } = await perfloop.get('/measure/operations?service=counter&from=-PT1H')
      const [counted] = (data as { operation: string; red: { calls: number } }[]).filter(
        ({ operation }) => operation === 'GET /count/:what',
      )
      return counted !== undefined && counted.red.calls > 15 ? counted : undefined
    })
  })

  it.each(['cpu', 'heap'] as const)('take a %s profile that somebody asked for', async kind => {
    await using application = await startApplication(perfloop.otlpHttpUrl)
    const { id: agent } = await agentOf(perfloop, application)
    const { status, body } = await perfloop.send('POST', '/measure/profiles', {
      agent,
      kind,
      duration_ms: 1_000,
    })
    expect(status).toBe(201)
    const { id } = (body as { data: { id: string } }).data
    const profile = await eventually('the profile to arrive', async () => {
      await application.text('/burn/100')
      const { data } = await perfloop.get(`/measure/profiles/${id}`)
      const one = data as ProfileView
      return one.status === 'finished' || one.status === 'failed' ? one : undefined
    })
    expect([profile.status, profile.failure]).toEqual(['finished', null])
    expect(profile.graph?.unit).toBe(kind === 'cpu' ? 'nanoseconds' : 'bytes')
    if (kind === 'cpu') {
      // The clock that is asked all the time: V8 inlines who asks it, now and then.
      const clock = profile.graph?.functions.find(({ name }) => name === 'now')
      expect(clock?.total).toBeGreaterThan(30e6)
    }
  })

  it('send spans within moments while somebody watches, and seldom otherwise', async () => {
    await using application = await startApplication(perfloop.otlpHttpUrl, {
      OTEL_SERVICE_NAME: 'watched',
    })
    await agentOf(perfloop, application)
    const gone = new AbortController()
    const stream = await fetch(`${perfloop.url}/api/v1/stream?topics=spans`, {
      signal: gone.signal,
    })
    let seen = ''
    const reading = (async () => {
      for await (const chunk of stream.body ?? []) seen += Buffer.from(chunk).toString()
    })().catch(() => {})
    // The first may still go by the slow interval: the agent is being told.
    const delays: number[] = []
    for (let index = 0; index < 5; index++) {
      const path = `/hello/${index}`
      const before = seen.length
      const startMs = performance.now()
      await application.text(path)
      await eventually('its span to be seen', async () =>
        seen.slice(before).includes('GET /hello/:name') ? true : undefined,
      )
      delays.push(performance.now() - startMs)
    }
    gone.abort()
    await reading
    // `eventually` looks every 100 ms; unwatched it would be up to five seconds.
    expect(Math.max(...delays.slice(1))).toBeLessThan(1_500)
  })

  it('part without harm: a killed server leaves nothing turned and no request failed', async () => {
    await using own = await startPerfloop({
      env: { PERFLOOP_AGENTS_LEASE_MS: String(LEASE_MS), PERFLOOP_AGENTS_POLL_MS: '1000' },
    })
    await using application = await startApplication(own.otlpHttpUrl)
    await agentOf(own, application)
    await turn(own, 'http.max_sockets', 33)
    await turn(own, 'pg.pool.max', 3)
    await becomes(application, '/sockets', '33')
    await becomes(application, '/pool', '3')

    process.kill(own.pid, 'SIGKILL')
    const killedMs = performance.now()
    let failed = 0
    const requests = (async () => {
      while (performance.now() - killedMs < LEASE_MS + 1_000) {
        const response = await fetch(`${application.url}/hello/bo`).catch(() => undefined)
        if (response?.status !== 200) failed++
      }
    })()
    await becomes(application, '/sockets', 'Infinity')
    await becomes(application, '/pool', '5')
    expect(performance.now() - killedMs).toBeLessThan(LEASE_MS * 3)
    await requests
    expect(failed).toBe(0)
  })
})

it('leaves a backend that is no Perfloop alone', async () => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    request.resume()
    response.writeHead(request.url?.startsWith('/v1/') ? 200 : 404).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  {
    await using application = await startApplication(`http://127.0.0.1:${port}`)
    await application.text('/hello/bo')
    await new Promise(resolve => setTimeout(resolve, 4_000))
    expect(application.standardError()).toBe('')
  }
  server.close()
  expect(asked.filter(line => line.includes('/agent/'))).toEqual(['POST /agent/v1/report'])
})

it('comes back when it is told to, where a server has no room for those that wait', async () => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? ''
    asked.push(path)
    request.resume()
    if (path === '/agent/v1/settings') response.writeHead(304, { 'retry-after': '2' }).end()
    else response.end(JSON.stringify({ agent: 'one' }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  {
    await using _application = await startApplication(`http://127.0.0.1:${port}`)
    const times = () => asked.filter(path => path === '/agent/v1/settings').length
    await eventually('it to ask', async () => (times() > 0 ? true : undefined))
    await new Promise(resolve => setTimeout(resolve, 1_000))
    expect(times()).toBe(1)
    await eventually('it to ask again', async () => (times() > 1 ? true : undefined))
  }
  server.close()
})

it('is not driven by a server that answers at once, again and again, and wants profiles without end', async () => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? ''
    asked.push(path)
    request.resume()
    const ids = Array.from({ length: 50 }, (_, n) => `${asked.length}-${n}`)
    const settings = {
      lease_ms: 1e12,
      flush_interval_ms: 0,
      profiles: ids.map(id => ({ id, kind: 'cpu', duration_ms: 1 })),
    }
    response.end(JSON.stringify(path === '/agent/v1/settings' ? settings : { agent: 'one' }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  {
    await using application = await startApplication(`http://127.0.0.1:${port}`)
    await eventually('it to ask', async () =>
      asked.includes('/agent/v1/settings') ? true : undefined,
    )
    asked.length = 0
    await new Promise(resolve => setTimeout(resolve, 3_000))
    expect(asked.filter(path => path === '/agent/v1/settings').length).toBeLessThanOrEqual(31)
    expect(asked.filter(path => path === '/agent/v1/profiles').length).toBeLessThanOrEqual(1)
    expect(await application.text('/hello/bo')).toBe('{"hello":"bo"}')
    expect(application.standardError()).toBe('')
  }
  server.closeAllConnections()
  server.close()
})
