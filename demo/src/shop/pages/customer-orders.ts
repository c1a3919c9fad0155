import type { RequestHandler } from 'express'
import type { Database } from '../database.ts'

/** Right as it is written; fast only where an index on orders (customer_id, …) exists. */
export function customerOrdersPage(database: Database): RequestHandler {
  return async (request, response) => {
    const { rows: orders } = await database.query(
      `SELECT id, status, total_cents, created_at FROM orders
       WHERE customer_id = $1 AND status = $2
       ORDER BY created_at DESC LIMIT 20`,
      [Number(request.params.id), String(request.query.status ?? 'delivered')],
    )
    response.render('orders', { title: 'Your orders', orders })
  }
}
