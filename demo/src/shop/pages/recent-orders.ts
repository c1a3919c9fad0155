import type { RequestHandler } from 'express'
import type { Database } from '../database.ts'
import type { FaultSwitches } from '../faults.ts'

interface Order {
  readonly id: number
  readonly status: string
  readonly total_cents: number
  readonly created_at: Date
}

interface Item {
  readonly order_id: number
  readonly title: string
  readonly quantity: number
}

const RECENT =
  'SELECT id, status, total_cents, created_at FROM orders ORDER BY created_at DESC LIMIT 25'

export function recentOrdersPage(database: Database, faults: FaultSwitches): RequestHandler {
  return async (_request, response) => {
    const { rows: orders } = await database.query<Order>(RECENT)
    const items = faults.isOn('n-plus-one')
      ? await itemsOneByOne(database, orders)
      : await itemsTogether(database, orders)
    response.render('recent-orders', {
      orders: orders.map(order => ({
        ...order,
        items: items.filter(item => item.order_id === order.id),
      })),
    })
  }
}

/** What a lazy association of an ORM does in a loop. */
async function itemsOneByOne(database: Database, orders: readonly Order[]): Promise<Item[]> {
  const items: Item[] = []
  for (const order of orders) {
    const { rows } = await database.query<Item>(
      `SELECT i.order_id, p.title, i.quantity FROM order_items i
       JOIN products p ON p.id = i.product_id WHERE i.order_id = $1`,
      [order.id],
    )
    items.push(...rows)
  }
  return items
}

async function itemsTogether(database: Database, orders: readonly Order[]): Promise<Item[]> {
  const { rows } = await database.query<Item>(
    `SELECT i.order_id, p.title, i.quantity FROM order_items i
     JOIN products p ON p.id = i.product_id WHERE i.order_id = ANY ($1)`,
    [orders.map(order => order.id)],
  )
  return rows
}
