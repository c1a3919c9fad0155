import type { RequestHandler } from 'express'
import type { Database } from '../database.ts'
import type { FaultSwitches } from '../faults.ts'

interface BestSeller {
  readonly id: number
  readonly title: string
  readonly sold: number
}

/** Best sellers change slowly: the healthy shop counts them twice a minute. */
const CACHE_MS = 30_000

const BEST_SELLERS = `
  SELECT p.id, p.title, sum(i.quantity)::int AS sold
  FROM order_items i JOIN products p ON p.id = i.product_id
  WHERE i.order_id > (SELECT max(id) FROM orders) - 8000
  GROUP BY p.id, p.title
  ORDER BY sold DESC
  LIMIT 10`

export function homePage(database: Database, faults: FaultSwitches): RequestHandler {
  let cached: { readonly at: number; readonly sellers: readonly BestSeller[] } | undefined

  return async (_request, response) => {
    const isFresh = cached !== undefined && Date.now() - cached.at < CACHE_MS
    if (cached === undefined || !isFresh || faults.isOn('missing-cache')) {
      const { rows } = await database.query<BestSeller>(BEST_SELLERS)
      cached = { at: Date.now(), sellers: rows }
    }
    response.render('home', { sellers: cached.sellers })
  }
}
