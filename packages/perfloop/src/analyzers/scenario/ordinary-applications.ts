import type { PlantedTruth } from './stories.ts'
import type { Execution, Telemetry } from './telemetry.ts'

/** What ordinary applications do that looks like a problem and is none, or is one and does not look like it. */
export interface OrdinaryApplication {
  readonly name: string
  readonly truth: readonly PlantedTruth[]
  tell(telemetry: Telemetry): void
}

const REQUESTS = 30

function times(count: number, act: (index: number) => void): void {
  for (let index = 0; index < count; index++) act(index)
}

function requests(route: string, inside: (request: Execution, index: number) => void) {
  return (telemetry: Telemetry) =>
    times(REQUESTS, index => telemetry.request(route, request => inside(request, index)))
}

function job(name: string, inside: (job: Execution) => void) {
  return (telemetry: Telemetry) => telemetry.job(name, inside)
}

function healthy(name: string, tell: OrdinaryApplication['tell']): OrdinaryApplication {
  return { name, truth: [], tell }
}

/** An ORM's spans around the driver's, as Prisma and ActiveRecord have them: without the statement. */
function mapped(request: Execution, model: string, query: (engine: Execution) => void): void {
  request.span(`${model}.findMany`, operation =>
    operation.span('engine:query', engine => {
      engine.span('engine:connection', connection => connection.compute(0.1))
      query(engine)
      engine.span('engine:serialize', serialize => serialize.compute(0.1))
    }),
  )
}

export const ORDINARY_APPLICATIONS: readonly OrdinaryApplication[] = [
  healthy(
    'a job that reads a table page by page',
    job('export ledger', run => {
      times(80, page =>
        run.query(`SELECT * FROM ledger ORDER BY id LIMIT {500} OFFSET {${page * 500}}`, { ms: 8 }),
      )
    }),
  ),
  healthy(
    'a job that reads on from the last key, within one tenant',
    job('export tenant', run => {
      run.query('SELECT * FROM tenants WHERE id = {4}', { rows: 1 })
      times(80, page =>
        run.query(
          `SELECT * FROM bookings WHERE tenant_id = {4} AND id > {${page * 500}} ORDER BY id LIMIT {500}`,
          { ms: 8, rows: 500 },
        ),
      )
    }),
  ),
  healthy(
    'a request that reads a few pages',
    requests('GET /feed', request =>
      times(8, page =>
        request.query(`SELECT * FROM feed ORDER BY at DESC LIMIT {50} OFFSET {${page * 50}}`),
      ),
    ),
  ),
  healthy(
    'a job that asks for many keys in portions',
    job('reindex', run => {
      run.query('SELECT id FROM documents', { rows: 60_000, ms: 60 })
      times(60, part => run.query(`SELECT * FROM documents WHERE id IN ({${part}}, {${part + 1}})`))
    }),
  ),
  healthy(
    'a job that writes many rows in portions',
    job('import prices', run =>
      times(60, part =>
        run.query(`INSERT INTO prices (id, cents) VALUES ({${part}}, {1}), ({2}, {3})`, { ms: 4 }),
      ),
    ),
  ),
  healthy(
    'a mapper that reads the schema at the first request',
    requests('GET /first', (request, index) => {
      if (index > 0) return
      times(14, table =>
        request.query(
          `SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attrelid = {${table}}`,
        ),
      )
    }),
  ),
  healthy(
    'a worker that empties a queue',
    job('work', run =>
      times(60, n =>
        run.query(
          `SELECT * FROM tasks WHERE due_at < {${n}} ORDER BY due_at LIMIT {1} FOR UPDATE SKIP LOCKED`,
        ),
      ),
    ),
  ),
  healthy(
    'loaders that ask once for each level',
    requests('POST /graphql', request => {
      request.query('SELECT id, author_id FROM articles LIMIT {50}', { rows: 50 })
      request.query('SELECT * FROM authors WHERE id IN ({1}, {2}, {3})', { rows: 3 })
      request.query('SELECT * FROM comments WHERE article_id IN ({1}, {2})', { rows: 90 })
      request.query('SELECT * FROM reactions WHERE comment_id IN ({1}, {2})', { rows: 90 })
    }),
  ),
  healthy('one look-up in every one of many operations', telemetry =>
    times(12, operation =>
      requests(`GET /area${operation}`, request =>
        request.query('SELECT * FROM sessions WHERE token = {7}', { rows: 1 }),
      )(telemetry),
    ),
  ),
  healthy('messages that are handled one by one', telemetry =>
    times(60, message =>
      telemetry.job(
        'orders process',
        one => {
          one.query(`SELECT * FROM orders WHERE id = {${message}}`, { rows: 1 })
          one.query(`UPDATE orders SET state = {'done'} WHERE id = {${message}}`)
        },
        'consumer',
      ),
    ),
  ),
  healthy('messages whose handling is work', telemetry =>
    times(REQUESTS, () =>
      telemetry.job('thumbnails process', message => message.compute(1_500), 'consumer'),
    ),
  ),
  healthy(
    'a nightly job whose aggregates take their time',
    job('nightly figures', run =>
      times(4, () =>
        run.query('SELECT region, sum(total) FROM sales GROUP BY region', { ms: 700, rows: 9 }),
      ),
    ),
  ),
  healthy(
    'a migration',
    job('migrate', run => {
      run.query('ALTER TABLE sales ADD COLUMN note text', { ms: 900 })
      run.query('CREATE INDEX sales_note ON sales (note)', { ms: 1_800 })
    }),
  ),
  healthy(
    'things that are not there',
    requests('GET /articles/:slug', (request, index) => {
      request.query(`SELECT * FROM articles WHERE slug = {'${index}'}`)
      if (index % 2 === 0) request.respond(404)
    }),
  ),
  healthy(
    'refusals that a framework takes for errors',
    requests('POST /login', (request, index) => {
      request.query(`SELECT * FROM members WHERE email = {'${index}'}`)
      if (index % 2 === 0) request.respond(401, 'error')
    }),
  ),
  healthy('a stream of events and a socket', telemetry => {
    requests('GET /api/events', request => request.compute(45_000))(telemetry)
    requests('GET /chat', request => {
      request.compute(60_000)
      request.respond(101)
    })(telemetry)
  }),
  healthy(
    'a first request that warms up',
    requests('GET /prices', (request, index) => request.compute(index === 0 ? 4_000 : 20)),
  ),
  {
    name: 'failures that nobody marked as such',
    truth: [{ kind: 'error-rate', operation: 'GET /quotes' }],
    tell: requests('GET /quotes', (request, index) => {
      request.query(`SELECT * FROM quotes WHERE id = {${index}}`)
      if (index % 3 === 0) request.respond(503)
    }),
  },
  {
    name: 'one query per row, where rows share what is loaded',
    truth: [{ kind: 'n-plus-one', operation: 'GET /articles', statement: 'authors' }],
    tell: requests('GET /articles', request => {
      request.query('SELECT * FROM articles ORDER BY at DESC LIMIT {24}', { rows: 24 })
      times(24, article => request.query(`SELECT * FROM authors WHERE id = {${article % 4}}`))
    }),
  },
  {
    name: 'one query per row, below an ORM that pages everything',
    truth: [{ kind: 'n-plus-one', operation: 'GET /shelves', statement: 'Book' }],
    tell: requests('GET /shelves', request => {
      mapped(request, 'Shelf', engine =>
        engine.query('SELECT public.Shelf.id FROM public.Shelf WHERE 1=1 LIMIT {30} OFFSET {0}', {
          rows: 30,
        }),
      )
      times(30, shelf =>
        mapped(request, 'Book', engine =>
          engine.query(
            `SELECT public.Book.id FROM public.Book WHERE public.Book.shelfId = {${shelf}} OFFSET {0}`,
            { rows: 4 },
          ),
        ),
      )
    }),
  },
  {
    name: 'the newest few of each row',
    truth: [{ kind: 'n-plus-one', operation: 'GET /topics', statement: 'replies' }],
    tell: requests('GET /topics', request => {
      request.query('SELECT * FROM topics ORDER BY name LIMIT {20}', { rows: 20 })
      times(20, topic =>
        request.query(
          `SELECT * FROM replies WHERE topic_id = {${topic}} ORDER BY at DESC LIMIT {3}`,
          { rows: 3 },
        ),
      )
    }),
  },
  {
    name: 'one query per row of a list of one key',
    truth: [{ kind: 'n-plus-one', operation: 'GET /albums', statement: 'tracks' }],
    tell: requests('GET /albums', request => {
      request.query('SELECT * FROM albums', { rows: 15 })
      times(15, album => request.query(`SELECT * FROM tracks WHERE album_id IN ({${album}})`))
    }),
  },
  {
    name: 'one query per row of a message',
    truth: [{ kind: 'n-plus-one', operation: 'invoices process', statement: 'positions' }],
    tell: telemetry =>
      times(REQUESTS, () =>
        telemetry.job(
          'invoices process',
          message => {
            message.query('SELECT * FROM invoices WHERE due = {1}', { rows: 18 })
            times(18, invoice =>
              message.query(`SELECT * FROM positions WHERE invoice_id = {${invoice}}`),
            )
          },
          'consumer',
        ),
      ),
  },
  healthy(
    'calls to another service, side by side',
    requests('GET /prices', request =>
      request.parallel(
        Array.from({ length: 8 }, (_, ware) => (branch: Execution) => {
          branch.call(`http://prices.test/wares/${100 + ware}`, 30)
        }),
      ),
    ),
  ),
  healthy('a page of a few hundred rows, and a job that reads everything', telemetry => {
    requests('GET /catalogue', request =>
      request.query('SELECT name FROM wares ORDER BY name LIMIT {200}', { rows: 200 }),
    )(telemetry)
    job('export wares', run => run.query('SELECT name FROM wares', { rows: 90_000, ms: 90 }))(
      telemetry,
    )
  }),
  {
    name: 'a call to another service for each row',
    truth: [{ kind: 'repeated-call', operation: 'GET /basket' }],
    tell: requests('GET /basket', request =>
      times(12, ware => request.call(`http://prices.test/wares/${100 + ware}`, 8)),
    ),
  },
  {
    name: 'a service that waits for another one',
    truth: [{ kind: 'slow-operation', operation: 'GET /weather' }],
    tell: requests('GET /weather', request => request.call('http://forecast.test/today', 900)),
  },
]
