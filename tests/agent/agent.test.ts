import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually } from '../perfloop-process.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const SERVER = 2
const CLIENT = 3
const ERROR = 2

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-agent-'))
let log = ''
let postgres: EmbeddedPostgres

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({
    directory: join(scratch, 'postgres'),
    settings: { log_statement: 'all', log_line_prefix: '%a: ' },
    onLog: text => {
      log += text
    },
  })
})

afterAll(async () => {
  await postgres?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

interface Market extends AsyncDisposable {
  readonly url: string
  readonly process: ChildProcess
  readonly exited: Promise<number | null>
  readonly standardError: () => string
  get(path: string, headers?: Record<string, string>): Promise<unknown>
}

async function startMarket(
  endpoint: string,
  options: { file?: string; name?: string; env?: Record<string, string>; bare?: boolean } = {},
): Promise<Market> {
  const database = `${postgres.url}${postgres.url.includes('?') ? '&' : '?'}application_name=${options.name ?? 'market'}`
  const child = spawn(
    process.execPath,
    [
      ...(options.bare ? [] : ['--import', '@perfloop/agent']),
      join(here, options.file ?? 'market.mjs'),
    ],
    {
      env: {
        ...process.env,
        MARKET_DATABASE: database,
        OTEL_SERVICE_NAME: options.name ?? 'market',
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        PERFLOOP_FLUSH_INTERVAL_MS: '50',
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let standardError = ''
  child.stderr.on('data', chunk => {
    standardError += chunk
  })
  const exited = new Promise<number | null>(resolve => child.on('exit', resolve))
  const port = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', line => {
      if (line.startsWith('port ')) resolve(line.slice(5))
    })
    child.on('exit', () => reject(new Error(`the market ended: ${standardError}`)))
  })
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    process: child,
    exited,
    standardError: () => standardError,
    async get(path, headers = {}) {
      const response = await fetch(url + path, { headers })
      return response.headers.get('content-type')?.includes('json')
        ? response.json()
        : response.text()
    },
    async [Symbol.asyncDispose]() {
      // By itself, so that what it did is counted as covered; by force where it does not.
      await fetch(`${url}/exit`).catch(() => {})
      const patience = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await exited
      clearTimeout(patience)
    },
  }
}

const roots = (spans: readonly ReceivedSpan[]) => spans.filter(({ kind }) => kind === SERVER)
const statements = (spans: readonly ReceivedSpan[]) =>
  spans.filter(({ scope }) => scope === '@perfloop/agent/pg')
const childrenOf = (spans: readonly ReceivedSpan[], parent: ReceivedSpan | undefined) =>
  spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId)
const named = (spans: readonly ReceivedSpan[], name: string) =>
  spans.find(span => span.name === name)

describe('the Node agent', () => {
  it.each(['market.mjs', 'market.cjs'])(
    'sees requests, routes and statements of %s, unchanged',
    async file => {
      await using receiver = await startOtlpReceiver()
      await using market = await startMarket(receiver.endpoint, { file })
      const { spans } = receiver
      expect(await market.get('/towns/7/stalls/42?secret=1')).toEqual([
        [{ stall: 42 }],
        [[{ fruit: 1 }], [{ fruit: 2 }]],
      ])
      await market.get('/wrong')
      await market.get('/nowhere')
      await eventually(
        'the spans',
        async () => (roots(spans).length >= 3 ? true : undefined),
        10_000,
      )

      const stall = named(spans, 'GET /towns/:town/stalls/:stall')
      expect(stall?.attributes).toMatchObject({
        'http.request.method': 'GET',
        'http.route': '/towns/:town/stalls/:stall',
        'url.path': '/towns/7/stalls/42',
        'url.scheme': 'http',
        'http.response.status_code': 200,
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(market.url).port),
        'client.address': '127.0.0.1',
      })
      expect(stall?.service).toBe('market')
      expect(JSON.stringify(stall?.attributes)).not.toContain('secret')
      const asked = statements(childrenOf(spans, stall))
      expect(asked.map(({ attributes }) => attributes['db.query.text'])).toEqual([
        'SELECT $1::int AS stall',
        'SELECT $1::int AS fruit',
        'SELECT $1::int AS fruit',
      ])
      for (const span of asked) {
        expect(span.kind).toBe(CLIENT)
        expect(span.traceId).toBe(stall?.traceId)
        expect(span.attributes).toMatchObject({
          'db.system.name': 'postgresql',
          'db.namespace': 'postgres',
          'db.response.returned_rows': 1,
          'code.file.path': join(here, file),
        })
        expect(span.startUnixNs >= (stall?.startUnixNs ?? 0n)).toBe(true)
        expect(span.endUnixNs <= (stall?.endUnixNs ?? 0n)).toBe(true)
        expect(Math.abs(Number(span.startUnixNs / 1_000_000n) - Date.now())).toBeLessThan(60_000)
      }

      const wrong = named(spans, 'GET /wrong')
      expect(wrong?.status).toBe(ERROR)
      expect(wrong?.attributes['http.response.status_code']).toBe(500)
      expect(wrong?.events[0]?.attributes['exception.message']).toContain('nothing_here')
      expect(statements(childrenOf(spans, wrong))[0]).toMatchObject({
        status: ERROR,
        attributes: { 'db.response.status_code': '42703' },
      })
      expect(named(spans, 'GET')?.attributes).toMatchObject({
        'http.response.status_code': 404,
        'url.path': '/nowhere',
      })
      expect(market.standardError()).toBe('')
    },
  )

  it('counts the statements that the database logged, each under its own request, however mixed', async () => {
    await using receiver = await startOtlpReceiver()
    await using market = await startMarket(receiver.endpoint, { name: 'counted' })
    const paths = [
      '/towns/1/stalls/2',
      '/callback',
      '/transaction',
      '/by-callback-client',
      '/wrong',
    ]
    const expected: Record<string, number> = {
      'GET /towns/:town/stalls/:stall': 3,
      'GET /callback': 2,
      'GET /transaction': 3,
      'GET /by-callback-client': 1,
      'GET /wrong': 1,
    }
    const requests = 500
    let next = 0
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        while (next < requests) await market.get(paths[next++ % paths.length] ?? '')
      }),
    )
    const { spans } = receiver
    await eventually(
      'all requests',
      async () => (roots(spans).length >= requests ? true : undefined),
      20_000,
    )
    for (const root of roots(spans)) {
      const own = statements(childrenOf(spans, root))
      expect(own.length, root.name).toBe(expected[root.name])
      for (const span of own) expect(span.traceId).toBe(root.traceId)
    }
    const logged = await eventually('the log', async () => {
      const count = loggedStatements('counted')
      return count >= statements(spans).length ? count : undefined
    })
    expect(statements(spans).length).toBe(logged)
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length)
  })

  it('goes on with the caller’s trace, and hands its own to whom it calls', async () => {
    await using receiver = await startOtlpReceiver()
    await using market = await startMarket(receiver.endpoint)
    const { spans } = receiver
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    await market.get('/calls', { traceparent: `00-${traceId}-b7ad6b7169203331-01` })
    await market.get('/refused')
    await eventually('the spans', async () => (roots(spans).length >= 4 ? true : undefined))
    const calls = named(spans, 'GET /calls')
    expect(calls).toMatchObject({ traceId, parentSpanId: 'b7ad6b7169203331' })
    const [byFetch, byHttp] = childrenOf(spans, calls)
    expect(byFetch?.scope).toBe('@perfloop/agent/undici')
    expect(byFetch?.attributes['url.full']).toBe(`${market.url}/callback`)
    expect(byHttp?.scope).toBe('@perfloop/agent/http-client')
    expect(byHttp?.attributes['http.response.status_code']).toBe(200)
    expect(named(spans, 'GET /callback')).toMatchObject({ traceId, parentSpanId: byFetch?.spanId })
    expect(named(spans, 'GET /echo')).toMatchObject({ traceId, parentSpanId: byHttp?.spanId })
    expect(childrenOf(spans, named(spans, 'GET /refused'))[0]).toMatchObject({
      status: ERROR,
      attributes: { 'error.type': 'ECONNREFUSED' },
    })
  })

  it('records nothing of a trace that its caller does not record, but hands the decision on', async () => {
    await using receiver = await startOtlpReceiver()
    await using market = await startMarket(receiver.endpoint)
    const unsampled = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
    expect(await market.get('/calls', { traceparent: unsampled })).toEqual([
      [[{ callback: 1 }], [{ nested: 2 }]],
      expect.stringMatching(/^"00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-00"$/),
    ])
    await market.get('/echo')
    await eventually('a span', async () => (receiver.spans.length > 0 ? true : undefined))
    expect(receiver.spans.map(({ name }) => name)).toEqual(['GET /echo'])
  })

  it('changes nothing that the application does: rejections, its own headers, what handlers throw', async () => {
    await using receiver = await startOtlpReceiver()
    await using market = await startMarket(receiver.endpoint)
    expect(await market.get('/unawaited')).toBe(1)
    expect(await market.get('/own-trace')).toBe(
      '00-11111111111111111111111111111111-2222222222222222-01',
    )
    expect(await market.get('/nested')).toEqual([1, 'the handler of the inner server'])
  })

  it('lets no caller break it: a port that is no number, a name without end', async () => {
    await using receiver = await startOtlpReceiver()
    await using market = await startMarket(receiver.endpoint)
    for (const host of ['a:1e999', 'a:-Infinity', 'a:1e300', 'b'.repeat(5_000), ':', '[::1]:80']) {
      await new Promise<void>((resolve, reject) => {
        get(`${market.url}/echo`, { headers: { host } }, response => {
          response.resume().on('end', resolve)
        }).on('error', reject)
      })
    }
    const { spans } = receiver
    await eventually('the spans', async () => (roots(spans).length >= 6 ? true : undefined))
    expect(roots(spans).at(-1)?.attributes).toMatchObject({
      'server.address': '[::1]',
      'server.port': 80,
    })
    expect(market.standardError()).toBe('')
  })

  it('puts nobody’s background work under the request that opened the connection', async () => {
    await using receiver = await startOtlpReceiver()
    await using market = await startMarket(receiver.endpoint)
    await market.get('/callback')
    await market.get('/background')
    await new Promise(resolve => setTimeout(resolve, 600))
    const texts = statements(receiver.spans).map(({ attributes }) => attributes['db.query.text'])
    expect(texts).toEqual(['SELECT 1 AS callback', 'SELECT 2 AS nested'])
  })

  it('sends what is left when the process ends, by itself or by process.exit', async () => {
    for (const path of ['/end', '/exit']) {
      await using receiver = await startOtlpReceiver()
      await using market = await startMarket(receiver.endpoint, {
        env: { PERFLOOP_FLUSH_INTERVAL_MS: '60000' },
      })
      await market.get('/callback')
      await market.get(path)
      expect(await market.exited).toBe(0)
      expect(receiver.spans.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['GET /callback', `GET ${path}`]),
      )
    }
  })

  it.each([
    ['is away', 'http://127.0.0.1:9'],
    ['hangs', 'silent'],
    ['answers garbage', 'broken'],
  ])('fails no request and ends in time when the server %s', async (_what, kind) => {
    await using receiver = await startOtlpReceiver()
    receiver.state.isSilent = kind === 'silent'
    receiver.state.status = kind === 'broken' ? 418 : 200
    const endpoint = kind.startsWith('http') ? kind : receiver.endpoint
    await using market = await startMarket(endpoint)
    for (let n = 0; n < 50; n++) expect(await market.get('/echo')).toBeNull()
    await new Promise(resolve => setTimeout(resolve, 500))
    const began = Date.now()
    await market.get('/end')
    expect(await market.exited).toBe(0)
    expect(Date.now() - began).toBeLessThan(5_000)
    if (kind !== 'silent') expect(market.standardError()).toMatch(/^perfloop agent: /)
    // Told once, not with every try.
    expect(market.standardError().split('\n').length).toBeLessThan(4)
  })

  it('leaves out detail and then traces where it costs more than it may, and tells their probability', async () => {
    await using receiver = await startOtlpReceiver()
    await using market = await startMarket(receiver.endpoint, {
      env: { PERFLOOP_COST_BUDGET_PERCENT: '0.1' },
    })
    const request = await eventually('traces are left out', async () => {
      for (let n = 0; n < 50; n++) await market.get('/callback')
      return roots(receiver.spans).find(({ traceState }) => traceState !== '')
    })
    expect(request.traceState).toBe('ot=th:8')
    expect(request.attributes['user_agent.original']).toBeUndefined()
    const own = childrenOf(receiver.spans, request)
    expect(own.map(({ traceState }) => traceState)).toEqual(['ot=th:8', 'ot=th:8'])
    expect(named(receiver.spans, 'GET /callback')?.attributes['user_agent.original']).toBeDefined()
    expect(market.standardError()).toContain('PERFLOOP_COST_BUDGET_PERCENT')
  })

  it('says what is wrong with its configuration, and lets the application run', async () => {
    await using market = await startMarket('no address at all')
    expect(await market.get('/echo')).toBeNull()
    expect(market.standardError()).toContain('does not measure this process')
  })
})

function loggedStatements(application: string): number {
  const own = log.split('\n').filter(line => line.startsWith(`${application}: `))
  return own.filter(line => /LOG: {2}(statement|execute [^:]*):/.test(line)).length
}
