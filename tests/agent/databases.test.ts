import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { isMariaDbMissing, type MariaDb, startMariaDb } from './mariadb.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'
import { generatePrismaClient } from './prisma-client.ts'

const REQUESTS = 2_000
/** Of drivers beside the most used ones, not all of it on each. */
const NODES_BESIDE = NODES.filter(([version]) => version !== '26')
const requestsOn = (version: string) => (version === '20' ? REQUESTS : 300)

const roots = (spans: readonly ReceivedSpan[]) =>
  spans.filter(({ scope }) => scope === '@perfloop/agent/http')
const statements = (spans: readonly ReceivedSpan[]) =>
  spans.filter(({ attributes }) => attributes['db.query.text'] !== undefined)
/** As far as a line of the server's log has it. */
const firstLineOf = (span: ReceivedSpan) => textOf(span).split('\n', 1)[0]
const textOf = ({ attributes }: ReceivedSpan) => String(attributes['db.query.text'])

describe('PostgreSQL', () => {
  it('is told by the models of its mappers, used or not', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('postgres.mjs', receiver.endpoint, {
      env: { SHOP_DATABASE: postgres.url, PRISMA_CLIENT: prismaClient },
      node: NODES.find(([version]) => version === '24')?.[1] ?? process.execPath,
      // Where these two are looked for; the agent is not there.
      cwd: join(scratch, 'prisma'),
      flags: ['--import', import.meta.resolve('@perfloop/agent')],
      bare: true,
    })
    const models = await eventually('the models', async () => {
      const declared = JSON.parse(await app.get('/models')) as string[]
      return declared.some(model => model.startsWith('prisma')) ? declared : undefined
    })
    expect(models.sort()).toEqual([
      'drizzle ware ware',
      'mikro-orm MikroWare ware',
      'prisma Unused Unused',
      'prisma Ware ware',
      'sequelize Ware ware',
      'typeorm TypeormWare ware',
    ])
  })

  it('lets an application fail as it does without the agent, and takes whatever it is given', async () => {
    const paths = ['/huge', '/parameters', '/getters', '/nothing', '/copies', '/strange-rejections']
    const env = {
      SHOP_DATABASE: postgres.url,
      OTHER_PG: fileURLToPath(new URL('./nodes/node_modules/pg', import.meta.url)),
    }
    await using receiver = await startOtlpReceiver()
    await using bare = await startWithAgent('database-faults.mjs', receiver.endpoint, {
      env,
      bare: true,
    })
    await using app = await startWithAgent('database-faults.mjs', receiver.endpoint, { env })
    for (const path of paths) expect(await app.get(path), path).toBe(await bare.get(path))
    const { spans } = receiver
    await eventually('the spans', async () =>
      roots(spans).length === paths.length ? true : undefined,
    )
    const texts = statements(spans).map(textOf)
    expect(texts.filter(text => text.startsWith('SELECT 1 AS one /* xxx'))[0]?.length).toBe(8_192)
    // Two copies of the package, one of them patched by somebody else too: each statement once.
    expect(texts.filter(text => text.endsWith('AS copy')).sort()).toEqual([
      'SELECT 1 AS copy',
      'SELECT 2 AS copy',
    ])
    expect(await app.get('/endless')).toBe('"asked"')
    const began = Date.now()
    await app.get('/exit')
    expect(await app.exited).toBe(0)
    expect(Date.now() - began).toBeLessThan(2_000)
  })

  it.each([
    ['pg', '/starved', 4],
    ['Knex', '/starved-knex', 3],
    ['Sequelize', '/starved-sequelize', 3],
  ] as const)(
    'tells how long a request waited for a connection of %s, and the state of its pool',
    async (_, path, connections) => {
      const { host, pathname } = new URL(postgres.url)
      const env = { SHOP_DATABASE: postgres.url, PRISMA_CLIENT: prismaClient }
      // Somebody does not wait so long.
      const starved = { file: 'postgres.mjs', env, path, connections, timeouts: 1 }
      await expectWaitsTold(starved, `${host}${pathname}`)
    },
  )

  const scratch = mkdtempSync(join(tmpdir(), 'perfloop-databases-'))
  let log = ''
  let postgres: EmbeddedPostgres
  let prismaClient: string

  beforeAll(async () => {
    prismaClient = generatePrismaClient(join(scratch, 'prisma'))
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

  /** Texts of statements as the server has logged them; further rows of a cursor are no further statement. */
  const loggedOf = (application: string) => {
    const line = new RegExp(
      `^${application}: .*LOG: {2}(?:statement|execute (?!fetch from)[^:]*): (.*)$`,
      'gm',
    )
    const texts: string[] = []
    let read = 0
    return () => {
      const end = log.lastIndexOf('\n') + 1
      for (const [, text] of log.slice(read, end).matchAll(line)) texts.push(text ?? '')
      read = end
      return texts
    }
  }

  it.each(NODES)(
    'is seen as it logs, by postgres and Drizzle, on Node %s',
    async (version, node) => {
      const name = `goods${version}`
      await expectSeenAsLogged({
        file: 'postgres-js.mjs',
        node,
        url: postgres.url,
        logged: loggedOf(name),
        areTextsLogged: true,
        env: { PGAPPNAME: name },
        routes: 'tagged unsafe transaction cursor common drizzle wrong'.split(' '),
        failures: 3,
      })
    },
  )

  it('is seen with rows by postgres, which fails as it does without the agent', async () => {
    await using receiver = await startOtlpReceiver()
    const env = { SHOP_DATABASE: postgres.url }
    await using bare = await startWithAgent('postgres-js.mjs', receiver.endpoint, {
      env,
      bare: true,
    })
    await using app = await startWithAgent('postgres-js.mjs', receiver.endpoint, { env })
    for (const path of ['/tagged', '/unsafe', '/cursor', '/wrong', '/unhandled']) {
      expect(await app.get(path), path).toBe(await bare.get(path))
    }
    const own = await eventually('the spans', async () =>
      roots(receiver.spans).length === 5 ? statements(receiver.spans) : undefined,
    )
    const { hostname, port } = new URL(postgres.url)
    for (const { attributes } of own) {
      expect(attributes).toMatchObject({ 'server.address': hostname, 'server.port': Number(port) })
    }
    const rows = new Map(
      own.map(span => [textOf(span), span.attributes['db.response.returned_rows']]),
    )
    expect(rows.get('SELECT name FROM goods WHERE id = $1')).toBe(1)
    expect(rows.get('SELECT 1; SELECT id FROM goods LIMIT 2')).toBe(3)
    expect(rows.get('SELECT 2 AS within')).toBe(1)
    expect(app.standardError()).toBe('')
  })

  it('is seen with rows by cursors and by several statements in one text', async () => {
    await using receiver = await startOtlpReceiver()
    const env = { SHOP_DATABASE: postgres.url, PRISMA_CLIENT: prismaClient }
    await using app = await startWithAgent('postgres.mjs', receiver.endpoint, { env })
    expect(await app.get('/cursor')).toBe('10')
    expect(await app.get('/several')).toBe('[1,2]')
    const own = await eventually('the spans', async () =>
      roots(receiver.spans).length === 2 ? statements(receiver.spans) : undefined,
    )
    const rows = new Map(
      own.map(span => [textOf(span), span.attributes['db.response.returned_rows']]),
    )
    expect(rows.get('SELECT id FROM ware ORDER BY id')).toBe(10)
    expect(rows.get('SELECT 1 AS one; SELECT id FROM ware LIMIT 2')).toBe(3)
  })

  it.each(NODES)(
    'is seen as it logs, by drivers and mappers, on Node %s',
    async (version, node) => {
      const name = `shop${version}`
      await expectSeenAsLogged({
        file: 'postgres.mjs',
        node,
        url: postgres.url,
        logged: loggedOf(name),
        areTextsLogged: true,
        env: { PRISMA_CLIENT: prismaClient, PGAPPNAME: name },
        routes: [
          ...'pool callback client cursor knex sequelize typeorm drizzle prisma'.split(' '),
          // MikroORM needs Node 22.
          ...(version === '20' ? [] : ['mikro']),
          'wrong',
        ],
        failures: 5,
      })
    },
  )
})

interface Starved {
  readonly file: string
  readonly env: Record<string, string>
  readonly path: string
  readonly connections: number
  readonly timeouts: number
}

/**
 * Three statements of 0.2 s for each connection: the last ones wait for 0.4 s. The mappers' pools for the same
 * database are of the same name, and add to it.
 */
async function expectWaitsTold(
  { file, env, path, connections, timeouts }: Starved,
  pool: string,
): Promise<void> {
  await using receiver = await startOtlpReceiver()
  await using app = await startWithAgent(file, receiver.endpoint, { env })
  const { spans, metrics } = receiver
  const latest = (name: string, state?: string) =>
    metrics.findLast(
      ({ name: own, attributes }) =>
        own === `db.client.connection.${name}` &&
        attributes['db.client.connection.pool.name'] === pool &&
        attributes['db.client.connection.state'] === state,
    )
  const starved = app.get(path)
  await eventually('a queue', async () =>
    (latest('pending_requests')?.value ?? 0) > 0 &&
    (latest('count', 'used')?.value ?? 0) >= connections
      ? true
      : undefined,
  )
  expect(latest('max')?.value).toBeGreaterThanOrEqual(connections)
  await starved
  const waits = await eventually('the waits', async () => {
    const own = spans.filter(
      ({ name, status, attributes }) =>
        name === 'wait for a connection' &&
        status === 0 &&
        attributes['db.client.connection.pool.name'] === pool,
    )
    return roots(spans).length > 0 && own.length >= 2 * connections ? own : undefined
  })
  for (const { parentSpanId, kind } of waits) {
    expect([parentSpanId, kind]).toEqual([roots(spans)[0]?.spanId, 1])
  }
  const longestMs = Math.max(
    ...waits.map(({ startUnixNs, endUnixNs }) => Number((endUnixNs - startUnixNs) / 1_000_000n)),
  )
  expect(longestMs).toBeGreaterThan(350)
  expect(longestMs).toBeLessThan(2_000)
  await eventually('an empty queue', async () =>
    latest('pending_requests')?.value === 0 && (latest('count', 'idle')?.value ?? 0) >= connections
      ? true
      : undefined,
  )
  expect(latest('wait_time')).toMatchObject({ unit: 's', type: 'histogram' })
  expect(latest('wait_time')?.value).toBeGreaterThan(connections * (0.2 + 0.4) - 0.1)
  expect(latest('use_time')?.count).toBeGreaterThanOrEqual(3 * connections)
  expect(latest('use_time')?.value).toBeGreaterThan(3 * connections * 0.2)
  expect(app.standardError()).toBe('')
  expect(latest('timeouts')?.value).toBe(timeouts)
}

describe.skipIf(isMariaDbMissing)('MariaDB', () => {
  let mariadb: MariaDb

  beforeAll(async () => {
    mariadb = await startMariaDb()
  })
  afterAll(async () => {
    await mariadb?.[Symbol.asyncDispose]()
  })

  it.each(NODES)('is seen as it logs, by mysql2 and mappers, on Node %s', async (_, node) => {
    const { url, logged } = mariadb
    await expectSeenAsLogged({
      file: 'mysql.mjs',
      node,
      url,
      env: {},
      logged,
      // Its log has the values in them.
      areTextsLogged: false,
      routes:
        'callback promise transaction stream several cluster knex sequelize typeorm drizzle wrong'.split(
          ' ',
        ),
      failures: 3,
    })
  })

  it('tells how long a request waited for a connection, and the state of its pool', async () => {
    const { host } = new URL(mariadb.url)
    const env = { SHOP_DATABASE: mariadb.url }
    const starved = { file: 'mysql.mjs', env, path: '/starved', connections: 4, timeouts: 0 }
    await expectWaitsTold(starved, `${host}/shop`)
  })

  it.each(NODES_BESIDE)(
    'is seen as it logs, by mariadb and Sequelize, on Node %s',
    async (version, node) => {
      const { url, logged } = mariadb
      await expectSeenAsLogged({
        file: 'mariadb.mjs',
        node,
        url,
        env: {},
        logged,
        areTextsLogged: false,
        routes: 'promise prepared transaction stream several callback sequelize wrong'.split(' '),
        failures: 3,
        requests: requestsOn(version),
      })
    },
  )

  it('tells how long a request waited for a connection of mariadb, and its rows', async () => {
    const { host } = new URL(mariadb.url)
    const env = { SHOP_DATABASE: mariadb.url }
    const starved = { file: 'mariadb.mjs', env, path: '/starved', connections: 4, timeouts: 0 }
    await expectWaitsTold(starved, `${host}/store`)
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('mariadb.mjs', receiver.endpoint, { env })
    for (const route of ['promise', 'prepared', 'stream', 'several']) await app.get(`/${route}`)
    const { spans } = receiver
    await eventually('the spans', async () => (roots(spans).length === 4 ? true : undefined))
    const own = statements(spans).filter(span => !isOfConnecting(textOf(span)))
    expect(own.map(({ attributes }) => attributes['db.response.returned_rows'])).toEqual([
      1, 1, 1, 3, 1, 2, 3, 5,
    ])
    expect(own[0]?.attributes).toMatchObject({
      'db.system.name': 'mariadb',
      'db.namespace': 'store',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(mariadb.url).port),
    })
  })

  it('is seen to refuse a statement before it is executed, and how many rows it told of', async () => {
    await using receiver = await startOtlpReceiver()
    const env = { SHOP_DATABASE: mariadb.url }
    await using app = await startWithAgent('mysql.mjs', receiver.endpoint, { env })
    for (const route of ['unprepared', 'promise', 'stream', 'several']) await app.get(`/${route}`)
    const { spans } = receiver
    await eventually('the spans', async () => (roots(spans).length === 4 ? true : undefined))
    expect(statements(spans)[0]).toMatchObject({
      status: 2,
      attributes: {
        'db.system.name': 'mariadb',
        'db.namespace': 'shop',
        'db.response.status_code': '1054',
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(mariadb.url).port),
      },
    })
    const rows = statements(spans).map(({ attributes }) => attributes['db.response.returned_rows'])
    expect(rows).toEqual([undefined, 1, 1, 1, 3, 5, 1, 6])
  })
})

interface Shop {
  readonly file: string
  readonly node: string
  readonly url: string
  readonly env: Readonly<Record<string, string>>
  readonly logged: () => string[]
  readonly areTextsLogged: boolean
  /** The last one issues nothing but statements that fail. */
  readonly routes: readonly string[]
  readonly failures: number
  readonly requests?: number
}

/** First each route alone, then all of them at once: the same statements under each, and none but those logged. */
async function expectSeenAsLogged(shop: Shop): Promise<void> {
  const { file, node, url, logged, areTextsLogged, routes, failures, requests = REQUESTS } = shop
  await using receiver = await startOtlpReceiver()
  // Nothing is left out, however little else there is to do.
  const env = { ...shop.env, SHOP_DATABASE: url, PERFLOOP_COST_BUDGET_PERCENT: '100' }
  await using app = await startWithAgent(file, receiver.endpoint, { node, env })
  const { spans } = receiver

  // Twice: the first time connections are opened, on which a mapper asks what it wants to know.
  const alone = new Map<string, readonly string[]>()
  for (const route of [...routes, ...routes]) {
    const before = { spans: spans.length, logged: logged().length }
    expect(await app.get(`/${route}`), route).not.toContain('Error')
    const own = await eventually(`the spans of ${route}`, async () => {
      const since = spans.slice(before.spans)
      return roots(since).length === 1 ? since : undefined
    })
    const seen = statements(own)
    const told = await eventually(`the log of ${route}`, async () => {
      const since = logged().slice(before.logged)
      return since.length >= seen.length ? since : undefined
    })
    expect(told.length, route).toBe(seen.length)
    if (areTextsLogged) expect(seen.map(firstLineOf).sort()).toEqual([...told].sort())
    for (const { parentSpanId } of seen) expect(parentSpanId).toBe(roots(own)[0]?.spanId)
    if (alone.has(route)) expectLinesOf(file, route, seen)
    const failed = seen.filter(({ status }) => status === 2)
    expect(failed.length, route).toBe(route === 'wrong' ? failures : 0)
    for (const { attributes } of failed) {
      expect(attributes['db.response.status_code']).toMatch(/^(?:42\w{3}|1\d{3})$/)
    }
    alone.set(route, seen.map(textOf).sort())
  }

  const before = { spans: spans.length, logged: logged().length }
  let next = 0
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (next < requests) await app.get(`/${routes[next++ % routes.length]}`)
    }),
  )
  const own = await eventually(
    'all requests',
    async () => {
      const since = spans.slice(before.spans)
      return roots(since).length >= requests ? since : undefined
    },
    30_000,
  )
  const byParent = new Map<string, string[]>()
  for (const span of statements(own)) {
    if (isOfConnecting(textOf(span))) continue
    const texts = byParent.get(span.parentSpanId)
    if (texts === undefined) byParent.set(span.parentSpanId, [textOf(span)])
    else texts.push(textOf(span))
  }
  for (const root of roots(own)) {
    const route = String(root.attributes['url.path']).slice(1)
    expect(byParent.get(root.spanId)?.sort(), route).toEqual(alone.get(route))
  }
  expect(statements(own).length).toBe(logged().length - before.logged)
  expect(new Set(own.map(({ spanId }) => spanId)).size).toBe(own.length)
  expect(app.standardError()).not.toContain('perfloop')
}

/** The application's own lines, and those of the route that issued the statements. */
function expectLinesOf(file: string, route: string, issued: readonly ReceivedSpan[]): void {
  const application = fileURLToPath(new URL(`./ecosystem/${file}`, import.meta.url))
  const source = readFileSync(application, 'utf8').split('\n')
  const first = source.findIndex(line => line.includes(`'/${route}'`))
  const count = source.slice(first + 1).findIndex(line => /^(?: {2}(?:async )?'\/|\})/.test(line))
  for (const { name, attributes } of issued) {
    const text = String(attributes['db.query.text'])
    // Some texts are issued everywhere: without a framework's routes one line is not told from another.
    if (/^(?:BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT)$/.test(name) || SHARED.has(text)) continue
    // Prisma issues those of its transactions in a turn of its own, where nothing tells who asked.
    if (route === 'prisma' && attributes['code.file.path'] === undefined) continue
    // Knex issues what is streamed when somebody reads it.
    if (text === 'select `price` from `ware`') continue
    expect(attributes['code.file.path'], text).toBe(application)
    expect(attributes['code.line.number'], text).toBeGreaterThan(first)
    expect(attributes['code.line.number'], text).toBeLessThanOrEqual(first + 1 + count)
  }
}

const SHARED = new Set(['SELECT name FROM ware WHERE id = ?'])

/** What a mapper asks on a connection that it has opened. */
function isOfConnecting(text: string): boolean {
  return /^(?:select version\(\)|SELECT VERSION\(\)|SET |WITH ranges AS|\s+select b\.oid)/.test(
    text,
  )
}
