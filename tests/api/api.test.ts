import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { InjectOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ErrorEnvelope, envelope } from '../../packages/perfloop/src/api/contract/envelope.ts'
import type { Endpoint } from '../../packages/perfloop/src/api/endpoint.ts'
import { ENDPOINTS } from '../../packages/perfloop/src/api/endpoints.ts'
import { openApiDocument } from '../../packages/perfloop/src/api/open-api-document.ts'
import type {
  IssueRecord,
  OptimizationRecord,
} from '../../packages/perfloop/src/store/control/control-store.ts'
import { pprof } from '../agent/write-pprof.ts'
import { ADMIN_TOKEN, openTestApi, type TestApi } from './open-test-api.ts'
import { seedAgent } from './seed-agent.ts'
import { STATEMENTS_A_TRACE, seededTrace, seedTelemetry } from './seed-telemetry.ts'

const NOW_MS = Date.now()
const TRACES = 2_000
const ADMIN = { authorization: `Bearer ${ADMIN_TOKEN}` }
const OPERATION = 'environment=production&service=service-0&operation=GET%20%2Fthing-0&kind=server'

let api: TestApi
let issueId: string
let optimizationId: string
let targetId: string
let agent: { readonly id: string; readonly profileId: string }

beforeAll(async () => {
  api = await openTestApi({ clock: { nowUnixMs: () => NOW_MS } })
  await seedTelemetry(api.store.engine, {
    traces: TRACES,
    untilUnixS: Math.floor(NOW_MS / 1_000) - 60,
    overSeconds: 1_800,
  })
  issueId = randomUUID()
  optimizationId = randomUUID()
  targetId = randomUUID()
  await api.control.issues.insert(issueRecord(issueId))
  await api.control.targets.insert({
    id: targetId,
    kind: 'sqlite',
    name: 'the shop',
    environment: 'production',
    services: [],
    options: { file: '/nowhere/shop.db' },
    status: 'unknown',
    version: null,
    notes: [],
    canChange: false,
    collectedAt: null,
    createdAt: new Date(NOW_MS).toISOString(),
  })
  agent = await seedAgent(api.context.agents, pprof({ 'main;render': 30, main: 10 }))
  await api.control.optimizations.insert(optimizationRecord(optimizationId, issueId, targetId))
})
afterAll(() => api?.close())

interface Body {
  readonly status: string
  readonly data: never
  readonly error: { readonly code: string; readonly details: never }
  readonly pagination?: {
    readonly total: number
    readonly pages: number
    readonly has_next: boolean
  }
  readonly metrics?: { readonly query_count: number; readonly execution_time: number }
}

async function ask(
  url: string,
  options: InjectOptions = {},
): Promise<{ status: number; body: Body; headers: Record<string, unknown> }> {
  const answer = await api.app.inject({
    method: 'GET',
    url: `/api/v1${url}`,
    remoteAddress: '127.0.0.1',
    ...options,
    headers: { host: 'localhost:4600', ...options.headers },
  })
  return { status: answer.statusCode, body: answer.json(), headers: answer.headers }
}

const asAdmin = (method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', payload?: object): InjectOptions => ({
  method,
  headers: ADMIN,
  ...(payload && { payload }),
})

describe('every endpoint', () => {
  const addressOf = (endpoint: Endpoint) => {
    const query =
      endpoint.path.startsWith('/measure/operation/') || endpoint.path === '/measure/operation'
        ? `?${OPERATION}`
        : /^\/(insights\/coverage\/service|measure\/hot-code|measure\/runtime(\/blocks|\/memory)?)$/.test(
              endpoint.path,
            )
          ? '?environment=production&service=service-0'
          : ''
    const path = endpoint.path
      .replace(':fingerprint', '0000000000000001')
      .replace(':traceId', seededTrace(7))
      .replace(
        ':id',
        endpoint.path.includes('issues')
          ? issueId
          : endpoint.path.includes('optim')
            ? optimizationId
            : endpoint.path.includes('agents')
              ? agent.id
              : endpoint.path.includes('profiles')
                ? agent.profileId
                : targetId,
      )
    return `${path}${query}`
  }
  const reads = ENDPOINTS.filter(({ method, access }) => method === 'GET' && access !== 'write')
  const writes = ENDPOINTS.filter(({ access }) => access === 'write')
  const errorOf = (body: unknown) => ErrorEnvelope.strict().parse(body).error

  it.each(reads)('$name answers what its contract says', async endpoint => {
    const { status, body, headers } = await ask(addressOf(endpoint))
    expect([status, JSON.stringify(body).slice(0, 300)]).toEqual([200, expect.anything()])
    const parsed = envelope(endpoint.data).strict().safeParse(body)
    expect(parsed.error?.issues).toBeUndefined()
    expect(body.pagination !== undefined).toBe(endpoint.paginated === true)
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
    })
  })

  it.each(reads)('$name refuses a parameter it does not know', async endpoint => {
    const address = addressOf(endpoint)
    const { status, body } = await ask(`${address}${address.includes('?') ? '&' : '?'}colour=red`)
    expect([status, errorOf(body).code]).toEqual([400, 'INVALID_REQUEST'])
  })

  it.each(writes)('$name asks for a token', async endpoint => {
    const { status, body, headers } = await ask(addressOf(endpoint), { method: endpoint.method })
    expect([status, errorOf(body).code]).toEqual([401, 'UNAUTHENTICATED'])
    expect(headers['www-authenticate']).toContain('Bearer')
  })

  it.each(ENDPOINTS)('$name refuses other hosts and origins, with a token too', async endpoint => {
    for (const headers of [{ host: 'evil.example' }, { origin: 'http://evil.example' }]) {
      const { status, body } = await ask(addressOf(endpoint), {
        method: endpoint.method,
        headers: { ...ADMIN, ...headers },
      })
      expect([status, errorOf(body).code]).toEqual([403, 'FORBIDDEN_ORIGIN'])
    }
  })

  it.each(ENDPOINTS.filter(({ path }) => /:id|:fingerprint|:traceId/.test(path)))(
    '$name says when there is nothing',
    async endpoint => {
      const path = endpoint.path
        .replace(':fingerprint', 'ffffffffffffffff')
        .replace(':traceId', 'f'.repeat(32))
        .replace(':id', randomUUID())
      const payload = endpoint.method === 'PATCH' ? { status: 'acknowledged' } : {}
      const { status, body } = await ask(path, {
        method: endpoint.method,
        headers: ADMIN,
        ...(endpoint.method !== 'GET' && endpoint.method !== 'DELETE' && { payload }),
      })
      expect([status, errorOf(body).code]).toEqual([404, 'NOT_FOUND'])
    },
  )

  it.each(writes.filter(({ body }) => body !== undefined))(
    '$name refuses a wrong body',
    async endpoint => {
      const { status, body } = await ask(
        addressOf(endpoint),
        asAdmin(endpoint.method as 'POST', { wrong: true }),
      )
      expect([status, errorOf(body).code]).toEqual([400, 'INVALID_REQUEST'])
    },
  )

  it('is in the committed OpenAPI document as it is in the code', () => {
    const file = new URL('../../docs/api/openapi.json', import.meta.url)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(
      JSON.parse(JSON.stringify(openApiDocument(ENDPOINTS))),
    )
  })

  it('has a name of its own in the OpenAPI document', () => {
    const names = ENDPOINTS.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('errors', () => {
  it('have the envelope on addresses that do not exist and bodies that are no JSON', async () => {
    const missing = await ask('/nothing')
    expect([missing.status, missing.body.error.code]).toEqual([404, 'NOT_FOUND'])
    const undecodable = await ask('/%zz')
    expect([undecodable.status, undecodable.body.error.code]).toEqual([400, 'INVALID_REQUEST'])
    const broken = await ask('/config/policy', {
      method: 'PUT',
      headers: { ...ADMIN, 'content-type': 'application/json' },
      payload: '{',
    })
    expect([broken.status, broken.body.error.code]).toEqual([400, 'INVALID_REQUEST'])
    const media = await ask('/config/policy', {
      method: 'PUT',
      headers: { ...ADMIN, 'content-type': 'text/plain' },
      payload: 'x',
    })
    expect(media.body.error.code).toBe('INVALID_REQUEST')
  })

  it('say what is wrong, field by field', async () => {
    const { body } = await ask('/measure/operations?per_page=1000&sort=colour')
    expect(body.error.details).toEqual({
      problems: [expect.stringMatching(/^per_page: /), expect.stringMatching(/^sort: /)],
    })
  })

  it('hide what happened inside, and name the request under which the log has it', async () => {
    const { telemetry } = api.context
    const run = telemetry.run
    Object.assign(telemetry, {
      run: () => {
        throw new Error('secret path')
      },
    })
    const { status, body } = await ask('/measure/models')
    Object.assign(telemetry, { run })
    expect(status).toBe(500)
    expect(body.error).toMatchObject({
      code: 'INTERNAL',
      details: { request_id: expect.any(String) },
    })
    expect(JSON.stringify(body)).not.toContain('secret')
  })

  it('tell a guesser to wait', async () => {
    const guess = () =>
      ask('/health', { headers: { authorization: 'Bearer no' }, remoteAddress: '127.0.0.9' })
    for (let n = 0; n < 10; n++) expect((await guess()).status).toBe(401)
    const { status, body, headers } = await guess()
    expect([status, body.error.code]).toEqual([429, 'TOO_MANY_ATTEMPTS'])
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  })
})

describe('measurements', () => {
  it('add up to what was seeded', async () => {
    const { body } = await ask('/measure/overview')
    expect(body.data).toMatchObject({
      totals: { calls: TRACES, errors: TRACES / 10, error_ratio: 0.1 },
      services: [{ red: { calls: TRACES / 2 } }, { red: { calls: TRACES / 2 } }],
    })
    const { series } = body.data as { series: { points: { calls: number }[] } }
    expect(series.points.reduce((sum, { calls }) => sum + calls, 0)).toBe(TRACES)
    expect(body.metrics?.query_count).toBeGreaterThan(0)
    expect(body.metrics?.execution_time).toBeGreaterThan(0)
  })

  it('are sorted, searched and cut into pages', async () => {
    const page = await ask('/measure/operations?per_page=3&page=2&sort=calls')
    expect(page.body.data).toHaveLength(3)
    expect(page.body.pagination).toEqual({
      page: 2,
      per_page: 3,
      total: 10,
      pages: 4,
      has_next: true,
      has_prev: true,
    })
    const found = await ask('/measure/operations?search=THING-3&service=service-1')
    expect(found.body.data).toMatchObject([{ operation: 'GET /thing-3', service: 'service-1' }])
    const clients = await ask('/measure/operations?kind=client')
    expect(clients.body.data).toMatchObject([
      { kind: 'client', breakdown: null },
      { kind: 'client' },
    ])
    const shares = (await ask('/measure/operations')).body.data as { total_time_share: number }[]
    expect(shares.reduce((sum, row) => sum + row.total_time_share, 0)).toBeCloseTo(1)
  })

  it('of one operation have a breakdown that adds up, and exemplars', async () => {
    const { body } = await ask(`/measure/operation?${OPERATION}`)
    const { breakdown, ...rest } = body.data as { breakdown: Record<string, number> }
    expect(rest).toMatchObject({
      slowest_trace: expect.stringMatching(/^f00d/),
      failed_trace: expect.stringMatching(/^f00d/),
      first_seen: expect.any(String),
    })
    const { total_ns = 0, db_ns = 0, render_ns = 0, external_ns = 0, self_ns = 0 } = breakdown
    expect(db_ns + render_ns + external_ns + self_ns).toBeCloseTo(total_ns, 0)
    expect(breakdown.query_count).toBe(STATEMENTS_A_TRACE)
    const unknown = await ask(`/measure/operation?${OPERATION}x`)
    expect(unknown.status).toBe(400)
    const nothing = await ask(`/measure/operation?${OPERATION.replace('thing-0', 'thing-99')}`)
    expect(nothing.status).toBe(404)
  })

  it('of the statements of an operation are scaled to all of its executions', async () => {
    const { body } = await ask(`/measure/operation/statements?${OPERATION}`)
    const rows = body.data as { red: { calls: number }; calls_per_execution: number }[]
    const calls = rows.reduce((sum, { red }) => sum + red.calls, 0)
    expect(calls).toBeCloseTo((TRACES / 10) * STATEMENTS_A_TRACE, 3)
    expect(rows.reduce((sum, row) => sum + row.calls_per_execution, 0)).toBeCloseTo(
      STATEMENTS_A_TRACE,
    )
    const same = await ask(`/measure/statements?${OPERATION}&sort=calls`)
    expect((same.body.data as unknown[]).length).toBe(rows.length)
    const without = await ask('/measure/statements?operation=GET')
    expect(without.status).toBe(400)
  })

  it('of statements know their text, models and callers', async () => {
    const list = await ask('/measure/statements?search=item_3')
    expect(list.body.data).toMatchObject(
      [
        {
          text: 'SELECT * FROM item_3 WHERE id = ?',
          models: ['item_0'],
          code_location: 'app.js:10',
        },
        {},
      ].slice(0, (list.body.data as unknown[]).length),
    )
    const { body } = await ask('/measure/statements/0000000000000001')
    const { callers, red } = body.data as { callers: { calls: number }[]; red: { calls: number } }
    expect(callers.length).toBeGreaterThan(0)
    expect(callers.reduce((sum, { calls }) => sum + calls, 0)).toBeCloseTo(red.calls, 3)
    const { body: models } = await ask('/measure/models')
    expect(
      (models.data as { reads: number; writes: number }[]).some(({ writes }) => writes > 0),
    ).toBe(true)
  })

  it('of single executions come newest, slowest or failed first', async () => {
    const times = async (sort: string) =>
      (await ask(`/measure/operation/measurements?${OPERATION}&sort=${sort}`)).body.data as {
        total_ns: number
        started_at: string
        failed: boolean
      }[]
    const slowest = (await times('slowest')).map(({ total_ns }) => total_ns)
    expect(slowest).toEqual([...slowest].sort((a, b) => b - a))
    const recent = (await times('recent')).map(({ started_at }) => started_at)
    expect(recent).toEqual([...recent].sort().reverse())
    expect((await times('failed')).every(({ failed }) => failed)).toBe(true)
    expect((await times('queries')).length).toBe(20)
  })

  it('are empty, not wrong, where nothing was seen', async () => {
    const { body } = await ask(
      '/measure/overview?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z',
    )
    expect(body.data).toMatchObject({ totals: { calls: 0, p95_ns: 0 }, services: [] })
  })
})

describe('traces', () => {
  it('are found by service, operation, failure and duration', async () => {
    const { body } = await ask('/traces?service=service-0&failed=true&per_page=5')
    expect(body.data).toHaveLength(5)
    expect(body.data).toMatchObject([
      { failed: true, query_count: STATEMENTS_A_TRACE, root: { service: 'service-0' } },
      {},
      {},
      {},
      {},
    ])
    const slow = await ask('/traces?sort=slowest&min_duration_ms=200')
    const durations = (slow.body.data as { duration_ns: number }[]).map(
      ({ duration_ns }) => duration_ns,
    )
    expect(Math.min(...durations)).toBeGreaterThanOrEqual(200e6)
    expect(durations).toEqual([...durations].sort((a, b) => b - a))
  })

  it('are rebuilt with the attributes, events and statements their spans share', async () => {
    const { body } = await ask(`/traces/${seededTrace(10)}`)
    expect(body.data).toMatchObject({
      services: ['service-0'],
      resources: { '0000000000000000': { 'service.name': 'service-0', 'process.pid': 42 } },
    })
    const { spans } = body.data as { spans: Record<string, unknown>[] }
    expect(spans).toHaveLength(1 + STATEMENTS_A_TRACE)
    expect(spans[0]).toMatchObject({
      parent_span_id: null,
      is_entry: true,
      status: 'error',
      scope: { name: 'http', version: '1.0' },
      attributes: {
        'http.request.method': 'GET',
        'http.response.status_code': 500,
        user: 'user-10',
      },
      events: [{ name: 'exception', attributes: { 'exception.type': 'Oops' } }],
    })
    expect(spans.at(-1)).toMatchObject({
      statement: { text: expect.stringContaining('SELECT * FROM item_') },
      parameters: expect.stringMatching(/^[0-9a-f]{8}$/),
      row_count: 3,
    })
  })
})

describe('issues', () => {
  it('are listed, filtered and counted', async () => {
    expect((await ask('/insights/issues?status=active&severity=high')).body.pagination?.total).toBe(
      1,
    )
    expect((await ask('/insights/issues?severity=critical')).body.pagination?.total).toBe(0)
    expect((await ask('/insights/issues?status=open,gone')).status).toBe(400)
  })

  it('change along the legal steps, with who and why in the ledger', async () => {
    const id = randomUUID()
    await api.control.issues.insert(issueRecord(id))
    const change = (payload: object) => ask(`/insights/issues/${id}`, asAdmin('PATCH', payload))
    const { body } = await change({ status: 'acknowledged', reason: 'mine' })
    expect(body.data).toMatchObject({
      status: 'acknowledged',
      ledger: [{ actor: 'admin', from: 'open', to: 'acknowledged', reason: 'mine' }],
    })
    expect((await change({ status: 'open' })).status).toBe(409)
    expect((await change({ status: 'ignored' })).status).toBe(400)
    expect((await change({ status: 'ignored', reason: 'noise' })).body.data).toMatchObject({
      ignore_reason: 'noise',
    })
  })
})

describe('optimizations', () => {
  it('show proof, ledger and what may be done, and refuse illegal steps', async () => {
    const { body } = await ask(`/insights/optimizations/${optimizationId}`)
    expect(body.data).toMatchObject({
      allowed: ['approve', 'dismiss'],
      issues: [{ id: issueId }],
      proof: { statements: [{ cost_before: 100, cost_after: 4 }] },
    })
    const step = (name: string) =>
      ask(`/insights/optimizations/${optimizationId}/${name}`, asAdmin('POST', { reason: 'test' }))
    for (const name of ['apply', 'rollback', 'keep']) expect((await step(name)).status).toBe(409)
    const dismissed = await step('dismiss')
    expect(dismissed.body.data).toMatchObject({ status: 'dismissed' })
    expect((await ask('/insights/optimizations?status=dismissed')).body.pagination?.total).toBe(1)
    expect((await ask('/insights/optimizations?status=lost')).status).toBe(400)
  })
})

describe('configuration', () => {
  it('keeps ingest tokens by their hash and shows them once', async () => {
    const made = await ask(
      '/config/ingest-tokens',
      asAdmin('POST', { name: 'ci', environment: 'staging' }),
    )
    expect(made.status).toBe(201)
    const { id, token } = made.body.data as { id: string; token: string }
    const list = await ask('/config/ingest-tokens')
    expect(JSON.stringify(list.body)).not.toContain(token)
    expect((await ask(`/config/ingest-tokens/${id}`, asAdmin('DELETE'))).body.data).toMatchObject({
      revoked_at: expect.any(String),
    })
    expect((await ask(`/config/ingest-tokens/${id}`, asAdmin('DELETE'))).status).toBe(409)
  })

  it('adds, checks and removes targets', async () => {
    const unknown = await ask(
      '/config/targets',
      asAdmin('POST', { kind: 'tape', name: 'x', options: {} }),
    )
    expect(unknown.status).toBe(400)
    const { body } = await ask(`/config/targets/${targetId}/check`, asAdmin('POST', {}))
    expect(body.data).toMatchObject({ id: targetId, status: 'unreachable' })
    expect((await ask(`/config/targets/${targetId}`, asAdmin('DELETE'))).status).toBe(200)
    expect((await ask('/config/targets')).body.data).toEqual([])
  })

  it('refuses to remove a target that was changed, unless it is told to', async () => {
    const used = randomUUID()
    const target = await api.control.targets.get(targetId)
    expect(target, 'removed by the test before').toBeUndefined()
    const made = { ...optimizationRecord(randomUUID(), issueId, used), changeKey: used }
    await api.control.targets.insert({
      id: used,
      kind: 'sqlite',
      name: 'in use',
      environment: 'production',
      services: [],
      options: { file: '/nowhere/shop.db' },
      status: 'unknown',
      version: null,
      notes: [],
      canChange: false,
      collectedAt: null,
      createdAt: new Date(NOW_MS).toISOString(),
    })
    await api.control.optimizations.insert({ ...made, status: 'verified' })
    const refused = await ask(`/config/targets/${used}`, asAdmin('DELETE'))
    expect(refused.status).toBe(409)
    expect(refused.body.error).toMatchObject({
      code: 'TARGET_IN_USE',
      details: { target: 'in use', optimizations: [{ id: made.id, status: 'verified' }] },
    })
    expect((await ask(`/config/targets/${used}?force=true`, asAdmin('DELETE'))).status).toBe(200)
    expect((await ask(`/config/targets/${used}?force=no`, asAdmin('DELETE'))).status).toBe(400)
  })

  it('sets the policy and the kill switch', async () => {
    const rules = [{ kind: 'create-index', environment: '*', service: '*', mode: 'approve' }]
    expect((await ask('/config/policy', asAdmin('PUT', { rules }))).body.data).toMatchObject({
      rules,
    })
    for (const method of ['POST', 'PUT'] as const) {
      const engaged = method === 'POST'
      const { body } = await ask('/config/kill-switch', asAdmin(method, { engaged, reason: 'x' }))
      expect(body.data).toMatchObject({ kill_switch: engaged })
    }
  })

  it('shows settings with their source and without secrets', async () => {
    const { body } = await ask('/config/settings')
    const settings = body.data as { key: string; value: unknown; source: string }[]
    expect(settings.find(({ key }) => key === 'server.port')).toMatchObject({
      value: 4600,
      source: 'default',
    })
  })
})

describe('a session', () => {
  it('is opened with the token, lets the browser write, and is closed', async () => {
    const wrong = await ask('/session', { method: 'POST', payload: { token: 'wrong' } })
    expect(wrong.status).toBe(401)
    const opened = await ask('/session', { method: 'POST', payload: { token: ADMIN_TOKEN } })
    expect(opened.body.data).toMatchObject({ signed_in: true })
    const cookie = String(opened.headers['set-cookie']).split(';', 1)[0] ?? ''
    expect((await ask('/session', { headers: { cookie } })).body.data).toMatchObject({
      signed_in: true,
    })
    const write = await ask('/config/kill-switch', {
      method: 'PUT',
      headers: { cookie },
      payload: { engaged: false },
    })
    expect(write.status).toBe(200)
    const forged = await ask('/config/kill-switch', {
      method: 'PUT',
      headers: { cookie, origin: 'http://localhost:9999' },
      payload: { engaged: true },
    })
    expect(forged.status).toBe(403)
    const closed = await ask('/session', { method: 'DELETE', headers: { cookie } })
    expect(closed.headers['set-cookie']).toContain('Max-Age=0')
  })
})

describe('beside the JSON API', () => {
  it('the OpenAPI document is served', async () => {
    const { status, body } = await ask('/openapi.json')
    expect(status).toBe(200)
    expect(z.object({ openapi: z.literal('3.1.0') }).safeParse(body).success).toBe(true)
  })

  it('/metrics is what the scraper asks for', async () => {
    const answer = await api.app.inject({
      url: '/metrics',
      headers: { host: 'localhost', accept: 'application/openmetrics-text' },
    })
    expect(answer.headers['content-type']).toContain('application/openmetrics-text')
    expect(answer.body).toBe('# EOF\n')
  })

  it('the stream refuses topics it does not have', async () => {
    expect((await ask('/stream?topics=weather')).status).toBe(400)
  })

  it('a browser is told when the dashboard is not built', async () => {
    const answer = await api.app.inject({
      url: '/',
      headers: { host: 'localhost', accept: 'text/html' },
    })
    expect(answer.body).toContain('npm run build')
    const missing = await api.app.inject({ url: '/assets/x.js', headers: { host: 'localhost' } })
    expect(missing.statusCode).toBe(404)
  })
})

function issueRecord(id: string): IssueRecord {
  const at = new Date(NOW_MS).toISOString()
  return {
    id,
    kind: 'n-plus-one',
    title: 'GET /thing-0 reads item_0 once a row',
    description: 'Read them at once.',
    severity: 'high',
    status: 'open',
    environment: 'production',
    service: 'service-0',
    operation: `GET /thing-0 ${id}`,
    operationKind: 'server',
    fingerprint: '0000000000000001',
    statement: '0000000000000001',
    statementText: 'SELECT * FROM item_0 WHERE id = ?',
    codeLocation: null,
    confidence: 0.9,
    recoverableNsPerHour: 1e12,
    evidence: { calls_per_execution: 4 },
    exemplarTrace: seededTrace(0),
    exemplarSpans: [],
    windowsSeen: 1,
    firstSeen: at,
    lastSeen: at,
    ignoredUntil: null,
    ignoreReason: null,
    createdAt: at,
    updatedAt: at,
  }
}

function optimizationRecord(id: string, issue: string, target: string): OptimizationRecord {
  const at = new Date(NOW_MS).toISOString()
  return {
    id,
    type: 'create-index',
    title: 'Index item_0 (id)',
    description: 'Reads become look-ups.',
    status: 'proposed',
    environment: 'production',
    service: 'service-0',
    targetId: target,
    change: 'CREATE INDEX x ON item_0 (id)',
    undo: 'DROP INDEX x',
    risk: 'low',
    recommendation: {
      kind: 'create-index',
      targetId: target,
      title: 'Index item_0 (id)',
      description: '',
      change: '',
      undo: '',
      owns: {},
      risk: 'low',
      proof: {
        method: 'statistics-copy',
        statements: [
          {
            statement: '0000000000000001',
            text: 'SELECT 1',
            costBefore: 100,
            costAfter: 4,
            planBefore: ['reads all rows'],
            planAfter: ['looks one up'],
            usesChange: true,
          },
        ],
      },
      changeKey: id,
      expectedGain: { low: 0.2, high: 0.6 },
      operations: [
        {
          environment: 'production',
          service: 'service-0',
          operation: 'GET /thing-0',
          kind: 'server',
        },
      ],
      issueIds: [issue],
    },
    expectedGain: { low: 0.2, high: 0.6 },
    recoverableNsPerHour: 1e12,
    impact: null,
    failure: null,
    issueIds: [issue],
    changeKey: id,
    appliedAt: null,
    createdAt: at,
    updatedAt: at,
  }
}
