import type { RequestHandler } from 'express'
import type { Database } from '../database.ts'
import type { FaultSwitches } from '../faults.ts'

const PAGE_ROWS = 24

export function categoryPage(database: Database, faults: FaultSwitches): RequestHandler {
  return async (request, response) => {
    const { rows: found } = await database.query(
      'SELECT id, title FROM categories WHERE slug = $1',
      [request.params.slug],
    )
    const category = found[0]
    if (category === undefined) {
      response.sendStatus(404)
      return
    }
    const page = Math.max(1, Number(request.query.page) || 1)
    const { rows: products } = faults.isOn('unbounded-list')
      ? await database.query('SELECT * FROM products WHERE category_id = $1 ORDER BY id', [
          category.id,
        ])
      : await database.query(
          'SELECT id, title, price_cents FROM products WHERE category_id = $1 ORDER BY id LIMIT $2 OFFSET $3',
          [category.id, PAGE_ROWS, (page - 1) * PAGE_ROWS],
        )
    response.render('category', { category, products })
  }
}
