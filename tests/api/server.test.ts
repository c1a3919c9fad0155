import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { welcome } from '../../packages/perfloop/src/cli/run-serve.ts'
import { systemClock } from '../../packages/perfloop/src/domain/clock.ts'
import { silentLogger } from '../../packages/perfloop/src/domain/logger.ts'
import { type RunningServer, startServer } from '../../packages/perfloop/src/server/compose.ts'
import { loadSettings } from '../../packages/perfloop/src/settings/load-settings.ts'

const directory = mkdtempSync(join(tmpdir(), 'perfloop-server-'))
let server: RunningServer

const start = (flags: Record<string, unknown> = {}) =>
  startServer({
    ...loadSettings({
      flags: {
        'server.dataDirectory': join(directory, 'data'),
        'server.port': 0,
        'ingest.otlpHttpPort': 0,
        'ingest.otlpGrpcPort': 0,
        'analysis.settleMs': 1_000,
        ...flags,
      },
    }),
    logger: silentLogger,
    clock: systemClock,
  })

beforeAll(async () => {
  server = await start()
})
afterAll(async () => {
  await server?.close()
  rmSync(directory, { recursive: true, force: true })
})

describe('a started server', () => {
  it('answers at once, and says where everything is', async () => {
    const { status } = await fetch(`${server.url}/api/v1/health`)
    expect(status).toBe(200)
    const words = welcome(server, '127.0.0.1')
    expect(words).toContain(`${server.url}/#token=${server.adminToken.secret}`)
    expect(words).toContain(`OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:${server.otlpHttpPort}`)
  })

  it('shows telemetry within seconds: live at once, then as operation, measurement and trace', async () => {
    const stream = await fetch(`${server.url}/api/v1/stream?topics=spans,health`)
    const heard = listen(stream)
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    await until(async () => {
      // The receiver learns a moment later that somebody watches; earlier spans are only stored.
      await send(traceId)
      return heard.text().includes('"span_id"')
    })
    expect(heard.text()).toContain(`"trace_id":"${traceId}"`)
    expect(heard.text()).toContain('event: health')
    heard.close()

    const operation = await until(async () => {
      const [first] = await get('/measure/operations')
      return first?.breakdown ? first : undefined
    })
    expect(operation).toMatchObject({
      service: 'harbor',
      operation: 'GET /berths/:id',
      breakdown: { query_count: 1 },
    })
    const trace = await get(`/traces/${traceId}`)
    expect(trace.spans[0]).toMatchObject({ attributes: { 'http.route': '/berths/:id' } })
    expect(trace.spans[1].statement).toMatchObject({ text: 'SELECT * FROM berth WHERE id = ?' })
  })

  it('counts a batch that was sent twice once', async () => {
    await server.drain()
    const [operation] = await get('/measure/operations')
    expect(operation.red.calls).toBe(1)
  })

  it('samples its own processes and lists them as resources', async () => {
    await until(async () => {
      await server.drain()
      const series = await get('/measure/resources?service=perfloop')
      return series.length >= 2
    })
  })

  it('is healthy, component by component, and runs the loop', async () => {
    const health = await until(async () => {
      const now = await server.health()
      const analysis = now.components.find(({ component }) => component === 'analysis')
      return (analysis?.numbers['analyze_runs'] ?? 0) > 0 ? now : undefined
    })
    expect(health.components.map(({ component }) => component)).toEqual([
      'receiver',
      'spool',
      'loader',
      'store',
      'control',
      'analysis',
      'optimizer',
      'retention',
      'disk',
    ])
    expect(health.components.filter(({ status }) => status === 'unhealthy')).toEqual([])
    expect(health.analyzers.map(({ kind }) => kind)).toContain('n-plus-one')
  })

  it('exposes itself and every operation in both formats', async () => {
    const read = async (accept: string) =>
      (await fetch(`${server.url}/metrics`, { headers: { accept } })).text()
    const open = await read('application/openmetrics-text; version=1.0.0')
    expect(open).toMatch(/\n# EOF\n$/)
    expect(open).toContain('# TYPE perfloop_ingest_accepted counter')
    expect(open).toMatch(/perfloop_process_resident_memory_bytes\{process="store"\} \d+/)
    expect(open).toMatch(
      /perfloop_operation_duration_seconds_count\{environment="test",service="harbor",operation="GET \/berths\/:id",kind="server"\} 1\n/,
    )
    for (const line of open.trimEnd().split('\n')) {
      expect(line).toMatch(
        /^(# (HELP|TYPE|UNIT) [a-z_]+ .*|# EOF|[a-z_]+(\{.*\})? (NaN|[-+0-9.e]+))$/,
      )
    }
    expect(await read('*/*')).toContain('# TYPE perfloop_ingest_accepted_total counter')
  })

  it('tells the receiver of ingest tokens that were made and revoked', async () => {
    const admin = { authorization: `Bearer ${server.adminToken.secret}` }
    const made = await fetch(`${server.url}/api/v1/config/ingest-tokens`, {
      method: 'POST',
      headers: { ...admin, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'ship', environment: 'sea' }),
    })
    const { data } = await made.json()
    const sendAs = async () =>
      (await send('1af7651916cd43dd8448eb211c80319c', { authorization: `Bearer ${data.token}` }))
        .status
    await until(async () => (await sendAs()) === 200)
    await until(async () => {
      await server.drain()
      return (await get('/measure/operations?environment=sea')).length === 1
    })
    await fetch(`${server.url}/api/v1/config/ingest-tokens/${data.id}`, {
      method: 'DELETE',
      headers: admin,
    })
    await until(async () => (await sendAs()) === 401)
  })

  it('refuses a second server on its data, and a taken port, and says which', async () => {
    await expect(start()).rejects.toMatchObject({
      code: 'DATA_DIRECTORY_IN_USE',
      details: { pid: process.pid },
    })
    const squatter = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => squatter.once('listening', resolve))
    const address = squatter.address()
    const taken = typeof address === 'object' ? address?.port : undefined
    await expect(
      start({ 'server.port': taken, 'server.dataDirectory': join(directory, 'other') }),
    ).rejects.toMatchObject({ code: 'PORT_IN_USE', details: { port: taken } })
    squatter.close()
  })

  it('keeps what it acknowledged over a stop and a start', async () => {
    await send('2af7651916cd43dd8448eb211c80319c')
    await server.close()
    server = await start()
    expect(server.adminToken.isNew).toBe(false)
    await until(
      async () => (await fetch(`${server.url}/api/v1/traces/2af7651916cd43dd8448eb211c80319c`)).ok,
    )
  })
})

async function get(path: string) {
  const answer = await fetch(`${server.url}/api/v1${path}`)
  return (await answer.json()).data
}

const START_NS = BigInt(Date.now() - 1_000) * 1_000_000n

function send(traceId: string, headers: Record<string, string> = {}): Promise<Response> {
  const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } })
  const span = (spanId: string, rest: object) => ({
    traceId,
    spanId,
    startTimeUnixNano: String(START_NS),
    endTimeUnixNano: String(START_NS + 20_000_000n),
    ...rest,
  })
  return fetch(`http://127.0.0.1:${server.otlpHttpPort}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      resourceSpans: [
        {
          resource: {
            attributes: [
              attribute('service.name', 'harbor'),
              attribute('deployment.environment.name', 'test'),
            ],
          },
          scopeSpans: [
            {
              scope: { name: 'test' },
              spans: [
                span('00f067aa0ba902b7', {
                  name: 'GET /berths/:id',
                  kind: 2,
                  attributes: [
                    attribute('http.route', '/berths/:id'),
                    attribute('http.request.method', 'GET'),
                  ],
                }),
                span('00f067aa0ba902b8', {
                  parentSpanId: '00f067aa0ba902b7',
                  name: 'SELECT berth',
                  kind: 3,
                  endTimeUnixNano: String(START_NS + 9_000_000n),
                  attributes: [
                    attribute('db.system.name', 'postgresql'),
                    attribute('db.query.text', 'SELECT * FROM berth WHERE id = 7'),
                  ],
                }),
              ],
            },
          ],
        },
      ],
    }),
  })
}

function listen(response: Response): { text(): string; close(): void } {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let heard = ''
  void (async () => {
    for (;;) {
      const chunk = await reader?.read().catch(() => undefined)
      if (chunk === undefined || chunk.done) return
      heard += decoder.decode(chunk.value, { stream: true })
    }
  })()
  return { text: () => heard, close: () => void reader?.cancel().catch(() => {}) }
}

async function until<T>(condition: () => Promise<T | undefined | false>): Promise<T> {
  for (const endMs = Date.now() + 30_000; Date.now() < endMs; await sleep(100)) {
    const value = await condition()
    if (value) return value
  }
  throw new Error('it did not happen within thirty seconds')
}
