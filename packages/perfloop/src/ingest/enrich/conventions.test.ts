import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ScratchEngine, scratchBuffer, sendProtobuf } from '../columns/scratch-engine.ts'
import { NOW_MS, type SentSpan, sentSpan, sentTraces } from '../decode/otlp-fixture.ts'

let engine: ScratchEngine

beforeAll(() => {
  engine = new ScratchEngine()
})

afterAll(() => engine[Symbol.dispose]())

const COLUMNS =
  'operation, kind, category, status_code, statement, row_count, response_bytes, code_location'

function store(spans: readonly SentSpan[], scope?: object) {
  engine.truncate()
  const buffer = scratchBuffer()
  const numbered = spans.map((fields, i) => sentSpan({ id: i + 1, ...fields }))
  expect(sendProtobuf(buffer, 'traces', sentTraces(numbered, undefined, scope)).rejected).toBe(0)
  expect(engine.load(buffer.take(NOW_MS / 1000))).toEqual([])
  return engine.query(`SELECT ${COLUMNS} FROM spans ORDER BY start_unix_ns`)
}

const former: readonly SentSpan[] = [
  {
    kind: 2,
    name: 'HTTP GET',
    attributes: {
      'http.method': 'GET',
      'http.target': '/orders/42?page=2',
      'http.route': '/orders/:id',
      'http.status_code': 200,
      'http.response_content_length': 512,
    },
  },
  {
    kind: 2,
    name: 'HTTP POST',
    attributes: {
      'http.method': 'POST',
      'http.target': '/orders/42/pay?x=1',
      'http.status_code': 500,
    },
  },
  {
    kind: 3,
    name: 'HTTP GET',
    attributes: {
      'http.method': 'GET',
      'http.url': 'http://stock.example.com:8080/items/7?full=1',
      'net.peer.name': 'stock.example.com',
      'http.status_code': 404,
    },
  },
  {
    kind: 3,
    name: 'pg.query:SELECT shop',
    attributes: {
      'db.system': 'postgresql',
      'db.name': 'shop',
      'db.statement': 'SELECT * FROM orders WHERE id = 42',
      'db.row_count': 3,
      'code.filepath': '/app/orders.js',
      'code.lineno': 17,
    },
  },
  {
    kind: 3,
    name: 'mongodb.find',
    attributes: {
      'db.system': 'mongodb',
      'db.operation': 'find',
      'db.mongodb.collection': 'carts',
    },
  },
  {
    kind: 3,
    name: 'shop.Stock/Reserve',
    attributes: {
      'rpc.system': 'grpc',
      'rpc.service': 'shop.Stock',
      'rpc.method': 'Reserve',
      'rpc.grpc.status_code': 14,
    },
  },
  {
    kind: 4,
    name: 'orders send',
    attributes: {
      'messaging.system': 'kafka',
      'messaging.destination': 'orders',
      'messaging.operation': 'publish',
    },
  },
]

const current: readonly SentSpan[] = [
  {
    kind: 2,
    name: 'GET /orders/:id',
    attributes: {
      'http.request.method': 'GET',
      'url.path': '/orders/42',
      'url.query': 'page=2',
      'http.route': '/orders/:id',
      'http.response.status_code': 200,
      'http.response.body.size': 512,
    },
  },
  {
    kind: 2,
    name: 'POST',
    attributes: {
      'http.request.method': 'POST',
      'url.path': '/orders/42/pay',
      'http.response.status_code': 500,
    },
  },
  {
    kind: 3,
    name: 'GET',
    attributes: {
      'http.request.method': 'GET',
      'url.full': 'http://stock.example.com:8080/items/9',
      'server.address': 'stock.example.com',
      'http.response.status_code': 404,
    },
  },
  {
    kind: 3,
    name: 'SELECT orders',
    attributes: {
      'db.system.name': 'postgresql',
      'db.namespace': 'shop',
      'db.query.text': 'select * from orders where id = $1',
      'db.response.returned_rows': 3,
      'code.file.path': '/app/orders.js',
      'code.line.number': 17,
    },
  },
  {
    kind: 3,
    name: 'find carts',
    attributes: {
      'db.system.name': 'mongodb',
      'db.operation.name': 'find',
      'db.collection.name': 'carts',
    },
  },
  {
    kind: 3,
    name: 'shop.Stock/Reserve',
    attributes: {
      'rpc.system.name': 'grpc',
      'rpc.method': 'shop.Stock/Reserve',
      'rpc.response.status_code': 'UNAVAILABLE',
    },
  },
  {
    kind: 4,
    name: 'send orders',
    attributes: {
      'messaging.system': 'kafka',
      'messaging.destination.name': 'orders',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'produce',
    },
  },
]

describe('both generations of semantic conventions', () => {
  it('give identical operations, query counts and status codes', () => {
    const old = store(former)
    expect(store(current)).toEqual(old)
    expect(old.map(row => [row.operation, row.category, row.status_code])).toEqual([
      ['GET /orders/:id', 'other', 200],
      ['POST /orders/:id/pay', 'other', 500],
      ['GET stock.example.com/items/:id', 'external', 404],
      ['SELECT orders', 'db', 0],
      ['find carts', 'db', 0],
      ['shop.Stock/Reserve', 'external', 14],
      ['publish orders', 'external', 0],
    ])
    expect(old[3]).toMatchObject({ row_count: 3, code_location: '/app/orders.js:17' })
  })

  it('tell what a batch wrote: its size, by the rows of its text, and nothing of what it read', () => {
    const sent = (text: string, more: Readonly<Record<string, number>> = {}): SentSpan => ({
      kind: 3,
      name: 'batch',
      attributes: {
        'db.system.name': 'postgresql',
        'db.query.text': text,
        'db.operation.batch.size': 40,
        ...more,
      },
    })
    const rows = store([
      sent('INSERT INTO t (a, b) VALUES (?, ?)'),
      sent('INSERT INTO t (a) VALUES (?), (?), (?)'),
      sent('UPDATE t SET a = ? WHERE b = ?'),
      sent('SELECT a FROM t WHERE b = ?'),
      sent('INSERT INTO t (a, b) VALUES (?, ?)', { 'db.response.returned_rows': 7 }),
      sent('INSERT INTO t (a, b) VALUES (?, ?)', { 'db.operation.batch.size': 1 }),
    ])
    expect(rows.map(({ row_count }) => row_count)).toEqual([40, 120, 40, null, 7, null])
  })

  it('are read once when a sender sends both at once', () => {
    const both = former.map((span, i) => ({
      ...span,
      attributes: { ...span.attributes, ...current[i]?.attributes, 'db.statement': '' },
    }))
    const expected = store(current)
    const rows = store(both.slice(0, 4))
    expect(rows.map(row => [row.operation, row.status_code, row.statement])).toEqual(
      expected.slice(0, 4).map(row => [row.operation, row.status_code, row.statement]),
    )
  })
})

describe('operations', () => {
  it('keep method paths of frameworks that route by name', () => {
    const method = '/api/method/shop.api.orders.list'
    const [row] = store([
      { kind: 2, attributes: { 'http.request.method': 'GET', 'url.path': method } },
    ])
    expect(row?.operation).toBe(`GET ${method}`)
  })

  it('have no ids in names of other spans', () => {
    const rows = store([{ name: 'import 550e8400-e29b-41d4-a716-446655440000' }, { name: 'tick' }])
    expect(rows.map(row => row.operation)).toEqual(['import :id', 'tick'])
  })

  it('are of the command and not its arguments for what is not SQL', () => {
    const rows = store([
      {
        kind: 3,
        name: 'redis-GET',
        attributes: { 'db.system': 'redis', 'db.statement': 'GET user:1' },
      },
      {
        kind: 3,
        name: 'GET',
        attributes: { 'db.system.name': 'redis', 'db.query.text': 'GET user:2' },
      },
    ])
    expect(rows.map(row => [row.operation, row.category])).toEqual([
      ['GET', 'db'],
      ['GET', 'db'],
    ])
    expect(new Set(rows.map(row => row.statement)).size).toBe(1)
    expect(engine.query('SELECT text, dialect FROM patterns')).toEqual([
      { text: 'GET ?', dialect: 'redis' },
    ])
  })

  it('fall back to the method where the route is unknown or not sent', () => {
    const rows = store([
      { kind: 2, attributes: { 'http.request.method': 'PURGE' } },
      { kind: 2, attributes: { 'http.request.method': 'SEARCH', 'http.route': '/fruit' } },
      { kind: 2, attributes: { 'http.request.method': 'FANCY', 'http.route': '/fruit' } },
      {
        kind: 2,
        attributes: { 'http.request.method': 'GET', 'http.route': '', 'url.path': '/a/1' },
      },
      { kind: 3, attributes: { 'http.request.method': 'GET', 'server.address': 'x' } },
      { name: '', kind: 1 },
    ])
    expect(rows.map(row => row.operation)).toEqual([
      'HTTP',
      'SEARCH /fruit',
      'HTTP /fruit',
      'GET /a/:id',
      'GET x',
      'unnamed',
    ])
  })
})

describe('requests that no route is for', () => {
  const request = (path: string, status: number, fields: SentSpan = {}): SentSpan => ({
    kind: 2,
    name: `GET ${path}`,
    ...fields,
    attributes: {
      'http.request.method': 'GET',
      'url.path': path,
      'http.response.status_code': status,
      ...fields.attributes,
    },
  })
  const served = request('/orders/7', 200, { attributes: { 'http.route': '/orders/:id' } })
  const guesses = [
    request('/wp-login.php', 404),
    request('/.env', 404),
    request('/admin/config', 405),
    request('/setup.cgi', 404, { attributes: { 'http.request.method': 'POST' } }),
  ]

  it('are one operation a method, wherever in a batch they come, and keep their path', () => {
    for (const order of [
      [...guesses, served],
      [served, ...guesses],
    ]) {
      engine.truncate()
      const buffer = scratchBuffer()
      const live: string[] = []
      buffer.watch({
        entriesOnly: true,
        onSpans: spans => live.push(...spans.map(span => span.operation)),
      })
      const spans = order.map((fields, i) => sentSpan({ id: i + 1, ...fields }))
      sendProtobuf(buffer, 'traces', sentTraces(spans))
      engine.load(buffer.take(NOW_MS / 1000))
      const expected = [
        'GET (no route)',
        'GET (no route)',
        'GET (no route)',
        'GET /orders/:id',
        'POST (no route)',
      ]
      const rows = engine.query('SELECT operation FROM spans ORDER BY operation')
      expect(rows.map(row => row.operation)).toEqual(expected)
      expect([...live].sort()).toEqual(expected)
      expect(
        buffer.statistics().operations.map(({ operation, calls }) => `${calls} ${operation}`),
      ).toEqual(
        expect.arrayContaining(['3 GET (no route)', '1 GET /orders/:id', '1 POST (no route)']),
      )
      expect(buffer.statistics().operations).toHaveLength(3)
      expect(JSON.stringify(engine.query('SELECT constants FROM shapes'))).toContain(
        '/wp-login.php',
      )
    }
  })

  it('are known in later batches that tell no route', () => {
    engine.truncate()
    const buffer = scratchBuffer()
    sendProtobuf(buffer, 'traces', sentTraces([sentSpan({ ...served })]))
    sendProtobuf(buffer, 'traces', sentTraces([sentSpan({ id: 2, ...guesses[0] })]))
    engine.load(buffer.take(NOW_MS / 1000))
    expect(engine.query('SELECT operation FROM spans ORDER BY start_unix_ns')).toEqual([
      { operation: 'GET /orders/:id' },
      { operation: 'GET (no route)' },
    ])
  })

  it('are named by their path where a service never tells a route, or something answered', () => {
    expect(
      store([request('/orders/7', 404), request('/orders/7/notes', 200)]).map(row => row.operation),
    ).toEqual(['GET /orders/:id', 'GET /orders/:id/notes'])
    expect(
      store([
        served,
        request('/static/app.css', 200),
        request('/private', 401),
        request('/broken', 500),
        request('/gone', 404, { attributes: { 'rpc.system': 'grpc', 'rpc.method': 'shop/Get' } }),
      ]).map(row => row.operation),
    ).toEqual(['GET /orders/:id', 'GET /static/app.css', 'GET /private', 'GET /broken', 'shop/Get'])
  })

  it('leave room for routes, whatever else is answered', () => {
    engine.truncate()
    const buffer = scratchBuffer({ maxOperationsPerService: 8 })
    const pages = Array.from({ length: 9 }, (_, i) =>
      request(`/page-${'abcdefghi'.charAt(i)}`, 200),
    )
    const routes = Array.from({ length: 4 }, (_, i) =>
      request('/x', 200, { attributes: { 'http.route': `/route-${i}` } }),
    )
    const spans = [served, ...pages, ...routes, pages[0] ?? {}]
    sendProtobuf(
      buffer,
      'traces',
      sentTraces(spans.map((fields, i) => sentSpan({ id: i + 1, ...fields }))),
    )
    engine.load(buffer.take(NOW_MS / 1000))
    expect(
      engine.query(
        'SELECT operation, toUInt32(count()) AS n FROM spans GROUP BY operation ORDER BY operation',
      ),
    ).toEqual([
      { operation: 'GET (no route)', n: 7 },
      { operation: 'GET /orders/:id', n: 1 },
      { operation: 'GET /page-a', n: 2 },
      { operation: 'GET /page-b', n: 1 },
      ...routes.map((_, i) => ({ operation: `GET /route-${i}`, n: 1 })),
    ])
  })

  it('leave room as well where callers name operations of GraphQL, of which those without a name take none', () => {
    engine.truncate()
    const buffer = scratchBuffer({ maxOperationsPerService: 8 })
    const operation = (path: string, type: string, name?: string, route?: string) =>
      request(path, 200, {
        attributes: {
          'graphql.operation.type': type,
          ...(name === undefined ? {} : { 'graphql.operation.name': name }),
          ...(route === undefined ? {} : { 'http.route': route }),
        },
      })
    const spans = [
      served,
      operation('/graphql', 'query', undefined, '/graphql'),
      operation('/graphql', 'query', 'First', '/graphql'),
      operation('/graphql', 'query', 'Second', '/graphql'),
      operation('/graphql', 'query', 'Third', '/graphql'),
      operation('/graphql', 'mutation', undefined, '/graphql'),
      operation('/made-up', 'query', 'Fourth'),
      operation('/made-up-too', 'query'),
    ]
    sendProtobuf(
      buffer,
      'traces',
      sentTraces(spans.map((fields, i) => sentSpan({ id: i + 1, ...fields }))),
    )
    engine.load(buffer.take(NOW_MS / 1000))
    expect(
      engine
        .query('SELECT operation FROM spans ORDER BY operation')
        .map(({ operation }) => operation),
    ).toEqual([
      'GET (no route)',
      'GET (no route)',
      'GET /graphql',
      'GET /graphql mutation',
      'GET /graphql query',
      'GET /graphql query First',
      'GET /graphql query Second',
      'GET /orders/:id',
    ])
  })
})

describe('template rendering', () => {
  it.each([
    ['jinja2.render', {}, 'opentelemetry.instrumentation.jinja2'],
    ['render orders/index', {}, 'app'],
    ['express.view', {}, 'app'],
    ['orders/list.html.erb', {}, 'app'],
    ['work', { 'template.name': 'orders.html' }, 'app'],
    ['work', {}, 'django.template'],
  ])('is told by name, attribute or scope: %s %o %s', (name, attributes, scopeName) => {
    const [row] = store([{ id: 1, parent: 9, name, attributes }], { name: scopeName })
    expect(row?.category).toBe('render')
  })

  it('is not seen in words that only begin alike', () => {
    const rows = store([
      { parent: 9, name: 'rendezvous' },
      { parent: 9, name: 'templates_sync.load' },
    ])
    expect(rows.map(row => row.category)).toEqual(['other', 'other'])
  })
})

describe('resources', () => {
  it('name environment, service and instance, whichever generation tells them', () => {
    engine.truncate()
    const buffer = scratchBuffer()
    const senders = [
      {
        'service.name': 'a',
        'deployment.environment': 'staging',
        'host.name': 'h',
        'process.pid': 7,
      },
      {
        'service.name': 'b',
        'deployment.environment.name': 'production',
        'service.instance.id': 'i',
      },
      { 'k8s.pod.name': 'pod-1', 'service.name': '' },
    ]
    for (const sender of senders) {
      sendProtobuf(buffer, 'traces', sentTraces([sentSpan()], sender))
      sendProtobuf(buffer, 'traces', sentTraces([sentSpan()], sender))
    }
    engine.load(buffer.take(NOW_MS / 1000))
    expect(
      engine.query('SELECT environment, service, instance FROM resources ORDER BY service'),
    ).toEqual([
      { environment: 'staging', service: 'a', instance: 'h:7' },
      { environment: 'production', service: 'b', instance: 'i' },
      { environment: 'development', service: 'unknown_service', instance: 'pod-1' },
    ])
  })
})
