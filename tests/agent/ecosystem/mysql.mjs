// Small shops on one MariaDB, each by another way of mysql2 or by a mapper, as their users write them. Environment:
// SHOP_DATABASE, a URL. Prints its port.

import { createServer } from 'node:http'
import { eq } from 'drizzle-orm'
import { int, mysqlTable, varchar } from 'drizzle-orm/mysql-core'
import { drizzle } from 'drizzle-orm/mysql2'
import Knex from 'knex'
import mysql from 'mysql2'
import promises from 'mysql2/promise'
import { DataTypes, Sequelize } from 'sequelize'
import { DataSource, EntitySchema } from 'typeorm'

const url = process.env.SHOP_DATABASE
const setUp = await promises.createConnection({ uri: url, multipleStatements: true })
const shop = new URL(url)
shop.pathname = '/shop'
await setUp.query(`CREATE DATABASE IF NOT EXISTS shop; USE shop; DROP TABLE IF EXISTS ware;
  CREATE TABLE ware (id integer PRIMARY KEY AUTO_INCREMENT, name varchar(50), price integer, shelf integer);
  INSERT INTO ware (name, price) VALUES ('apple', 1), ('pear', 2), ('plum', 3), ('fig', 4), ('date', 5)`)
await setUp.end()

const pool = mysql.createPool({ uri: shop.href, connectionLimit: 4, multipleStatements: true })
const promisePool = promises.createPool({ uri: shop.href, connectionLimit: 4 })
const cluster = mysql.createPoolCluster()
cluster.add('only', { uri: shop.href, connectionLimit: 2 })
const knex = Knex({ client: 'mysql2', connection: shop.href, pool: { min: 0, max: 2 } })
const sequelize = new Sequelize(shop.href, { logging: false, dialect: 'mysql', pool: { max: 2 } })
const SequelizeWare = sequelize.define(
  'Ware',
  { name: DataTypes.STRING, price: DataTypes.INTEGER, shelf: DataTypes.INTEGER },
  { tableName: 'ware', timestamps: false },
)
const TypeormWare = new EntitySchema({
  name: 'TypeormWare',
  tableName: 'ware',
  columns: {
    id: { type: Number, primary: true, generated: true },
    price: { type: 'integer' },
    shelf: { type: 'integer' },
  },
})
const typeorm = await new DataSource({
  type: 'mysql',
  url: shop.href,
  entities: [TypeormWare],
  poolSize: 2,
}).initialize()
const drizzleWare = mysqlTable('ware', {
  id: int('id').primaryKey(),
  name: varchar('name', { length: 50 }),
  price: int('price'),
})
const drizzleDb = drizzle(promisePool)

const routes = {
  '/callback': () =>
    new Promise((resolve, reject) => {
      pool.query('SELECT name FROM ware WHERE id = ?', [1], (error, first) => {
        if (error) return reject(error)
        pool.execute('SELECT price FROM ware WHERE id = ?', [2], (failure, second) =>
          failure ? reject(failure) : resolve([first, second]),
        )
      })
    }),
  async '/promise'() {
    const [one] = await promisePool.query('SELECT name FROM ware WHERE id = ?', [3])
    const both = await Promise.all(
      [1, 2].map(id => promisePool.execute({ sql: 'SELECT id FROM ware WHERE id = ?' }, [id])),
    )
    const [inserted] = await promisePool.query('UPDATE ware SET shelf = 1 WHERE id < ?', [4])
    return [one, both.length, inserted.affectedRows]
  },
  async '/transaction'() {
    const connection = await promisePool.getConnection()
    try {
      await connection.beginTransaction()
      await connection.query('UPDATE ware SET shelf = 2 WHERE id = 4')
      const prepared = await connection.prepare('SELECT shelf FROM ware WHERE id = ?')
      const [rows] = await prepared.execute([4])
      await connection.rollback()
      return rows
    } finally {
      connection.release()
    }
  },
  '/stream': () =>
    new Promise((resolve, reject) => {
      let rows = 0
      pool
        .query('SELECT id FROM ware')
        .stream()
        .on('data', () => rows++)
        .on('error', reject)
        .on('end', () => pool.query('SELECT 1 AS after_stream', () => resolve(rows)))
    }),
  '/several': () =>
    new Promise((resolve, reject) => {
      pool.query('SELECT 1; SELECT id FROM ware', (error, results) =>
        error ? reject(error) : resolve(results.length),
      )
    }),
  '/cluster': () =>
    new Promise((resolve, reject) => {
      cluster
        .of('*')
        .query('SELECT max(price) AS most FROM ware', (error, rows) =>
          error ? reject(error) : resolve(rows),
        )
    }),
  async '/knex'() {
    const some = await knex('ware').select('id').where('price', '<', 3)
    let streamed = 0
    for await (const _row of knex('ware').select('price').stream()) streamed++
    return [some.length, streamed]
  },
  async '/sequelize'() {
    const some = await SequelizeWare.findAll({ where: { price: [1, 2] } })
    return sequelize.transaction(async transaction => {
      await SequelizeWare.update({ shelf: 6 }, { where: { id: 5 }, transaction })
      return some.length
    })
  },
  async '/typeorm'() {
    const some = await typeorm.getRepository(TypeormWare).find({ where: { price: 5 } })
    return some.length
  },
  async '/drizzle'() {
    const some = await drizzleDb.select().from(drizzleWare).where(eq(drizzleWare.price, 4))
    return some.length
  },
  // More at once than the pool has connections.
  async '/starved'() {
    await Promise.all(Array.from({ length: 12 }, () => promisePool.query('SELECT sleep(0.2)')))
    return 'done'
  },
  // The server is only asked whether it could.
  '/unprepared': () =>
    promisePool.execute('SELECT nothing_there FROM ware').catch(error => error.code),
  async '/wrong'() {
    const failures = []
    for (const attempt of [
      () => promisePool.query('SELECT nothing_here FROM ware'),
      () => knex('nowhere').select('id'),
    ]) {
      await attempt().catch(error => failures.push(error.code))
    }
    await new Promise(resolve => {
      pool
        .query('SELECT nothing_in_events')
        .on('error', error => resolve(failures.push(error.code)))
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
