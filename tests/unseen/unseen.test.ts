import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually, type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'
import { type ApplicationProcess, startApplication } from './application-process.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const cache = fileURLToPath(new URL('../../.cache', import.meta.url))
const instrument = join(cache, 'venv/bin/opentelemetry-instrument')
const python = join(cache, 'venv/bin/python')
const nothingSkipped = process.env.PERFLOOP_TEST_NOTHING_SKIPPED !== undefined
const withPython = describe.skipIf(!nothingSkipped && !existsSync(instrument))

const ENVIRONMENT = 'development'
/** Enough to be believed; rare things stay below. */
const OFTEN = 24
const SELDOM = 3

interface Issue {
  readonly id: string
  readonly kind: string
  readonly status: string
  readonly title: string
  readonly service: string
  readonly operation: string
  readonly statement_text: string | null
  readonly evidence?: Record<string, unknown>
}

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-unseen-'))
/** Part of every name, so that a second try meets nothing of the first. */
let started = 0
let perfloop: PerfloopProcess
let postgres: EmbeddedPostgres

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
  perfloop = await startPerfloop({
    env: {
      // What is read must be of now, to the tick.
      PERFLOOP_SERVER_ANSWER_FRESH_MS: '0',
      PERFLOOP_SERVER_ANSWER_STALE_MS: '0',
      PERFLOOP_ANALYSIS_INTERVAL_MS: '2000',
      PERFLOOP_ANALYSIS_SETTLE_MS: '2000',
      PERFLOOP_OPTIMIZER_INTERVAL_MS: '1000',
      PERFLOOP_OPTIMIZER_COLLECT_INTERVAL_MS: '2000',
    },
  })
})

afterAll(async () => {
  await perfloop?.[Symbol.asyncDispose]()
  await postgres?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

/** A database of its own, so that no application shares a plan with another. */
async function database(name: string): Promise<string> {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  await client.query(`CREATE DATABASE "${name}"`)
  await client.end()
  return postgres.url.replace(/\/postgres(\?|$)/, `/${name}$1`)
}

async function watch(
  kind: 'postgres' | 'sqlite',
  service: string,
  options: Record<string, unknown>,
) {
  const body = { kind, name: service, environment: ENVIRONMENT, services: [service], options }
  const answer = await perfloop.send('POST', '/config/targets', body)
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
}

async function startQuarry(fault: string): Promise<ApplicationProcess> {
  const service = `quarry-${fault}-${++started}`
  const url = await database(service)
  const application = await startApplication({
    perfloop,
    service,
    command: [process.execPath, join(here, 'quarry_express.mjs')],
    env: port => ({ QUARRY_DATABASE: url, QUARRY_PORT: String(port), QUARRY_FAULT: fault }),
  })
  await watch('postgres', service, { url })
  return application
}

async function startApiary(fault: string, engine: 'postgres' | 'sqlite') {
  const service = `apiary-${engine}-${fault}-${++started}`
  const file = join(scratch, `${service}.db`)
  const url = engine === 'sqlite' ? file : await database(service)
  const sqlalchemy =
    engine === 'sqlite'
      ? `sqlite:///${file}`
      : url.replace(/^postgres(ql)?:/, 'postgresql+psycopg2:')
  const application = await startApplication({
    perfloop,
    service,
    command: [instrument, python, join(here, 'apiary_flask.py')],
    env: port => ({ APIARY_DATABASE: sqlalchemy, APIARY_PORT: String(port), APIARY_FAULT: fault }),
  })
  await watch(engine, service, engine === 'sqlite' ? { file } : { url })
  return application
}

const QUARRY: readonly (readonly [path: string | ((n: number) => string), times: number])[] = [
  ['/quarries', OFTEN],
  [n => `/quarries/${(n % 20) + 1}/slabs`, OFTEN],
  [n => `/slabs/lots/L${n * 997 + 1}`, OFTEN],
  ['/slabs/newest', OFTEN],
  [n => `/slabs/${n * 611 + 1}/freight`, OFTEN],
  ['/three', OFTEN],
  ['/notice', OFTEN],
  [n => `/lost/${n}`, OFTEN],
  ['/stock', OFTEN],
  [n => `/scale/${n}`, OFTEN * 2],
  ['/label', OFTEN],
  ['/admin/recount', SELDOM],
]

const APIARY: typeof QUARRY = [
  ['/apiaries', OFTEN],
  ['/board', OFTEN],
  ['/inventory', OFTEN],
  [n => `/scales/S${n * 977}`, OFTEN],
  ['/weighings/newest', OFTEN],
  ['/some', OFTEN],
  [n => `/strays/${n + 1}`, OFTEN],
  [n => `/harvest/${n}`, OFTEN * 2],
  ['/labels', OFTEN],
]

let busy: Promise<void> = Promise.resolve()

/** One application after the other: they are judged apart, and so should not slow one another down. */
function use(application: ApplicationProcess, paths: typeof QUARRY): Promise<void> {
  const used = busy.then(async () => {
    for (const [path, times] of paths) await application.request(path, times)
  })
  busy = used.catch(() => {})
  return used
}

/** Issues that stand, once every request was measured, every plan collected, and the analyzers have looked again. */
async function standing(application: ApplicationProcess, paths: typeof QUARRY): Promise<Issue[]> {
  const { service } = application
  const requests = paths.reduce((sum, [, times]) => sum + times, 0)
  await eventually(
    `${requests} requests of ${service} to be measured`,
    async () => {
      const { data } = await perfloop.get(
        `/measure/operations?service=${service}&from=-PT1H&per_page=200`,
      )
      const rows = data as { kind: string; breakdown: { measured: number } | null }[]
      // Requests only: what the application did while it started was measured too.
      const measured = rows
        .filter(({ kind }) => kind === 'server')
        .reduce((sum, { breakdown }) => sum + (breakdown?.measured ?? 0), 0)
      return measured >= requests ? true : undefined
    },
    120_000,
  )
  // Twice: the first collection that ends from here on may have begun before the last statements came.
  const first = await collectedAfter(service, Date.now())
  await collectedAfter(service, first)
  await looked(3)
  const { data } = await perfloop.get('/health')
  // An analyzer that failed would have found nothing.
  expect(
    (data as { analyzers: { faults: number }[] }).analyzers.filter(({ faults }) => faults > 0),
  ).toEqual([])
  return issuesOf(service)
}

async function collectedAfter(service: string, unixMs: number): Promise<number> {
  return eventually(
    `the target of ${service} to be collected`,
    async () => {
      const { data } = await perfloop.get('/config/targets')
      const target = (data as { name: string; collected_at: string | null }[]).find(
        ({ name }) => name === service,
      )
      const collectedUnixMs = Date.parse(target?.collected_at ?? '')
      return collectedUnixMs > unixMs ? collectedUnixMs : undefined
    },
    120_000,
  )
}

async function looked(times: number): Promise<void> {
  const ticks = async () => {
    const { data } = await perfloop.get('/health')
    const { components } = data as {
      components: { component: string; numbers: Record<string, number> }[]
    }
    const analysis = components.find(({ component }) => component === 'analysis')
    return analysis?.numbers.analyze_runs ?? 0
  }
  const from = await ticks()
  await eventually(
    'the analyzers to look',
    async () => ((await ticks()) >= from + times ? true : undefined),
    120_000,
  )
}

async function issuesOf(service: string): Promise<Issue[]> {
  const { data } = await perfloop.get(`/insights/issues?service=${service}&per_page=200`)
  return (data as Issue[]).filter(({ status }) => status === 'open' || status === 'reopened')
}

const shown = (issues: readonly Issue[]) =>
  issues.map(({ kind, operation, statement_text }) => [kind, operation, statement_text])

describe('an application nobody has seen', () => {
  it.concurrent.each([
    ['none', []],
    ['where', [['missing-index', 'GET /slabs/lots/:lot', expect.stringContaining('lot = ')]]],
    ['join', [['missing-index', 'GET /slabs/:id/freight', expect.stringContaining('freight')]]],
    ['order', [['missing-index', 'GET /slabs/newest', expect.stringContaining('cut_on')]]],
    ['loop', [['n-plus-one', 'GET /quarries/:id/slabs', expect.stringContaining('mark')]]],
    ['slow-statement', [['slow-statement', 'GET /stock', expect.stringContaining('pg_sleep')]]],
    ['errors', [['error-rate', 'GET /scale/:n', null]]],
    ['cpu', [['slow-operation', 'GET /label', null]]],
  ])(
    'has the fault that was planted, and no other: Express on PostgreSQL, %s',
    async (fault, expected) => {
      await using application = await startQuarry(fault)
      await use(application, QUARRY)
      expect(shown(await standing(application, QUARRY))).toEqual(expected)
    },
    240_000,
  )

  withPython('in Python', () => {
    it.concurrent.each([
      ['none', 'postgres', []],
      ['lazy', 'postgres', [['n-plus-one', 'GET /apiaries', expect.stringContaining('hive')]]],
      [
        'template-loop',
        'postgres',
        [['n-plus-one', 'GET /board', expect.stringContaining('apiary')]],
      ],
      ['nested', 'postgres', [['n-plus-one', 'GET /inventory', expect.stringContaining('hive')]]],
      ['errors', 'postgres', [['error-rate', 'GET /harvest/<int:number>', null]]],
      ['slow-template', 'postgres', [['slow-operation', 'GET /labels', null]]],
      ['none', 'sqlite', []],
      [
        'where',
        'sqlite',
        [['missing-index', 'GET /scales/<code>', expect.stringContaining('scale_code')]],
      ],
      [
        'order',
        'sqlite',
        [['missing-index', 'GET /weighings/newest', expect.stringContaining('taken_at')]],
      ],
    ] as const)(
      'has the fault that was planted, and no other: Flask, %s on %s',
      async (fault, engine, expected) => {
        await using application = await startApiary(fault, engine)
        await use(application, APIARY)
        expect(shown(await standing(application, APIARY))).toEqual(expected)
      },
      240_000,
    )
  })
})
