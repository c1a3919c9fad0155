// A table in PostgreSQL, MariaDB and SQLite, read in the ways of their drivers. Environment: HASHES_POSTGRES, and
// HASHES_MARIADB where there is one. Prints its port. `/DRIVER/read?id=1` reads a row, `/DRIVER/price?id=1&price=7` changes
// it, `/DRIVER/many?rows=10` reads many, `/DRIVER/streamed` a few one after the other, `/DRIVER/strange` what hides
// what it is, `/DRIVER/unlike` by a parameter that is too long to be told apart from others. `/mysql2/one?id=1` gives one
// value without a list around it.

import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import mysql from 'mysql2/promise'
import pg from 'pg'

const besides = createRequire(new URL('../nodes/package.json', import.meta.url))
const Cursor = besides('pg-cursor')
const TABLE =
  'CREATE TEMPORARY TABLE hashed (id integer PRIMARY KEY, price integer, added timestamp)'
const ROW = "INSERT INTO hashed VALUES (1, 5, '2026-01-02 03:04:05')"
const READ = 'SELECT id, price, added FROM hashed WHERE id = '
const CHANGE = ['UPDATE hashed SET price = ', ' WHERE id = ']

const drivers = {}

const pool = new pg.Pool({ connectionString: process.env.HASHES_POSTGRES, max: 1 })
await pool.query(TABLE)
await pool.query(ROW)
class Hidden {
  #text
  constructor(text) {
    this.#text = text
  }
  toJSON() {
    return this.#text
  }
}
drivers.pg = {
  read: async id => (await pool.query(`${READ}$1`, [id])).rows,
  price: (id, price) => pool.query(`${CHANGE[0]}$1${CHANGE[1]}$2`, [price, id]),
  many: async rows =>
    (
      await pool.query({
        text: 'SELECT n, md5(n::text) FROM generate_series(1, $1) n',
        values: [rows],
      })
    ).rows.length,
  streamed: async () => {
    const client = await pool.connect()
    try {
      const cursor = client.query(new Cursor('SELECT n FROM generate_series(1, 5) n'))
      const rows = await cursor.read(10)
      await cursor.close()
      return rows
    } finally {
      client.release()
    }
  },
  strange: async () =>
    (
      await pool.query({
        text: 'SELECT 1 AS one',
        types: { getTypeParser: () => text => new Hidden(text) },
      })
    ).rows,
  unlike: async () =>
    (await pool.query('SELECT 1 AS one WHERE length($1) > 0', ['x'.repeat(100_000)])).rows,
}

if (process.env.HASHES_MARIADB) {
  const connection = await mysql.createConnection(process.env.HASHES_MARIADB)
  await connection.query('CREATE DATABASE IF NOT EXISTS hashing')
  await connection.query('USE hashing')
  await connection.query(TABLE)
  await connection.query(ROW)
  drivers.mysql2 = {
    one: async id => (await connection.query(`${READ}?`, id))[0],
    read: async id => (await connection.execute(`${READ}?`, [id]))[0],
    price: (id, price) => connection.query(`${CHANGE[0]}?${CHANGE[1]}?`, [price, id]),
    many: async rows =>
      (await connection.query('SELECT seq, md5(seq) FROM seq_1_to_100000 LIMIT ?', [rows]))[0]
        .length,
    streamed: () =>
      new Promise((resolve, reject) => {
        const rows = []
        connection.connection
          .query('SELECT seq FROM seq_1_to_5')
          .stream()
          .on('data', row => rows.push(row))
          .on('error', reject)
          .on('end', () => resolve(rows))
      }),
  }
}

for (const [name, open] of Object.entries({
  'better-sqlite3': () => new (besides('better-sqlite3'))(':memory:'),
  'node:sqlite': async () => new (await import('node:sqlite')).DatabaseSync(':memory:'),
})) {
  if (Number(process.versions.node.split('.')[0]) < 24) continue
  const database = await open()
  database.exec(TABLE)
  database.exec(ROW)
  const numbers =
    'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?) SELECT i, hex(i) FROM n'
  drivers[name] = {
    read: id => database.prepare(`${READ}?`).get(id),
    ...(name === 'better-sqlite3'
      ? { bound: id => database.prepare(`${READ}?`).bind(id).get() }
      : {}),
    price: (id, price) => database.prepare(`${CHANGE[0]}?${CHANGE[1]}?`).run(price, id),
    many: rows => database.prepare(numbers).all(rows).length,
    streamed: () => [...database.prepare('SELECT id FROM hashed').iterate()],
  }
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const [, driver, action] = url.pathname.split('/')
  if (driver === 'exit') {
    response.end()
    process.exit(0)
  }
  const answer = await drivers[driver][action](...[...url.searchParams.values()].map(Number))
  response.end(JSON.stringify(answer))
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
