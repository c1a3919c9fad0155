import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defaultSettings } from '../../../settings/settings.ts'
import { readMigrations } from '../migrate.ts'
import { splitStatements } from '../split-statements.ts'
import { ClickHouseEngine } from './clickhouse-engine.ts'
import { adaptStatement } from './deployment.ts'

// No ClickHouse server can be installed where these tests run. They check what is sent to one, byte for byte,
// against the HTTP interface's documentation; the SQL itself is tested on the same engine embedded.

interface Request {
  readonly path: string
  readonly params: URLSearchParams
  readonly authorization: string
  readonly body: string
}

const requests: Request[] = []
let answer: { status: number; headers?: Record<string, string>; body: string }
let server: Server
let engine: ClickHouseEngine

beforeEach(async () => {
  requests.length = 0
  answer = { status: 200, body: '' }
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const url = new URL(request.url ?? '/', 'http://localhost')
    requests.push({
      path: url.pathname,
      params: url.searchParams,
      authorization: request.headers.authorization ?? '',
      body: Buffer.concat(chunks).toString('latin1'),
    })
    response.writeHead(answer.status, answer.headers).end(answer.body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  engine = engineAt(`http://127.0.0.1:${port}`)
})
afterEach(async () => {
  await engine.close()
  server.closeAllConnections()
  server.close()
})

function engineAt(url: string, cluster: string | null = null): ClickHouseEngine {
  const { store } = defaultSettings()
  const clickhouse = {
    ...store.clickhouse,
    url,
    username: 'perfloop',
    password: 'secret',
    database: 'telemetry',
    cluster,
  }
  return new ClickHouseEngine({ ...store, clickhouse })
}

function only(): Request {
  expect(requests).toHaveLength(1)
  return requests[0] as Request
}

describe('the ClickHouse engine', () => {
  it('lets the server bind parameters and hold a query to its limits', async () => {
    answer.body = '{"service":"shop","big":"18446744073709551615"}\n{"service":"mail","big":"1"}\n'
    const rows = await engine.query(
      'SELECT {service:String} AS service',
      { service: "it's\ta\\b", big: 18_446_744_073_709_551_615n, names: ['a', "b'"] },
      { maxRows: 5, maxMs: 1_500, maxMemoryBytes: 1_000_000 },
    )
    expect(rows).toEqual([
      { service: 'shop', big: '18446744073709551615' },
      { service: 'mail', big: '1' },
    ])
    const { params, body, authorization } = only()
    expect(body).toBe('SELECT {service:String} AS service \nFORMAT JSONEachRow')
    expect(Object.fromEntries(params)).toMatchObject({
      database: 'telemetry',
      param_service: "it\\'s\\ta\\\\b",
      param_big: '18446744073709551615',
      param_names: "['a','b\\'']",
      max_result_rows: '5',
      result_overflow_mode: 'throw',
      max_execution_time: '1.5',
      max_memory_usage: '1000000',
      session_timezone: 'UTC',
      output_format_json_quote_64bit_integers: '1',
    })
    expect(Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()).toBe(
      'perfloop:secret',
    )
  })

  it('sends a segment as it is, as one block under its token', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'perfloop-clickhouse-'))
    const file = join(directory, 'segment.native')
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256))
    writeFileSync(file, bytes)
    await engine.insertNative({
      table: 'spans',
      file,
      columns: ['trace_id', 'a`b'],
      deduplicationToken: 'segment-7',
    })
    const { params, body } = only()
    expect(params.get('query')).toBe('INSERT INTO `spans` (`trace_id`, `a\\`b`) FORMAT Native')
    expect(Buffer.from(body, 'latin1').equals(bytes)).toBe(true)
    expect(Object.fromEntries(params)).toMatchObject({
      insert_deduplicate: '1',
      insert_deduplication_token: 'segment-7',
      deduplicate_blocks_in_dependent_materialized_views: '1',
      max_insert_threads: '1',
    })
    rmSync(directory, { recursive: true })
  })

  it('deduplicates an INSERT … SELECT by token, and nothing without one', async () => {
    await engine.execute(
      'INSERT INTO t SELECT {n:UInt8}',
      { n: 1 },
      { deduplicationToken: 'window-1' },
    )
    await engine.execute('TRUNCATE TABLE t')
    expect(
      requests.map(({ params }) => [
        params.get('insert_deduplicate'),
        params.get('insert_deduplication_token'),
      ]),
    ).toEqual([
      ['1', 'window-1'],
      ['0', ''],
    ])
  })

  it('tells a refused query from a server that is not there', async () => {
    answer = {
      status: 404,
      headers: { 'x-clickhouse-exception-code': '60' },
      body: 'Code: 60. DB::Exception: Table telemetry.nothing does not exist. (UNKNOWN_TABLE)',
    }
    await expect(engine.query('SELECT 1 FROM nothing', {})).rejects.toMatchObject({
      code: 'STORE_QUERY_FAILED',
      details: { clickhouseCode: 60 },
    })
    const nowhere = engineAt('http://127.0.0.1:1')
    await expect(nowhere.execute('SELECT 1')).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' })
    await nowhere.close()
  })
})

describe('the schema on a cluster', () => {
  const statements = readMigrations().flatMap(({ sql }) => splitStatements(sql))
  const cluster = { database: 'telemetry', cluster: 'main' }

  it('is created on every replica, in replicated tables', () => {
    expect(statements.length).toBeGreaterThan(20)
    for (const statement of statements) {
      const adapted = adaptStatement(statement, cluster)
      expect(adapted).toMatch(
        /^(CREATE (TABLE|VIEW|MATERIALIZED VIEW) IF NOT EXISTS|ALTER TABLE) \w+ ON CLUSTER 'main'/,
      )
      if (statement.includes('ENGINE = ')) {
        expect(adapted).toMatch(/ENGINE = Replicated(Replacing|Aggregating|)MergeTree/)
        expect(adapted).not.toContain('non_replicated')
      }
    }
  })

  it('is the same as embedded on a single server', () => {
    for (const statement of statements) {
      expect(adaptStatement(statement, { ...cluster, cluster: null })).toBe(statement)
    }
  })

  it('is altered and emptied on every replica', () => {
    expect(adaptStatement("ALTER TABLE spans DROP PARTITION ID '1'", cluster)).toBe(
      "ALTER TABLE spans ON CLUSTER 'main' DROP PARTITION ID '1'",
    )
    expect(adaptStatement('\nDELETE FROM spans\nWHERE 1', cluster)).toBe(
      "\nDELETE FROM spans ON CLUSTER 'main'\nWHERE 1",
    )
  })
})
