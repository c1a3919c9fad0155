import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { Knobs } from '../control/knobs.ts'
import { offerSequelizePoolKnobs, offerTarnPoolKnobs } from './mapper-pools.ts'
import { offerMysql2PoolKnobs } from './mysql2-pool.ts'
import { offerPgPoolKnobs } from './pg-pool.ts'

const require = createRequire(new URL('../../../../tests/agent/ecosystem/app.js', import.meta.url))

/** No server is there: what a pool would do with more connections is the driver's own. */
const nowhere = { host: '127.0.0.1', port: 9 }

function knobsOf(name: string): Knobs {
  const enabled = new Map([[name, { minimum: 2, maximum: 50 }]])
  return new Knobs({ knobs: enabled, ownKnobs: [] }, () => {})
}

it('turns the size of each pool of pg, of later ones too, and puts back what each had', async () => {
  const knobs = knobsOf('pg.pool.max')
  const Pool = require('pg-pool')
  offerPgPoolKnobs(knobs, Pool)
  expect(knobs.reports()).toEqual([])
  const small = new Pool({ ...nowhere, max: 3 })
  const large = new Pool({ ...nowhere, max: 7 })
  for (const pool of [small, large]) await pool.connect().catch(() => {})
  expect(knobs.reports()).toMatchObject([{ name: 'pg.pool.max', value: 7 }])
  knobs.turn([{ name: 'pg.pool.max', value: 20 }])
  const later = new Pool({ ...nowhere, max: 1 })
  await later.connect().catch(() => {})
  expect([small, large, later].map(({ options }) => options.max)).toEqual([20, 20, 20])
  knobs.turn([])
  expect([small, large, later].map(({ options }) => options.max)).toEqual([3, 7, 1])
})

it('turns the size of a pool of mysql2, and puts it back', async () => {
  const knobs = knobsOf('mysql2.pool.max')
  offerMysql2PoolKnobs(knobs, require('mysql2').Pool)
  const pool = require('mysql2').createPool({ ...nowhere, connectionLimit: 4 })
  await new Promise(resolve => pool.getConnection(resolve))
  expect(knobs.reports()).toMatchObject([{ name: 'mysql2.pool.max', value: 4 }])
  knobs.turn([{ name: 'mysql2.pool.max', value: 9 }])
  expect(pool.config.connectionLimit).toBe(9)
  knobs.turn([])
  expect(pool.config.connectionLimit).toBe(4)
})

it.each(['tarn', 'sequelize'] as const)(
  'turns the size and the patience of a pool of %s, and puts them back',
  async name => {
    const names = [`${name}.pool.max`, `${name}.pool.acquire_timeout`]
    const bounds = names.map(own => [own, { minimum: 1, maximum: 60_000 }] as const)
    const knobs = new Knobs({ knobs: new Map(bounds), ownKnobs: [] }, () => {})
    const exports = require(name === 'tarn' ? 'tarn/dist/Pool.js' : 'sequelize-pool/lib/Pool.js')
    if (name === 'tarn') offerTarnPoolKnobs(knobs, exports)
    else offerSequelizePoolKnobs(knobs, exports)
    let made = 0
    const pool = new exports.Pool({
      create: async () => ({ n: ++made }),
      destroy: async () => {},
      validate: () => true,
      min: 0,
      max: 2,
      acquireTimeoutMillis: 5_000,
    })
    // One of them answers by a promise inside.
    const acquire = () => {
      const asked = pool.acquire()
      return (asked.promise ?? asked) as Promise<object>
    }
    const held = [await acquire(), await acquire()]
    expect(knobs.reports().map(({ value }) => value)).toEqual([2, 5_000])
    knobs.turn([
      { name: names[0] ?? '', value: 3 },
      { name: names[1] ?? '', value: 40 },
    ])
    held.push(await acquire())
    await expect(acquire()).rejects.toThrow()
    knobs.turn([])
    expect(knobs.reports().map(({ value, own_value }) => [value, own_value])).toEqual([
      [2, 2],
      [5_000, 5_000],
    ])
    for (const connection of held) pool.release(connection)
    expect(made).toBe(3)
  },
)

it('lets a pool connect whose options the application has frozen', async () => {
  const knobs = knobsOf('pg.pool.max')
  const Pool = require('pg-pool')
  offerPgPoolKnobs(knobs, Pool)
  const pool = new Pool({ ...nowhere, max: 3 })
  await pool.connect().catch(() => {})
  knobs.turn([{ name: 'pg.pool.max', value: 20 }])
  const frozen = new Pool(nowhere)
  Object.freeze(frozen.options)
  await expect(frozen.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  knobs.turn([])
})
