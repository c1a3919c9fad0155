// What applications and other tools do to `pg`, so that an agent beside them has to bear it. Environment:
// SHOP_DATABASE, a URL; OTHER_PG, another copy of `pg`. Prints its port; each route answers what the application saw.

import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import pg from 'pg'

const require = createRequire(import.meta.url)
const other = require(process.env.OTHER_PG)
const config = { connectionString: process.env.SHOP_DATABASE, max: 2 }

// Another tool, beside us: it replaces the method with its own, which calls ours.
const seenByOther = []
const { query } = pg.Client.prototype
pg.Client.prototype.query = function patched(...args) {
  seenByOther.push(typeof args[0] === 'string' ? args[0] : args[0]?.text)
  return query.apply(this, args)
}

const pool = new pg.Pool(config)
const otherPool = new other.Pool(config)

const routes = {
  async '/huge'() {
    const { rows } = await pool.query(`SELECT 1 AS one /* ${'x'.repeat(10_000_000)} */`)
    return rows[0].one
  },
  async '/parameters'() {
    const bytes = Buffer.from([0, 255, 254, 10])
    const { rows } = await pool.query('SELECT length($1::bytea) AS length', [bytes])
    const circular = {}
    circular.self = circular
    const failure = await pool.query('SELECT $1::text', [circular]).catch(error => error.name)
    return [rows[0].length, failure]
  },
  // The application's own error, and no other one.
  async '/getters'() {
    const asked = {
      values: [],
      get text() {
        throw new Error('the getter')
      },
    }
    return pool.query(asked).catch(error => error.message)
  },
  async '/nothing'() {
    const failures = []
    for (const asked of [undefined, null, 7, {}, [], Symbol('query')]) {
      try {
        await pool.query(asked)
      } catch (error) {
        failures.push(error.message)
      }
    }
    return failures
  },
  async '/copies'() {
    const [one, two] = await Promise.all([
      pool.query('SELECT 1 AS copy'),
      otherPool.query('SELECT 2 AS copy'),
    ])
    return [one.rows[0].copy, two.rows[0].copy, pg.Client !== other.Client, seenByOther.at(-1)]
  },
  '/strange-rejections': async () =>
    Promise.all(
      ['SELECT nothing_one', 'SELECT nothing_two'].map(text =>
        pool.query(text).then(
          () => 'answered',
          error => error.code,
        ),
      ),
    ),
  // Nobody waits for it, and the process ends before the database does.
  '/endless'() {
    pool.query('SELECT pg_sleep(3600)').catch(() => {})
    return 'asked'
  },
}

const server = createServer(async (request, response) => {
  if (request.url === '/exit') {
    response.end('now', () => setImmediate(() => process.exit(0)))
    return
  }
  try {
    response.end(JSON.stringify(await routes[request.url]()))
  } catch (error) {
    response.statusCode = 500
    response.end(String(error.stack))
  }
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
