// Small shops on one PostgreSQL by `postgres`: as an ES module, as CommonJS, and by Drizzle, as their users write them.
// Environment: SHOP_DATABASE, a URL. Prints its port.

import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { eq } from 'drizzle-orm'
import { integer, pgTable, serial, text } from 'drizzle-orm/pg-core'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'

const url = process.env.SHOP_DATABASE
const options = { max: 3, onnotice() {} }
const sql = postgres(url, options)
const commonSql = createRequire(import.meta.url)('postgres')(url, options)
const goods = pgTable('goods', {
  id: serial('id').primaryKey(),
  name: text('name').notNull(),
  price: integer('price').notNull(),
})
const db = drizzle(postgres(url, options))

await sql`CREATE TABLE IF NOT EXISTS goods (id serial PRIMARY KEY, name text NOT NULL, price integer NOT NULL)`
await sql`INSERT INTO goods (name, price) SELECT 'good ' || n, n FROM generate_series(1, 20) n`

const routes = {
  async '/tagged'() {
    const [one] = await sql`SELECT name FROM goods WHERE id = ${1}`
    const both = await Promise.all([2, 3].map(id => sql`SELECT price FROM goods WHERE id = ${id}`))
    const cheap = sql`price < ${5}`
    const some = await sql`SELECT ${sql(['id', 'name'])} FROM goods WHERE ${cheap}`
    return [one.name, both.length, some.count]
  },
  async '/unsafe'() {
    const some = await sql.unsafe('SELECT id FROM goods WHERE price > $1', [15])
    const several = await sql`SELECT 1; SELECT id FROM goods LIMIT 2`.simple()
    return [some.length, several.length]
  },
  async '/transaction'() {
    return sql.begin(async own => {
      await own`UPDATE goods SET price = price WHERE id = ${4}`
      await own.savepoint(inner => inner`SELECT count(*) FROM goods WHERE price > 3`)
      return 'done'
    })
  },
  async '/cursor'() {
    const seen = []
    for await (const rows of sql`SELECT id FROM goods ORDER BY id LIMIT 6`.cursor(4)) {
      seen.push(rows.length)
    }
    await sql`SELECT id FROM goods ORDER BY id LIMIT 3`.forEach(row => {
      seen.push(row.id)
      if (row.id === 1) seen.push(sql`SELECT 2 AS within`.execute())
    })
    return (await Promise.all(seen)).length
  },
  async '/common'() {
    const [one] = await commonSql`SELECT name FROM goods WHERE id = ${5}`
    return one.name
  },
  async '/drizzle'() {
    const some = await db.select().from(goods).where(eq(goods.price, 8))
    await db.transaction(async tx => {
      await tx.update(goods).set({ price: 8 }).where(eq(goods.id, 8))
    })
    return some.length
  },
  async '/wrong'() {
    const failures = []
    for (const attempt of [
      () => sql`SELECT nothing_here FROM goods`.simple(),
      () => commonSql.unsafe('SELECT nothing_there FROM goods'),
      () => db.execute('SELECT nothing_of_it'),
    ]) {
      await attempt().catch(error => failures.push((error.cause ?? error).code))
    }
    return failures
  },
  // Before anything is sent.
  '/unhandled': () =>
    new Promise(resolve => {
      process.once('unhandledRejection', reason => resolve(reason.code))
      sql`SELECT nothing_waited_for`.execute()
    }),
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
