// Small shops on one MariaDB by `mariadb`: as an ES module, as CommonJS with callbacks, and by Sequelize, as their users
// write them. Environment: SHOP_DATABASE, a URL. Prints its port.

import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import mariadb from 'mariadb'
import { DataTypes, Sequelize } from 'sequelize'

const callbacks = createRequire(import.meta.url)('mariadb/callback')
const { hostname: host, port, username: user } = new URL(process.env.SHOP_DATABASE)
const address = { host, port: Number(port), user }
const setUp = await mariadb.createConnection(address)
await setUp.query('CREATE DATABASE IF NOT EXISTS store')
await setUp.query('DROP TABLE IF EXISTS store.ware')
await setUp.query(`CREATE TABLE store.ware
  (id integer PRIMARY KEY AUTO_INCREMENT, name varchar(50), price integer, shelf integer)`)
await setUp.query(
  `INSERT INTO store.ware (name, price) VALUES ('apple', 1), ('pear', 2), ('plum', 3), ('fig', 4)`,
)
await setUp.end()

const shop = { ...address, database: 'store' }
const pool = mariadb.createPool({ ...shop, connectionLimit: 4, multipleStatements: true })
const callbackPool = callbacks.createPool({ ...shop, connectionLimit: 2 })
// They open all of their connections by themselves, one after the other.
while (pool.idleConnections() < 4 || callbackPool.idleConnections() < 2) {
  await new Promise(resolve => setTimeout(resolve, 20))
}
const sequelize = new Sequelize('store', user, '', {
  host,
  port: Number(port),
  dialect: 'mariadb',
  logging: false,
  pool: { max: 2 },
})
const SequelizeWare = sequelize.define(
  'Ware',
  { name: DataTypes.STRING, price: DataTypes.INTEGER, shelf: DataTypes.INTEGER },
  { tableName: 'ware', timestamps: false },
)

const routes = {
  async '/promise'() {
    const [one] = await pool.query('SELECT name FROM ware WHERE id = ?', [1])
    const both = await Promise.all(
      [1, 2].map(id => pool.query('SELECT price FROM ware WHERE id = ?', [id])),
    )
    const { affectedRows } = await pool.query('UPDATE ware SET shelf = 1 WHERE id < 4')
    return [one.name, both.length, affectedRows]
  },
  async '/prepared'() {
    const [one] = await pool.execute('SELECT price AS asked FROM ware WHERE id = ?', [2])
    const connection = await pool.getConnection()
    try {
      const prepared = await connection.prepare('SELECT id FROM ware WHERE price > ?')
      const rows = await prepared.execute([2])
      prepared.close()
      return [one.asked, rows.length]
    } finally {
      await connection.release()
    }
  },
  async '/transaction'() {
    const connection = await pool.getConnection()
    try {
      await connection.beginTransaction()
      await connection.query('UPDATE ware SET shelf = 2 WHERE id = 4')
      await connection.rollback()
      return 'rolled back'
    } finally {
      await connection.release()
    }
  },
  async '/stream'() {
    const connection = await pool.getConnection()
    try {
      let rows = 0
      for await (const _row of connection.queryStream('SELECT id FROM ware LIMIT 3')) rows++
      return rows
    } finally {
      await connection.release()
    }
  },
  async '/several'() {
    return (await pool.query('SELECT 1 AS one; SELECT id FROM ware')).length
  },
  '/callback': () =>
    new Promise((resolve, reject) => {
      callbackPool.query('SELECT shelf FROM ware WHERE id = 3', (error, first) => {
        if (error) return reject(error)
        callbackPool.query('SELECT max(price) AS most FROM ware', (failure, second) =>
          failure ? reject(failure) : resolve([first, second]),
        )
      })
    }),
  async '/sequelize'() {
    const some = await SequelizeWare.findAll({ where: { price: [1, 2] } })
    return some.length
  },
  // More at once than the pool has connections.
  async '/starved'() {
    await Promise.all(Array.from({ length: 12 }, () => pool.query('SELECT sleep(0.2)')))
    return 'done'
  },
  async '/wrong'() {
    const failures = []
    for (const attempt of [
      () => pool.query('SELECT nothing_here FROM ware'),
      () => SequelizeWare.findOne({ attributes: ['nothing'] }),
    ]) {
      await attempt().catch(error => failures.push((error.parent ?? error).code))
    }
    await new Promise(resolve => {
      callbackPool.query('SELECT nothing_by_callback', error => resolve(failures.push(error.code)))
    })
    return failures
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
