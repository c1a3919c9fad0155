import type { RequestHandler } from 'express'
import type { Database } from '../database.ts'

/** A page with nothing wrong: two look-ups by key, whatever the faults. */
export function productPage(database: Database): RequestHandler {
  return async (request, response) => {
    const { rows: found } = await database.query(
      'SELECT id, title, description, price_cents, stock FROM products WHERE id = $1',
      [Number(request.params.id)],
    )
    if (found[0] === undefined) {
      response.sendStatus(404)
      return
    }
    const { rows: reviews } = await database.query(
      'SELECT stars, body FROM reviews WHERE product_id = $1 ORDER BY id LIMIT 10',
      [found[0].id],
    )
    response.render('product', { product: found[0], reviews })
  }
}
