import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Knobs } from '../../packages/agent/src/control/knobs.ts'
import { offerFetchSockets } from '../../packages/agent/src/knobs/fetch-sockets.ts'
import { offerMysql2StatementKnobs } from '../../packages/agent/src/knobs/mysql2-statements.ts'
import { PgStatementCache } from '../../packages/agent/src/knobs/pg-statements.ts'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { NODES } from './agent-process.ts'
import { isMariaDbMissing, type MariaDb, startMariaDb } from './mariadb.ts'

const require = createRequire(new URL('./ecosystem/app.js', import.meta.url))

const unexpected = (where: string, error: unknown) => {
  throw new Error(where, { cause: error })
}

function knobsFor(...names: string[]): Knobs {
  const bounds = names.map(name => [name, { minimum: 0, maximum: 1_000 }] as const)
  return new Knobs({ knobs: new Map(bounds), ownKnobs: [] }, unexpected)
}

const valuesOf = (knobs: Knobs) => knobs.reports().map(({ value, own_value }) => [value, own_value])

describe('statements that pg keeps prepared', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'perfloop-knobs-'))
  const name = 'pg.statement_cache.max'
  const knobs = knobsFor(name)
  let postgres: EmbeddedPostgres

  interface Client {
    connect(): Promise<unknown>
    query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>
    end(): Promise<unknown>
  }
  const connect = async (): Promise<Client> => {
    const client = new (require('pg').Client)({ connectionString: postgres.url }) as Client
    await client.connect()
    return client
  }
  const keptBy = async (client: Client) =>
    (
      await client.query('SELECT statement FROM pg_prepared_statements ORDER BY prepare_time')
    ).rows.map(({ statement }) => statement)

  beforeAll(async () => {
    const cache = new PgStatementCache({ knobs, report: unexpected })
    cache.patchQuery(require('pg/lib/query.js'))
    cache.patchClient(require('pg/lib/client.js'))
    postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
  })
  afterAll(async () => {
    await postgres?.stop()
    rmSync(scratch, { recursive: true, force: true })
  })

  it('are none until it is turned, so many when it is, and none again when it is put back', async () => {
    const client = await connect()
    const three = ['SELECT $1::int AS a', 'SELECT $1::int AS b', 'SELECT $1::int AS c']
    const ask = async () => {
      for (const text of [...three, three[2] ?? '']) {
        const { rows } = await client.query(text, [7])
        expect(Object.values(rows[0] ?? {})).toEqual([7])
      }
    }
    await ask()
    expect(await keptBy(client)).toEqual([])
    expect(valuesOf(knobs)).toEqual([[0, 0]])
    knobs.turn([{ name, value: 2 }])
    expect(valuesOf(knobs)).toEqual([[2, 0]])
    await ask()
    await client.query('SELECT 1 AS without_parameters')
    expect(await keptBy(client)).toEqual(three.slice(1))
    // Those of a transaction are sent as they were.
    await client.query('BEGIN')
    await client.query('SELECT $1::int AS in_transaction', [1])
    await client.query('COMMIT')
    expect(await keptBy(client)).toEqual(three.slice(1))
    knobs.turn([])
    expect(valuesOf(knobs)).toEqual([[0, 0]])
    await ask()
    expect(await keptBy(client)).toEqual([])
    await client.end()
  })

  it('never let a statement fail that would not: other columns, names that are forgotten', async () => {
    const client = await connect()
    await client.query('CREATE TABLE changed (id int)')
    await client.query('INSERT INTO changed VALUES (1)')
    knobs.turn([{ name, value: 10 }])
    const all = () => client.query('SELECT * FROM changed WHERE id = $1', [1])
    expect((await all()).rows).toEqual([{ id: 1 }])
    await client.query("ALTER TABLE changed ADD COLUMN name text DEFAULT 'x'")
    const next = client.query('SELECT $1::int AS behind_it', [2])
    expect((await all()).rows).toEqual([{ id: 1, name: 'x' }])
    expect((await next).rows).toEqual([{ behind_it: 2 }])
    expect((await all()).rows).toEqual([{ id: 1, name: 'x' }])
    await client.query('DEALLOCATE ALL')
    expect((await all()).rows).toEqual([{ id: 1, name: 'x' }])
    // Whoever forgets them would do so again: this connection keeps none any more.
    await all()
    expect(await keptBy(client)).toEqual([])
    await expect(client.query('SELECT $1::int / 0', [1])).rejects.toMatchObject({ code: '22012' })
    await expect(client.query('SELECT nothing, $1', [1])).rejects.toMatchObject({ code: '42703' })
    knobs.turn([])
    await client.end()
  })

  it('answer rightly while it is turned under load', async () => {
    const { Pool } = require('pg')
    const pool = new Pool({ connectionString: postgres.url, max: 4 })
    let open = 0
    pool.on('connect', () => open++)
    pool.on('remove', () => open--)
    let asked = 0
    const ask = async () => {
      while (asked < 2_000) {
        const n = asked++
        const column = `c${n % 7}`
        const { rows } = await pool.query(`SELECT $1::int AS ${column}`, [n])
        expect(rows).toEqual([{ [column]: n }])
        if (n % 250 === 0) knobs.turn(n % 500 === 0 ? [{ name, value: 1 + (n % 5) }] : [])
      }
    }
    await Promise.all(Array.from({ length: 16 }, ask))
    knobs.turn([])
    await pool.end()
    // It says so before its connections are closed, and a server that stops meanwhile would be an error of each.
    await expect.poll(() => open).toBe(0)
  })
})

describe.skipIf(isMariaDbMissing)('statements that mysql2 keeps prepared', () => {
  let mariadb: MariaDb
  beforeAll(async () => {
    mariadb = await startMariaDb()
  })
  afterAll(async () => {
    await mariadb?.[Symbol.asyncDispose]()
  })

  it('are as many as the application has set, fewer while it is turned, and as many again', async () => {
    const name = 'mysql2.statement_cache.max'
    const knobs = knobsFor(name)
    offerMysql2StatementKnobs(
      knobs,
      require(join(dirname(require.resolve('mysql2')), 'lib/connection.js')),
    )
    const mysql = require('mysql2/promise')
    const open = () => mysql.createConnection({ uri: mariadb.url, maxPreparedStatements: 6 })
    const connection = await open()
    const ask = async (on: typeof connection) => {
      for (let n = 0; n < 24; n++) {
        const [[row]] = await on.execute(`SELECT ? + ${n % 8} AS sum`, [1])
        expect(Number(row.sum)).toBe(1 + (n % 8))
      }
    }
    const kept = async () => {
      const [[{ Value }]] = await connection.query("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")
      return Number(Value)
    }
    await ask(connection)
    expect(await kept()).toBe(6)
    expect(valuesOf(knobs)).toEqual([[6, 6]])
    knobs.turn([{ name, value: 2 }])
    expect(valuesOf(knobs)).toEqual([[2, 6]])
    expect(await kept()).toBe(2)
    const closed = await open()
    await ask(closed)
    expect(await kept()).toBe(4)
    await closed.end()
    await Promise.all([ask(connection), ask(connection)])
    expect(await kept()).toBe(2)
    knobs.turn([])
    expect(valuesOf(knobs)).toEqual([[6, 6]])
    await ask(connection)
    expect(await kept()).toBe(6)
    await connection.end()
  })
})

describe('statements that better-sqlite3 prepares again and again', () => {
  const run = (env: Record<string, string>) => {
    const node = NODES.find(([version]) => version === '24')?.[1] ?? process.execPath
    const application = fileURLToPath(new URL('./ecosystem/shared-statements.mjs', import.meta.url))
    const told = execFileSync(node, [application], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    })
    interface Turned {
      value: number
      prepared: number
    }
    return JSON.parse(told) as { seen: unknown[]; own: number; turned: Turned; back: Turned }
  }

  it('answer as they did while they share what was prepared once', () => {
    const without = run({})
    const { seen, own, turned, back } = run({ KNOB: '3' })
    expect(seen).toEqual(without.seen)
    expect(seen).toContain('no such table: ware')
    expect([own, turned, back]).toEqual([0, { value: 3, prepared: 1 }, { value: 0, prepared: 100 }])
  })
})

describe('connections of fetch', () => {
  const current = () =>
    Object.getOwnPropertySymbols(globalThis)
      .filter(({ description }) => description?.startsWith('undici.globalDispatcher.'))
      .map(symbol => (globalThis as unknown as Record<symbol, unknown>)[symbol])

  it('are limited under load while it is turned, and the dispatcher itself is put back', async () => {
    let open = 0
    let most = 0
    const server = createServer((_, response) => setTimeout(() => response.end('done'), 20))
    server.on('connection', socket => {
      most = Math.max(most, ++open)
      socket.on('close', () => open--)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const knobs = knobsFor('fetch.max_sockets', 'fetch.pipelining')
    offerFetchSockets({ knobs })
    const ask = async () => {
      most = open
      const answers = await Promise.all(
        Array.from({ length: 40 }, async () => (await fetch(url)).text()),
      )
      expect(answers).toEqual(Array(40).fill('done'))
    }
    await ask()
    expect(most).toBe(40)
    const own = current()
    expect(valuesOf(knobs)).toEqual([
      [2 ** 31 - 1, 2 ** 31 - 1],
      [1, 1],
    ])
    server.closeIdleConnections()
    knobs.turn([
      { name: 'fetch.max_sockets', value: 3 },
      { name: 'fetch.pipelining', value: 2 },
    ])
    await new Promise(resolve => setTimeout(resolve, 100))
    await ask()
    expect(most).toBe(3)
    expect(valuesOf(knobs)).toEqual([
      [3, 2 ** 31 - 1],
      [2, 1],
    ])
    knobs.turn([{ name: 'fetch.max_sockets', value: 5 }])
    await ask()
    expect(most).toBeLessThanOrEqual(8)
    // What is under way when it is put back ends.
    const underWay = ask()
    knobs.turn([])
    await underWay
    expect(current()).toEqual(own)
    expect(current().every((dispatcher, n) => dispatcher === own[n])).toBe(true)
    expect(valuesOf(knobs)).toEqual([
      [2 ** 31 - 1, 2 ** 31 - 1],
      [1, 1],
    ])
    server.closeAllConnections()
    server.close()
  })
})
