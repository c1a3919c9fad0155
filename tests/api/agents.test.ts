import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ERRORS } from '../../packages/perfloop/src/domain/perfloop-error.ts'
import { pprof } from '../agent/write-pprof.ts'
import { eventually, type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'

const REPORT = {
  protocol: 1,
  service: 'quay',
  instance: 'quay-1',
  agent_version: '0.1.0',
  runtime: { name: 'nodejs', version: '22.0.0' },
  host: 'quay',
  process_id: 7,
  started_at: '2026-03-01T10:00:00.000Z',
  frameworks: [{ name: 'fastify', version: '5.0.0' }],
  knobs: [
    {
      name: 'pool',
      unit: '{connection}',
      description: '',
      value: 5,
      own_value: 5,
      minimum: 1,
      maximum: 9,
    },
  ],
}

let perfloop: PerfloopProcess
let token: string

beforeAll(async () => {
  perfloop = await startPerfloop({
    env: {
      PERFLOOP_AGENTS_POLL_MS: '3000',
      PERFLOOP_AGENTS_MAX_BYTES_PER_MINUTE: String(20 * 1024 * 1024),
    },
  })
  const { body } = await perfloop.send('POST', '/config/ingest-tokens', {
    name: 'quay',
    environment: 'harbor',
  })
  token = (body as { data: { token: string } }).data.token
})
afterAll(() => perfloop?.[Symbol.asyncDispose]())

interface Told {
  readonly status: number
  readonly etag: string
  readonly body: Record<string, unknown>
}

async function tell(
  path: string,
  body?: Uint8Array | object | string,
  headers: Record<string, string> = {},
): Promise<Told> {
  const sent =
    typeof body === 'string'
      ? body
      : body instanceof Uint8Array
        ? new Uint8Array(body)
        : JSON.stringify(body)
  const response = await fetch(`${perfloop.otlpHttpUrl}/agent/v1${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: sent }),
  })
  const text = await response.text()
  return {
    status: response.status,
    etag: response.headers.get('etag') ?? '',
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  }
}

async function report(change: object = {}, headers: Record<string, string> = {}): Promise<string> {
  const { status, body } = await tell('/report', { ...REPORT, ...change }, headers)
  expect([status, body]).toEqual([200, expect.anything()])
  return String(body.agent)
}

const settingsOf = (agent: string, headers: Record<string, string> = {}) =>
  tell(`/settings?agent=${agent}`, undefined, headers)

describe('/agent/v1', () => {
  it('answers settings at once to who has none, and nothing new to who has them', async () => {
    const agent = await report()
    const first = await settingsOf(agent)
    expect(first).toMatchObject({
      status: 200,
      body: { protocol: 1, watched: false, sampling_probability: 1, knobs: [], profiles: [] },
    })
    const again = await settingsOf(agent, { 'if-none-match': first.etag })
    expect([again.status, again.etag]).toEqual([304, first.etag])
  })

  it('keeps who has them waiting until there is news', async () => {
    const agent = await report()
    const { etag } = await settingsOf(agent)
    const waiting = settingsOf(agent, { 'if-none-match': etag, prefer: 'wait=3' })
    await new Promise(resolve => setTimeout(resolve, 200))
    const startMs = performance.now()
    const turned = await perfloop.send('PUT', '/config/knobs', {
      environment: 'development',
      service: 'quay',
      name: 'pool',
      value: 8,
    })
    expect(turned.status).toBe(200)
    const news = await waiting
    expect(performance.now() - startMs).toBeLessThan(1_000)
    expect(news).toMatchObject({ status: 200, body: { knobs: [{ name: 'pool', value: 8 }] } })
  })

  it('ends a wait when its agent asks again', async () => {
    const agent = await report()
    const { etag } = await settingsOf(agent)
    const startMs = performance.now()
    const first = settingsOf(agent, { 'if-none-match': etag, prefer: 'wait=3' })
    await new Promise(resolve => setTimeout(resolve, 100))
    await settingsOf(agent, { 'if-none-match': etag })
    expect((await first).status).toBe(304)
    expect(performance.now() - startMs).toBeLessThan(2_000)
  })

  it('lets a token fix the environment, and keeps agents of others from it', async () => {
    const bearer = { authorization: `Bearer ${token}` }
    const ours = await report({ environment: 'production' }, bearer)
    const { data } = await perfloop.get('/config/agents?environment=harbor')
    expect(data).toEqual([expect.objectContaining({ id: ours, environment: 'harbor' })])
    const theirs = await report()
    expect((await settingsOf(theirs, bearer)).status).toBe(409)
    expect((await settingsOf(ours, { authorization: 'Bearer wrong' })).status).toBe(401)
  })

  it.each([
    ['no JSON', '/report', '{"protocol":'],
    ['no object', '/report', '[]'],
    ['a name without end', '/report', { ...REPORT, service: 'x'.repeat(300) }],
    [
      'more knobs than a host has',
      '/report',
      { ...REPORT, knobs: Array(101).fill(REPORT.knobs[0]) },
    ],
    ['no number', '/report', { ...REPORT, process_id: 'seven' }],
    ['no time', '/report', { ...REPORT, started_at: '0000-01-01T00:00:00Z' }],
    ['no agent', '/declarations', { routes: [], models: [] }],
    [
      'a count that no database keeps',
      '/declarations?agent=0000000000000000',
      { routes: [], models: [], omitted: 2 ** 40 },
    ],
  ])('refuses %s, and says why', async (_what, path, body) => {
    const { status, body: answer } = await tell(path, body)
    expect([status, answer]).toEqual([
      400,
      {
        error: {
          code: 'INVALID_REQUEST',
          message: expect.any(String),
          cause: ERRORS.INVALID_REQUEST.cause,
          cure: ERRORS.INVALID_REQUEST.cure,
          details: { problems: expect.any(Array) },
        },
      },
    ])
  })

  it('refuses what is too large, packed or not, what it does not know, and pages', async () => {
    const bomb = gzipSync(Buffer.alloc(40 * 1024 * 1024, ' '))
    expect((await tell('/report', bomb, { 'content-encoding': 'gzip' })).status).toBe(413)
    expect((await tell('/nothing')).body.error).toMatchObject({
      code: 'AGENT_PATH_UNKNOWN',
      cure: ERRORS.AGENT_PATH_UNKNOWN.cure,
    })
    const asked = await tell('/report')
    expect(asked).toMatchObject({
      status: 405,
      body: { error: { cure: ERRORS.RECEIVER_METHOD.cure } },
    })
    expect((await settingsOf('0000000000000000')).status).toBe(409)
    expect((await tell('/report', REPORT, { origin: 'http://evil.example' })).status).toBe(403)
  })

  it('knows what an agent declared when it reports again, and takes out what cannot be kept', async () => {
    const identity = { ...REPORT, service: 'w\0rf', instance: 'w\ud800rf' }
    const { body } = await tell('/report', identity)
    expect(body.declarations).toBeNull()
    const declared = await tell(`/declarations?agent=${body.agent}`, { routes: [], models: [] })
    expect((await tell('/report', identity)).body).toEqual({
      agent: body.agent,
      declarations: declared.body.revision,
    })
    expect((await perfloop.get(`/config/agents/${body.agent}`)).data).toMatchObject({
      service: 'w\ufffdrf',
      instance: 'w\ufffdrf',
    })
  })

  it('compares what was declared with what was seen', async () => {
    const agent = await report({ service: 'pier', instance: 'pier-1' })
    const routes = ['/boats', '/boats/:boat', '/never'].map(route => ({
      method: 'GET',
      route,
      framework: 'fastify',
    }))
    const declared = { routes, models: [{ name: 'Boat', table: 'boat', mapper: 'prisma' }] }
    expect((await tell(`/declarations?agent=${agent}`, declared)).status).toBe(200)
    // Told in another order by another instance, it is the same.
    const twin = await report({ service: 'pier', instance: 'pier-2' })
    await tell(`/declarations?agent=${twin}`, { ...declared, routes: routes.toReversed() })
    await send('pier', ['/boats', '/boats', '/boats/:boat', '/hidden'])
    const coverage = await eventually('requests and statements to be counted', async () => {
      const { data } = await perfloop.get('/insights/coverage?service=pier&from=-PT1H')
      const [one] = data as { routes: { seen: number }; models: { seen: number } }[]
      return one?.routes.seen === 2 && one.models.seen === 1 ? one : undefined
    })
    expect(coverage).toMatchObject({
      environment: 'development',
      routes: { declared: 3, seen: 2, undeclared: 1, percent: 200 / 3 },
      models: { declared: 1, seen: 1, undeclared: 0, percent: 100 },
    })
    const detail = await perfloop.get(
      '/insights/coverage/service?environment=development&service=pier',
    )
    const { route_list } = detail.data as {
      route_list: { route: string; calls: number; framework: string | null; last_seen: unknown }[]
    }
    expect(
      route_list.map(({ route, calls, framework }) => [route, calls, framework]).sort(),
    ).toEqual([
      ['/boats', 2, 'fastify'],
      ['/boats/:boat', 1, 'fastify'],
      ['/hidden', 1, null],
      ['/never', 0, 'fastify'],
    ])
    expect(route_list.find(({ route }) => route === '/never')?.last_seen).toBeNull()
  })

  it('brings a profile that was asked for, once, and shows it as a flame graph', async () => {
    const agent = await report({ service: 'dock', instance: 'dock-1' })
    await settingsOf(agent)
    const asked = await perfloop.send('POST', '/measure/profiles', { agent, duration_ms: 500 })
    const profile = (asked.body as { data: { id: string; status: string } }).data
    expect([asked.status, profile.status]).toEqual([201, 'requested'])
    expect((await perfloop.send('POST', '/measure/profiles', { agent })).status).toBe(409)

    const told = await settingsOf(agent)
    expect(told.body.profiles).toEqual([{ id: profile.id, kind: 'cpu', duration_ms: 500 }])
    const running = await perfloop.get(`/measure/profiles/${profile.id}`)
    expect(running.data).toMatchObject({ status: 'running', graph: null })

    const bytes = { 'content-type': 'application/octet-stream' }
    const path = `/profiles?agent=${agent}&request=${profile.id}`
    expect((await tell(path, Buffer.from('no profile'), bytes)).status).toBe(422)
    const sent = pprof({ 'main;render': 30, main: 10 })
    // Twice at once, as when an answer is lost and the agent sends again.
    const answers = await Promise.all([tell(path, sent, bytes), tell(path, sent, bytes)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect((await tell(path, pprof({ main: 1 }), bytes)).status).toBe(409)
    expect((await tell(`${path}&failure=late`, '')).status).toBe(409)
    expect((await settingsOf(agent)).body.profiles).toEqual([])
    const { data } = await perfloop.get(`/measure/profiles/${profile.id}`)
    expect(data).toMatchObject({
      status: 'finished',
      graph: {
        type: 'cpu',
        unit: 'nanoseconds',
        root: { name: 'all', total: 40, children: [{ name: 'main', self: 10, total: 40 }] },
        functions: [{ name: 'render', self: 30 }, { name: 'main' }],
      },
    })
  })

  it('takes one of two that ask for a profile at once, and tells the other which it is', async () => {
    const agent = await report({ service: 'dock', instance: 'dock-3' })
    const asked = await Promise.all(
      [1, 2, 3].map(() => perfloop.send('POST', '/measure/profiles', { agent })),
    )
    expect(asked.map(({ status }) => status).sort()).toEqual([201, 409, 409])
    const body = asked.find(({ status }) => status === 201)?.body as { data: { id: string } }
    const refused = asked.find(({ status }) => status === 409)?.body
    expect(refused).toMatchObject({
      error: {
        code: 'CONFLICT',
        details: { profile: body.data.id, reason: 'a profile of this agent is being taken' },
      },
    })
  })

  it('pushes how far a profile is to whoever watches, and gives its file', async () => {
    const agent = await report({ service: 'dock & sons', instance: 'dock-4' })
    const told = profileEvents()
    const asked = await perfloop.send('POST', '/measure/profiles', { agent, duration_ms: 500 })
    const { id } = (asked.body as { data: { id: string } }).data
    const next = (status: string) => untilTold(told, id, status)
    await next('requested')
    const early = await fetch(`${perfloop.url}/api/v1/measure/profiles/${id}/pprof`)
    expect(early.status).toBe(409)
    await settingsOf(agent)
    await next('running')
    const sent = pprof({ main: 10 })
    await tell(`/profiles?agent=${agent}&request=${id}`, sent)
    await next('finished')

    const file = await fetch(`${perfloop.url}/api/v1/measure/profiles/${id}/pprof`)
    expect([file.headers.get('content-type'), file.headers.get('content-disposition')]).toEqual([
      'application/gzip',
      expect.stringMatching(/^attachment; filename="dock_sons-cpu-\d{8}T\d{6}Z\.pb\.gz"$/),
    ])
    expect(Buffer.from(await file.arrayBuffer())).toEqual(sent)
    const again = await perfloop.send('POST', '/measure/profiles', { agent })
    const failing = (again.body as { data: { id: string } }).data.id
    await tell(`/profiles?agent=${agent}&request=${failing}&failure=busy`, '')
    expect((await untilTold(told, failing, 'failed')).failure).toBe('busy')
    await told.return(undefined)
  })

  it('tells why there is no profile, and refuses more of them than a minute may have', async () => {
    const agent = await report({ service: 'dock', instance: 'dock-2' })
    const asked = await perfloop.send('POST', '/measure/profiles', { agent, kind: 'heap' })
    const { id } = (asked.body as { data: { id: string } }).data
    await tell(`/profiles?agent=${agent}&request=${id}&failure=no%20inspector`, '')
    expect((await perfloop.get(`/measure/profiles/${id}`)).data).toMatchObject({
      status: 'failed',
      failure: 'no inspector',
    })
    const statuses: number[] = []
    for (let sent = 0; sent < 8; sent++) {
      statuses.push((await tell(`/profiles?agent=${agent}`, pprof({ main: 1 }))).status)
    }
    expect(statuses.filter(status => status === 200)).toHaveLength(6)
    expect(statuses.at(-1)).toBe(429)
    const { data } = await perfloop.get(`/measure/profiles?agent=${agent}&origin=continuous`)
    expect(data).toHaveLength(6)
    const hot = await perfloop.get('/measure/hot-code?environment=development&service=dock')
    expect(hot.data).toMatchObject({ profiles: 6, graph: { root: { total: 6 } } })
  })

  it('turns what is counted by whole numbers only, and a share by any', async () => {
    const [pool] = REPORT.knobs
    const share = { ...pool, name: 'share', unit: '1', value: 0.5, minimum: 0.1, maximum: 0.9 }
    const agent = await report({ service: 'mole', instance: 'mole-1', knobs: [pool, share] })
    expect((await perfloop.get(`/config/agents/${agent}`)).data).toMatchObject({
      knobs: [{ whole: true }, { whole: false }],
    })
    const key = { environment: 'development', service: 'mole' }
    const turn = (name: string, value: number) =>
      perfloop.send('PUT', '/config/knobs', { ...key, name, value })
    expect(await turn('pool', 2.5)).toMatchObject({
      status: 400,
      body: { error: { details: { problems: [expect.stringContaining('a whole number')] } } },
    })
    expect((await turn('pool', 3)).status).toBe(200)
    expect((await turn('share', 0.25)).status).toBe(200)
  })

  it('turns no knob while everything is stopped, but puts one back', async () => {
    await report()
    const key = { environment: 'development', service: 'quay', name: 'pool' }
    await perfloop.send('PUT', '/config/knobs', { ...key, value: 3 })
    await perfloop.send('PUT', '/config/kill-switch', { engaged: true })
    expect((await perfloop.send('PUT', '/config/knobs', { ...key, value: 4 })).status).toBe(409)
    expect((await perfloop.send('POST', '/config/knobs/back', key)).status).toBe(200)
    await perfloop.send('PUT', '/config/kill-switch', { engaged: false })
  })

  // The last one: until the minute is over, nobody else is heard.
  it('hears no more of all agents together than a minute may have', async () => {
    const large = gzipSync(Buffer.alloc(7 * 1024 * 1024, ' '))
    const statuses: number[] = []
    for (let sent = 0; sent < 3; sent++) {
      statuses.push((await tell('/report', large, { 'content-encoding': 'gzip' })).status)
    }
    expect(statuses).toEqual([400, 400, 429])
  })
})

interface ToldProfile {
  readonly id: string
  readonly status: string
  readonly failure: string | null
}

/** What the stream tells of profiles, event by event. */
async function* profileEvents(): AsyncGenerator<readonly ToldProfile[], void> {
  const response = await fetch(`${perfloop.url}/api/v1/stream?topics=profiles`)
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1]
      if (data !== undefined) yield (JSON.parse(data) as { profiles: ToldProfile[] }).profiles
    }
  }
}

async function untilTold(
  events: AsyncGenerator<readonly ToldProfile[], void>,
  id: string,
  status: string,
): Promise<ToldProfile> {
  for (;;) {
    const { value } = await events.next()
    if (value === undefined) throw new Error(`the stream ended before ${id} was ${status}`)
    const found = value.find(profile => profile.id === id && profile.status === status)
    if (found !== undefined) return found
  }
}

async function send(service: string, routes: readonly string[]): Promise<void> {
  const nowNs = BigInt(Date.now()) * 1_000_000n
  const text = (key: string, value: string) => ({ key, value: { stringValue: value } })
  const spans = routes.flatMap((route, index) => {
    const traceId = (BigInt(Date.now()) * 1_000n + BigInt(index)).toString(16).padStart(32, '1')
    const times = {
      startTimeUnixNano: String(nowNs - 5_000_000n),
      endTimeUnixNano: String(nowNs),
    }
    return [
      {
        traceId,
        spanId: '00f067aa0ba902b7',
        name: `GET ${route}`,
        kind: 2,
        ...times,
        attributes: [text('http.request.method', 'GET'), text('http.route', route)],
      },
      {
        traceId,
        spanId: '00f067aa0ba902b8',
        parentSpanId: '00f067aa0ba902b7',
        name: 'SELECT',
        kind: 3,
        ...times,
        attributes: [
          text('db.system.name', 'postgresql'),
          text('db.query.text', 'SELECT * FROM boat'),
        ],
      },
    ]
  })
  const response = await fetch(`${perfloop.otlpHttpUrl}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      resourceSpans: [
        { resource: { attributes: [text('service.name', service)] }, scopeSpans: [{ spans }] },
      ],
    }),
  })
  expect(response.status).toBe(200)
}
