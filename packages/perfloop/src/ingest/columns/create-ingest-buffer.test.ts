import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Session } from 'chdb'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { defaultSettings } from '../../settings/settings.ts'
import { rebuildAttributes } from '../../store/telemetry/rebuild-attributes.ts'
import { otlpJsonToProtobuf } from '../decode/otlp-json.ts'
import type { IngestBuffer, NativeBlock, Signal } from '../ingest-buffer.ts'
import { createIngestBuffer } from './create-ingest-buffer.ts'

// Everything here goes through the real engine with the real schema: what is asked is what is stored.
const NOW_MS = Date.UTC(2026, 0, 15, 12, 0, 0)
const SECOND = 1_000_000_000n
const startNs = BigInt(NOW_MS) * 1_000_000n - 10n * SECOND
const SCHEMA = fileURLToPath(new URL('../../store/telemetry/schema/', import.meta.url))
const TABLES = [
  'spans',
  'resources',
  'shapes',
  'patterns',
  'performance_metrics',
  'metric_points',
  'logs',
]

let directory: string
let engine: Session
let buffer: IngestBuffer

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'perfloop-ingest-'))
  engine = new Session(join(directory, 'db'))
  for (const file of readdirSync(SCHEMA).filter(name => /^000[145]/.test(name))) {
    const text = readFileSync(join(SCHEMA, file), 'utf8').replace(/^--.*$/gm, '')
    for (const statement of text.split(/;\s*$/m)) if (statement.trim()) engine.query(statement)
  }
})

afterAll(() => {
  engine.cleanup()
  rmSync(directory, { recursive: true, force: true })
})

beforeEach(() => {
  for (const table of TABLES) engine.query(`TRUNCATE TABLE ${table}`)
  buffer = newBuffer()
})

function newBuffer(
  changes: Partial<ReturnType<typeof defaultSettings>['ingest']> = {},
): IngestBuffer {
  return createIngestBuffer({
    settings: { ...defaultSettings().ingest, ...changes },
    measurementDays: 7,
    parameterKey: new Uint8Array(16).fill(9),
    clock: { nowUnixMs: () => NOW_MS },
  })
}

function load(blocks: readonly NativeBlock[]): void {
  for (const block of blocks) {
    const path = join(directory, `${block.table}.native`)
    writeFileSync(path, block.bytes)
    const described = query(`DESCRIBE file('${path}', 'Native')`)
    for (const { name, type } of described) {
      const [column] = query(
        `SELECT type FROM system.columns WHERE database = 'default' AND table = '${block.table}' AND name = '${name}'`,
      )
      expect([block.table, name, type]).toEqual([block.table, name, column?.type])
    }
    const columns = block.columns.join(', ')
    engine.query(
      `INSERT INTO ${block.table} (${columns}) SELECT ${columns} FROM file('${path}', 'Native')`,
    )
  }
}

// biome-ignore lint/suspicious/noExplicitAny: rows of any query, read by the assertions beside it
type Row = Record<string, any>

function query(sql: string): Row[] {
  const text = engine.query(sql, 'JSONEachRow')
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Row)
}

function send(signal: Signal, request: object, into = buffer): ReturnType<IngestBuffer['add']> {
  const body = otlpJsonToProtobuf(signal, Buffer.from(JSON.stringify(request)))
  return into.add(signal, 'protobuf', body, { receivedUnixMs: NOW_MS })
}

function store(): Row[] {
  load(buffer.take(NOW_MS / 1000))
  return query('SELECT * FROM spans ORDER BY start_unix_ns, hex(span_id)')
}

type Value = string | number | boolean | object
function attribute(key: string, value: Value): object {
  if (typeof value === 'string') return { key, value: { stringValue: value } }
  if (typeof value === 'boolean') return { key, value: { boolValue: value } }
  if (typeof value === 'number') {
    return { key, value: Number.isInteger(value) ? { intValue: value } : { doubleValue: value } }
  }
  return { key, value }
}
const attributes = (values: Record<string, Value>) =>
  Object.entries(values).map(([key, value]) => attribute(key, value))

interface SpanChanges {
  readonly id?: number
  readonly parent?: number
  readonly name?: string
  readonly kind?: number
  readonly attributes?: Record<string, Value>
  readonly [field: string]: unknown
}

const spanId = (id: number) => id.toString(16).padStart(16, '0')
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'

function span({ id = 1, parent, attributes: values = {}, ...changes }: SpanChanges): object {
  return {
    traceId: TRACE_ID,
    spanId: spanId(id),
    parentSpanId: parent === undefined ? '' : spanId(parent),
    name: 'work',
    kind: 1,
    startTimeUnixNano: String(startNs + BigInt(id)),
    endTimeUnixNano: String(startNs + BigInt(id) + 5_000_000n),
    attributes: attributes(values),
    ...changes,
  }
}

function traces(
  spans: readonly object[],
  resource: Record<string, Value> = { 'service.name': 'shop' },
) {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributes(resource) },
        scopeSpans: [{ scope: { name: 'test', version: '1' }, spans }],
      },
    ],
  }
}

function rebuilt(row: Row) {
  const [shape] = query(`SELECT * FROM shapes WHERE shape = '${row.shape}' LIMIT 1`)
  const [pattern] = query(`SELECT text FROM patterns WHERE statement = '${row.statement}' LIMIT 1`)
  return rebuildAttributes(
    shape as Parameters<typeof rebuildAttributes>[0],
    row.attribute_values,
    pattern?.text,
  )
}

describe('a trace in the store', () => {
  it('has the exact times, ids and numbers that were sent', () => {
    send(
      'traces',
      traces([
        span({
          id: 0x1234,
          kind: 2,
          name: 'GET /orders/42',
          flags: 257,
          traceState: 'ot=th:8',
          status: { code: 2, message: 'it broke' },
          startTimeUnixNano: '1768478390123456789',
          endTimeUnixNano: '1768478391000000001',
          attributes: {
            'http.request.method': 'GET',
            'url.path': '/orders/42',
            'http.response.status_code': 503,
            'http.response.body.size': 5120,
          },
        }),
      ]),
    )
    const [row] = store()
    expect(row).toMatchObject({
      environment: 'development',
      service: 'shop',
      operation: 'GET /orders/:id',
      kind: 'server',
      category: 'other',
      status: 'error',
      status_code: 503,
      is_entry: 1,
      start_unix_ns: '1768478390123456789',
      duration_ns: '876543212',
      response_bytes: 5120,
      row_count: null,
      weight: 2,
      flags: 257,
      retention_days: 7,
    })
    expect(
      query('SELECT hex(trace_id) t, hex(span_id) s, hex(entry_span_id) e FROM spans'),
    ).toEqual([{ t: TRACE_ID.toUpperCase(), s: '0000000000001234', e: '0000000000001234' }])
    expect(rebuilt(row as Row)).toEqual({
      attributes: {
        'http.request.method': 'GET',
        'url.path': '/orders/42',
        'http.response.status_code': 503,
        'http.response.body.size': 5120,
      },
      name: 'GET /orders/42',
      statusMessage: 'it broke',
      traceState: 'ot=th:8',
    })
  })

  it('keeps every type of attribute', () => {
    const values = {
      text: 'grüße 👋',
      empty: '',
      yes: true,
      no: false,
      zero: 0,
      negative: -7,
      double: 0.1,
      list: {
        arrayValue: { values: [{ stringValue: 'a' }, { intValue: 2 }, { boolValue: true }] },
      },
      map: { kvlistValue: { values: [attribute('x', 1), attribute('y', { arrayValue: {} })] } },
      bytes: { bytesValue: 'AAEC' },
      big: { intValue: '9223372036854775807' },
      nothing: {},
    }
    send('traces', traces([span({ attributes: values })]))
    const [row] = store()
    expect(rebuilt(row as Row).attributes).toEqual({
      text: 'grüße 👋',
      empty: '',
      yes: true,
      no: false,
      zero: 0,
      negative: -7,
      double: 0.1,
      list: ['a', 2, true],
      map: { x: 1, y: [] },
      bytes: 'AAEC',
      big: '9223372036854775807',
      nothing: null,
    })
  })

  it('finds the entry of each span, and the driver below the mapper', () => {
    const sql = {
      'db.system.name': 'postgresql',
      'db.query.text': 'SELECT * FROM orders WHERE id = $1',
    }
    send(
      'traces',
      traces([
        span({ id: 4, parent: 3, kind: 3, attributes: sql }),
        span({ id: 3, parent: 2, attributes: sql }),
        span({ id: 2, parent: 1 }),
        span({ id: 1, kind: 2, parent: 99, name: 'GET /' }),
        span({ id: 5, parent: 77, kind: 3, attributes: sql }),
      ]),
    )
    load(buffer.take(NOW_MS / 1000))
    expect(
      query(
        `SELECT reinterpretAsUInt64(reverse(span_id)) id, reinterpretAsUInt64(reverse(entry_span_id)) entry,
           is_entry, is_repeated_layer again FROM spans ORDER BY id`,
      ),
    ).toEqual([
      { id: '1', entry: '1', is_entry: 1, again: 0 },
      { id: '2', entry: '1', is_entry: 0, again: 0 },
      { id: '3', entry: '1', is_entry: 0, again: 0 },
      { id: '4', entry: '1', is_entry: 0, again: 1 },
      { id: '5', entry: '0', is_entry: 0, again: 0 },
    ])
  })

  it('ends a chain of parents that is a circle', () => {
    send('traces', traces([span({ id: 1, parent: 2 }), span({ id: 2, parent: 1 })]))
    expect(store()).toHaveLength(2)
    expect(query(`SELECT DISTINCT hex(entry_span_id) e FROM spans`)).toEqual([
      { e: '0'.repeat(16) },
    ])
  })

  it('refers to its statement, with equal parameters told from different ones', () => {
    const spans = ['a@x.org', 'b@x.org', 'a@x.org'].map((mail, i) =>
      span({
        id: i + 1,
        kind: 3,
        attributes: {
          'db.system.name': 'postgresql',
          'db.query.text': `SELECT * FROM users WHERE email = '${mail}'`,
          'db.response.returned_rows': i,
        },
      }),
    )
    send('traces', traces(spans))
    const rows = store()
    expect(new Set(rows.map(row => row.statement)).size).toBe(1)
    expect(rows[0]?.parameters).toBe(rows[2]?.parameters)
    expect(rows[0]?.parameters).not.toBe(rows[1]?.parameters)
    expect(rows.map(row => [row.row_count, row.category, row.operation])).toEqual([
      [0, 'db', 'SELECT users'],
      [1, 'db', 'SELECT users'],
      [2, 'db', 'SELECT users'],
    ])
    const patterns = query('SELECT * FROM patterns')
    expect(patterns).toHaveLength(1)
    expect(patterns[0]).toMatchObject({
      text: 'SELECT * FROM users WHERE email = ?',
      summary: 'SELECT users',
      verb: 'SELECT',
      models: ['users'],
    })
    expect(rebuilt(rows[0] as Row).attributes['db.query.text']).toBe(
      'SELECT * FROM users WHERE email = ?',
    )
  })

  it('carries what varies and shares what does not', () => {
    const spans = Array.from({ length: 2_000 }, (_, i) =>
      span({
        id: i + 1,
        kind: 3,
        attributes: { 'server.address': 'db', user: `user ${i}`, tries: i % 3 },
      }),
    )
    send('traces', traces(spans))
    const rows = store()
    expect(query('SELECT count() n FROM shapes')[0]?.n).toBeLessThan(400)
    for (const i of [0, 100, 500, 1_999]) {
      expect(rebuilt(rows[i] as Row).attributes).toEqual({
        'server.address': 'db',
        user: `user ${i}`,
        tries: i % 3,
      })
    }
    expect(rows[1_999]?.attribute_values).toEqual(['user 1999'])
  })

  it('carries all of its attributes when pattern compression is off', () => {
    buffer = newBuffer({ patternCompression: false })
    const values = { 'db.system': 'sqlite', 'db.statement': 'SELECT 1', kind: 'x' }
    send('traces', traces([span({ kind: 3, attributes: values, name: 'q' })]))
    const [row] = store()
    expect(row?.attribute_values).toEqual(['sqlite', 'SELECT ?', 'x', 'q'])
    expect(rebuilt(row as Row).attributes).toEqual({ ...values, 'db.statement': 'SELECT ?' })
  })

  it('keeps events and links as OTLP JSON', () => {
    const events = [
      {
        timeUnixNano: String(startNs),
        name: 'exception',
        attributes: attributes({
          'exception.type': 'Error',
          'exception.message': 'no user john@example.com',
        }),
      },
    ]
    const links = [{ traceId: TRACE_ID, spanId: spanId(9), attributes: attributes({ a: 1 }) }]
    send('traces', traces([span({ events, links })]))
    const [row] = store()
    expect(JSON.parse(row?.events)).toEqual([
      {
        timeUnixNano: String(startNs),
        name: 'exception',
        attributes: [
          { key: 'exception.type', value: { stringValue: 'Error' } },
          { key: 'exception.message', value: { stringValue: 'no user [redacted]' } },
        ],
      },
    ])
    expect(JSON.parse(row?.links)).toEqual([
      {
        traceId: TRACE_ID,
        spanId: spanId(9),
        attributes: [{ key: 'a', value: { intValue: '1' } }],
      },
    ])
  })
})
