// Small shops on one PostgreSQL, each by another driver or mapper, as their users write them. Environment:
// SHOP_DATABASE, a URL; PRISMA_CLIENT, where a client of Prisma was generated. Prints its port. `/pool`, `/knex`, …
// answer what they have read.

import 'reflect-metadata'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { PrismaPg } from '@prisma/adapter-pg'
import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, serial, text } from 'drizzle-orm/pg-core'
import Knex from 'knex'
import pg from 'pg'
import { DataTypes, Sequelize } from 'sequelize'
import { DataSource, EntitySchema } from 'typeorm'

const besides = createRequire(new URL('../nodes/package.json', import.meta.url))
const Cursor = besides('pg-cursor')

const url = process.env.SHOP_DATABASE
const pool = new pg.Pool({ connectionString: url, max: 4 })
await pool.query(`CREATE TABLE IF NOT EXISTS ware (
  id serial PRIMARY KEY, name text NOT NULL, price integer NOT NULL, shelf integer NOT NULL DEFAULT 0)`)
await pool.query(
  `INSERT INTO ware (name, price) SELECT 'ware ' || n, n FROM generate_series(1, 20) n`,
)

const knex = Knex({ client: 'pg', connection: url, pool: { min: 0, max: 3 } })

const sequelize = new Sequelize(url, { logging: false, pool: { max: 3 } })
const SequelizeWare = sequelize.define(
  'Ware',
  { name: DataTypes.TEXT, price: DataTypes.INTEGER, shelf: DataTypes.INTEGER },
  { tableName: 'ware', timestamps: false },
)

const TypeormWare = new EntitySchema({
  name: 'TypeormWare',
  tableName: 'ware',
  columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: 'text' },
    price: { type: 'integer' },
    shelf: { type: 'integer', default: 0 },
  },
})
const typeorm = await new DataSource({
  type: 'postgres',
  url,
  entities: [TypeormWare],
  poolSize: 3,
}).initialize()

const drizzleWare = pgTable('ware', {
  id: serial('id').primaryKey(),
  name: text('name').notNull(),
  price: integer('price').notNull(),
  shelf: integer('shelf').notNull().default(0),
})
const drizzleDb = drizzle(pool)

const { PrismaClient } = (await import(process.env.PRISMA_CLIENT)).default
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 3 }) })

// MikroORM needs Node 22, and a `pg` of its own.
let mikro
let MikroWare
if (process.versions.node >= '22') {
  const { EntitySchema, MikroORM } = await import(besides.resolve('@mikro-orm/postgresql'))
  MikroWare = new EntitySchema({
    name: 'MikroWare',
    tableName: 'ware',
    properties: {
      id: { type: 'integer', primary: true, autoincrement: true },
      name: { type: 'text' },
      price: { type: 'integer' },
      shelf: { type: 'integer' },
    },
  })
  mikro = await MikroORM.init({ entities: [MikroWare], clientUrl: url, pool: { min: 0, max: 3 } })
}

const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

const routes = {
  async '/pool'() {
    const one = await pool.query('SELECT name FROM ware WHERE id = $1', [1])
    const two = await Promise.all(
      [2, 3].map(id => pool.query({ text: 'SELECT price FROM ware WHERE id = $1', values: [id] })),
    )
    const none = await pool.query({ name: 'none', text: 'SELECT 1 FROM ware WHERE id < 0' })
    return [one.rows, two.map(({ rows }) => rows), none.rowCount]
  },
  '/callback': () =>
    new Promise((resolve, reject) => {
      pool.query('SELECT count(*) FROM ware WHERE price < 5', (error, first) => {
        if (error) return reject(error)
        pool.query('SELECT max(price) FROM ware', (failure, second) =>
          failure ? reject(failure) : resolve([first.rows, second.rows]),
        )
      })
    }),
  async '/client'() {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      await client.query('UPDATE ware SET shelf = shelf + 1 WHERE id = $1', [4])
      await wait(2)
      await client.query('ROLLBACK')
      return 'rolled back'
    } finally {
      client.release()
    }
  },
  async '/cursor'() {
    const client = await pool.connect()
    try {
      const cursor = client.query(new Cursor('SELECT id FROM ware ORDER BY id'))
      const rows = [...(await cursor.read(5)), ...(await cursor.read(5))]
      await cursor.close()
      return rows.length
    } finally {
      client.release()
    }
  },
  async '/several'() {
    const results = await pool.query('SELECT 1 AS one; SELECT id FROM ware LIMIT 2')
    return results.map(({ rowCount }) => rowCount)
  },
  async '/knex'() {
    const some = await knex('ware').select('id', 'name').where('price', '<', 4)
    const moved = await knex.transaction(async trx => {
      await trx('ware').where({ id: 5 }).update({ shelf: 5 })
      return await trx('ware').where({ id: 5 }).first()
    })
    return [some.length, moved.shelf]
  },
  async '/sequelize'() {
    const some = await SequelizeWare.findAll({ where: { price: [1, 2, 3] } })
    const counted = await sequelize.transaction(async transaction => {
      await SequelizeWare.update({ shelf: 6 }, { where: { id: 6 }, transaction })
      return SequelizeWare.count({ where: { shelf: 6 }, transaction })
    })
    return [some.length, counted]
  },
  async '/typeorm'() {
    const repository = typeorm.getRepository(TypeormWare)
    const some = await repository.find({ where: { price: 7 } })
    await typeorm.transaction(async manager => {
      await manager.update(TypeormWare, { id: 7 }, { shelf: 7 })
      await manager.findOneBy(TypeormWare, { id: 7 })
    })
    return some.length
  },
  async '/drizzle'() {
    const some = await drizzleDb.select().from(drizzleWare).where(eq(drizzleWare.price, 8))
    await drizzleDb.transaction(async tx => {
      await tx.update(drizzleWare).set({ shelf: 8 }).where(eq(drizzleWare.id, 8))
      await tx.select({ id: drizzleWare.id }).from(drizzleWare).where(eq(drizzleWare.id, 8))
    })
    return some.length
  },
  async '/prisma'() {
    const some = await prisma.ware.findMany({ where: { price: 9 } })
    const [, counted] = await prisma.$transaction([
      prisma.ware.update({ where: { id: 9 }, data: { shelf: 9 } }),
      prisma.ware.count({ where: { shelf: 9 } }),
    ])
    return [some.length, counted]
  },
  async '/mikro'() {
    const em = mikro.em.fork()
    const some = await em.find(MikroWare, { price: 10 })
    await em.transactional(async own => {
      await own.nativeUpdate(MikroWare, { id: 10 }, { shelf: 10 })
    })
    return some.length
  },
  '/models': async () => (await import('./declared.mjs')).declaredModels(),
  // More at once than the pool has connections, and some that do not wait so long.
  async '/starved'() {
    const impatient = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 500 })
    const held = await impatient.connect()
    const failure = await impatient.connect().catch(error => error.message)
    held.release()
    await impatient.end()
    await Promise.all(Array.from({ length: 12 }, () => pool.query('SELECT pg_sleep(0.2)')))
    return failure
  },
  async '/starved-knex'() {
    const impatient = Knex({
      client: 'pg',
      connection: url,
      pool: { min: 0, max: 1, acquireTimeoutMillis: 500 },
    })
    const held = await impatient.client.acquireConnection()
    const failure = await impatient.raw('SELECT 1').catch(error => error.message)
    impatient.client.releaseConnection(held)
    await impatient.destroy()
    await Promise.all(Array.from({ length: 9 }, () => knex.raw('SELECT pg_sleep(0.2)')))
    return failure
  },
  async '/starved-sequelize'() {
    const impatient = new Sequelize(url, { logging: false, pool: { max: 1, acquire: 500 } })
    const held = await impatient.connectionManager.getConnection()
    const failure = await impatient.query('SELECT 1').catch(error => error.message)
    impatient.connectionManager.releaseConnection(held)
    await impatient.close()
    await Promise.all(Array.from({ length: 9 }, () => sequelize.query('SELECT pg_sleep(0.2)')))
    return failure
  },
  async '/wrong'() {
    const failures = []
    for (const attempt of [
      () => pool.query('SELECT nothing_here FROM ware'),
      () => knex('nowhere').select('id'),
      () => SequelizeWare.findOne({ attributes: ['nothing'] }),
      () => typeorm.query('SELECT nothing_at_all'),
      () => drizzleDb.execute('SELECT nothing_of_it'),
    ]) {
      await attempt().catch(error =>
        failures.push((error.cause ?? error).code ?? error.parent?.code),
      )
    }
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
