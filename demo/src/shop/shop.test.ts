import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { openDatabase } from './database.ts'
import { FAULT_NAMES } from './faults.ts'
import { type RunningShop, startShop } from './start-shop.ts'

const directory = mkdtempSync(join(tmpdir(), 'demo-shop-'))
let postgres: EmbeddedPostgres
let shop: RunningShop

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ directory, settings: { fsync: 'off' } })
  shop = await startShop({ databaseUrl: postgres.url, port: 0, faults: [] })
})

afterAll(async () => {
  await shop?.close()
  await postgres?.stop()
  rmSync(directory, { recursive: true, force: true })
})

const PAGES = [
  '/',
  '/categories/category-3?page=2',
  '/products/42',
  '/customers/77/orders?status=delivered',
  '/orders/recent',
  '/reports/sales',
]

async function text(path: string): Promise<string> {
  const response = await fetch(shop.url + path)
  expect(response.status).toBe(200)
  return response.text()
}

async function switchFaults(on: boolean, names: readonly string[] = FAULT_NAMES) {
  const response = await fetch(`${shop.url}/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(names.map(name => [name, on]))),
  })
  return { status: response.status, body: await response.json() }
}

async function checkout(): Promise<number> {
  const response = await fetch(`${shop.url}/checkout`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ customerId: 3, productIds: [1, 2] }),
  })
  return response.status
}

async function indexes(): Promise<readonly string[]> {
  const database = openDatabase(postgres.url)
  const { rows } = await database.query(
    "SELECT indexname FROM pg_indexes WHERE tablename = 'orders' ORDER BY 1",
  )
  await database.end()
  return rows.map(row => row.indexname)
}

describe('the shop', () => {
  it('shows every page, healthy or not, and the faults change no answer', async () => {
    const healthy = await Promise.all(PAGES.map(text))
    await switchFaults(true)
    const faulty = await Promise.all(PAGES.map(text))
    await switchFaults(false)
    PAGES.forEach((page, at) => {
      if (page.startsWith('/categories')) {
        expect(faulty[at]?.length).toBeGreaterThan(10 * (healthy[at]?.length ?? 0))
      } else expect(faulty[at]).toBe(healthy[at])
    })
  })

  it('takes orders, and fails one in four while the fault is on', async () => {
    expect(await checkout()).toBe(201)
    await switchFaults(true, ['error-burst'])
    const statuses = []
    for (let n = 0; n < 8; n++) statuses.push(await checkout())
    await switchFaults(false, ['error-burst'])
    expect(statuses.filter(status => status === 500)).toHaveLength(2)
  })

  it('has the index of customers’ orders only while it is healthy', async () => {
    expect(await indexes()).toContain('orders_customer_status')
    await switchFaults(true, ['missing-index'])
    expect(await indexes()).not.toContain('orders_customer_status')
    await switchFaults(false, ['missing-index'])
  })

  it('refuses a fault that it does not know', async () => {
    const { status, body } = await switchFaults(true, ['n-plus-two'])
    expect(status).toBe(400)
    expect(body).toEqual({ unknown: ['n-plus-two'] })
  })

  it('answers 404 for what is not there', async () => {
    expect((await fetch(`${shop.url}/products/999999`)).status).toBe(404)
    expect((await fetch(`${shop.url}/categories/none`)).status).toBe(404)
  })

  it('seeds an empty database once', async () => {
    const again = await startShop({ databaseUrl: postgres.url, port: 0, faults: [] })
    await again.close()
  })
})
