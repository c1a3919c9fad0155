import { readFileSync } from 'node:fs'
import pg from 'pg'

const SQL = new URL('../../sql/', import.meta.url)
/** The index that the fault `missing-index` is about. */
const CUSTOMER_INDEX = 'orders_customer_status'

export type Database = pg.Pool

export function openDatabase(url: string): Database {
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  // A connection that breaks while nobody uses it: the pool has dropped it already and makes a new one.
  pool.on('error', () => {})
  return pool
}

/** Makes the shop's tables and rows, unless they are there. */
export async function ensureSeeded(database: Database): Promise<void> {
  const { rows } = await database.query("SELECT to_regclass('reviews') IS NOT NULL AS seeded")
  if (rows[0]?.seeded === true) return
  const client = await database.connect()
  try {
    await client.query('BEGIN')
    for (const file of ['schema.sql', 'seed.sql', 'constraints.sql']) {
      await client.query(readFileSync(new URL(file, SQL), 'utf8'))
    }
    await client.query('COMMIT')
  } finally {
    client.release()
  }
}

/** The healthy shop has an index of its own for a customer's orders; the faulty one lacks it. */
export async function setCustomerIndex(database: Database, present: boolean): Promise<void> {
  await database.query(
    present
      ? `CREATE INDEX IF NOT EXISTS ${CUSTOMER_INDEX} ON orders (customer_id, status, created_at DESC)`
      : `DROP INDEX IF EXISTS ${CUSTOMER_INDEX}`,
  )
}
