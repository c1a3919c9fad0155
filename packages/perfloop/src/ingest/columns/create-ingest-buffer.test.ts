import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  NOW_MS,
  START_NS,
  sentAttribute,
  sentAttributes,
  sentSpan,
  sentSpanId,
  sentTraces,
  TRACE_ID,
} from '../decode/otlp-fixture.ts'
import type { IngestBuffer } from '../ingest-buffer.ts'
import { type AnyRow, ScratchEngine, scratchBuffer, sendProtobuf } from './scratch-engine.ts'

// Everything here goes through the real engine with the real schema: what is asked is what is stored.
let engine: ScratchEngine
let buffer: IngestBuffer

beforeAll(() => {
  engine = new ScratchEngine()
})

afterAll(() => engine[Symbol.dispose]())

beforeEach(() => {
  engine.truncate()
  buffer = scratchBuffer()
})

function send(request: object) {
  return sendProtobuf(buffer, 'traces', request)
}

function store(): AnyRow[] {
  expect(engine.load(buffer.take(NOW_MS / 1000))).toEqual([])
  return engine.spans()
}

describe('a trace in the store', () => {
  it('has the exact times, ids and numbers that were sent', () => {
    send(
      sentTraces([
        sentSpan({
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
      engine.query('SELECT hex(trace_id) t, hex(span_id) s, hex(entry_span_id) e FROM spans'),
    ).toEqual([{ t: TRACE_ID.toUpperCase(), s: '0000000000001234', e: '0000000000001234' }])
    expect(engine.rebuilt(row ?? {})).toEqual({
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
      map: {
        kvlistValue: { values: [sentAttribute('x', 1), sentAttribute('y', { arrayValue: {} })] },
      },
      bytes: { bytesValue: 'AAEC' },
      big: { intValue: '9223372036854775807' },
      nothing: {},
    }
    send(sentTraces([sentSpan({ attributes: values })]))
    const [row] = store()
    expect(engine.rebuilt(row ?? {}).attributes).toEqual({
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
      sentTraces([
        sentSpan({ id: 4, parent: 3, kind: 3, attributes: sql }),
        sentSpan({ id: 3, parent: 2, attributes: sql }),
        sentSpan({ id: 2, parent: 1 }),
        sentSpan({ id: 1, kind: 2, parent: 99, name: 'GET /' }),
        sentSpan({ id: 5, parent: 77, kind: 3, attributes: sql }),
      ]),
    )
    store()
    expect(
      engine.query(
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
    send(sentTraces([sentSpan({ id: 1, parent: 2 }), sentSpan({ id: 2, parent: 1 })]))
    expect(store()).toHaveLength(2)
    expect(engine.query(`SELECT DISTINCT hex(entry_span_id) e FROM spans`)).toEqual([
      { e: '0'.repeat(16) },
    ])
  })

  it('keeps no hash of a result but its own, and says where that is of a part', () => {
    const read = (id: number, attributes: Record<string, string | number>) =>
      sentSpan({ id, kind: 3, attributes: { 'db.query.text': 'SELECT 1', ...attributes } })
    const result = (hash: string) => ({ 'perfloop.db.result.hash': hash })
    send(
      sentTraces([
        read(1, result('00000000000000aa')),
        read(2, { ...result('00000000000000bb'), 'perfloop.db.result.hashed_rows': 3 }),
        read(3, result('00000000000000aa')),
        read(4, {}),
      ]),
    )
    const rows = store()
    expect(rows.map(row => row.is_partial_result)).toEqual([0, 1, 0, 0])
    expect(rows[0]?.result).toBe(rows[2]?.result)
    expect(rows[0]?.result).not.toBe(rows[1]?.result)
    expect(rows[3]?.result).toBe(0)
    expect(JSON.stringify(engine.query('SELECT * FROM spans'))).not.toContain('00000000000000')
    // Of spans that tell none, no such column is sent.
    send(sentTraces([read(5, {})]))
    expect(store().at(-1)).toMatchObject({ result: 0, is_partial_result: 0 })
  })

  it('refers to its statement, with equal parameters told from different ones', () => {
    const spans = ['a@x.org', 'b@x.org', 'a@x.org'].map((mail, i) =>
      sentSpan({
        id: i + 1,
        kind: 3,
        attributes: {
          'db.system.name': 'postgresql',
          'db.query.text': `SELECT * FROM users WHERE email = '${mail}'`,
          'db.response.returned_rows': i,
        },
      }),
    )
    send(sentTraces(spans))
    const rows = store()
    expect(new Set(rows.map(row => row.statement)).size).toBe(1)
    expect(rows[0]?.parameters).toBe(rows[2]?.parameters)
    expect(rows[0]?.parameters).not.toBe(rows[1]?.parameters)
    expect(rows.map(row => [row.row_count, row.category, row.operation])).toEqual([
      [0, 'db', 'SELECT users'],
      [1, 'db', 'SELECT users'],
      [2, 'db', 'SELECT users'],
    ])
    const patterns = engine.query('SELECT * FROM patterns')
    expect(patterns).toHaveLength(1)
    expect(patterns[0]).toMatchObject({
      text: 'SELECT * FROM users WHERE email = ?',
      summary: 'SELECT users',
      verb: 'SELECT',
      models: ['users'],
    })
    expect(engine.rebuilt(rows[0] ?? {}).attributes['db.query.text']).toBe(
      'SELECT * FROM users WHERE email = ?',
    )
  })

  it('carries what varies and shares what does not', () => {
    const spans = Array.from({ length: 2_000 }, (_, i) =>
      sentSpan({
        id: i + 1,
        kind: 3,
        attributes: { 'server.address': 'db', user: `user ${i}`, tries: i % 3 },
      }),
    )
    send(sentTraces(spans))
    const rows = store()
    expect(Number(engine.query('SELECT count() n FROM shapes')[0]?.n)).toBeLessThan(600)
    for (const i of [0, 100, 500, 1_999]) {
      expect(engine.rebuilt(rows[i] ?? {}).attributes).toEqual({
        'server.address': 'db',
        user: `user ${i}`,
        tries: i % 3,
      })
    }
    expect(rows[1_999]?.attribute_values).toEqual(['user 1999'])
  })

  it('carries all of its attributes when pattern compression is off', () => {
    buffer = scratchBuffer({ patternCompression: false })
    const values = { 'db.system': 'sqlite', 'db.statement': 'SELECT 1', kind: 'x' }
    send(sentTraces([sentSpan({ kind: 3, attributes: values, name: 'q' })]))
    const [row] = store()
    expect(row?.attribute_values).toEqual(['sqlite', 'SELECT ?', 'x', 'q'])
    expect(engine.rebuilt(row ?? {}).attributes).toEqual({ ...values, 'db.statement': 'SELECT ?' })
  })

  it('keeps events and links as OTLP JSON', () => {
    const events = [
      {
        timeUnixNano: String(START_NS),
        name: 'exception',
        attributes: sentAttributes({
          'exception.type': 'Error',
          'exception.message': 'no user john@example.com',
        }),
      },
    ]
    const links = [
      { traceId: TRACE_ID, spanId: sentSpanId(9), attributes: sentAttributes({ a: 1 }) },
    ]
    send(sentTraces([sentSpan({ events, links })]))
    const [row] = store()
    expect(JSON.parse(row?.events)).toEqual([
      {
        timeUnixNano: String(START_NS),
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
        spanId: sentSpanId(9),
        attributes: [{ key: 'a', value: { intValue: '1' } }],
      },
    ])
  })
})
