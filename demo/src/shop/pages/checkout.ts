import type { RequestHandler } from 'express'
import type { Database } from '../database.ts'
import type { FaultSwitches } from '../faults.ts'

interface Checkout {
  readonly customerId: number
  readonly productIds: readonly number[]
}

/** One order in this many fails while the fault is on. */
const FAILS_EVERY = 4

class PaymentDeclined extends Error {
  override readonly name = 'PaymentDeclined'
}

export function checkoutPage(database: Database, faults: FaultSwitches): RequestHandler {
  let orders = 0

  return async (request, response) => {
    const { customerId, productIds } = readCheckout(request.body)
    const { rows: products } = await database.query<{ id: number; price_cents: number }>(
      'SELECT id, price_cents FROM products WHERE id = ANY ($1)',
      [productIds],
    )
    orders++
    if (faults.isOn('error-burst') && orders % FAILS_EVERY === 0) {
      throw new PaymentDeclined('the payment provider did not answer')
    }
    const total = products.reduce((sum, product) => sum + product.price_cents, 0)
    const { rows } = await database.query<{ id: number }>(
      `INSERT INTO orders (customer_id, status, total_cents, address, created_at)
       VALUES ($1, 'open', $2, 'to be asked', now()) RETURNING id`,
      [customerId, total],
    )
    const orderId = rows[0]?.id
    await database.query(
      `INSERT INTO order_items (order_id, line, product_id, quantity, price_cents)
       SELECT $1, row_number() OVER (), id, 1, price_cents FROM products WHERE id = ANY ($2)`,
      [orderId, products.map(product => product.id)],
    )
    response.status(201).json({ orderId })
  }
}

function readCheckout(body: unknown): Checkout {
  const { customerId, productIds }: { customerId?: unknown; productIds?: unknown } =
    typeof body === 'object' && body !== null ? body : {}
  return {
    customerId: Number(customerId) || 1,
    productIds: Array.isArray(productIds) ? productIds.map(Number) : [],
  }
}
