import { fileURLToPath } from 'node:url'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { type Database, setCustomerIndex } from './database.ts'
import { type FaultSwitches, isFault } from './faults.ts'
import { categoryPage } from './pages/category.ts'
import { checkoutPage } from './pages/checkout.ts'
import { customerOrdersPage } from './pages/customer-orders.ts'
import { homePage } from './pages/home.ts'
import { productPage } from './pages/product.ts'
import { recentOrdersPage } from './pages/recent-orders.ts'
import { salesReportPage } from './pages/sales-report.ts'

const VIEWS = fileURLToPath(new URL('../../views', import.meta.url))

export interface ShopParts {
  readonly database: Database
  readonly faults: FaultSwitches
  /** Given every error that a page did not handle. */
  readonly onError: (error: unknown) => void
}

/** An ordinary server-rendered shop; whatever can be wrong with it is behind a switch. */
export function createShop({ database, faults, onError }: ShopParts): Express {
  const shop = express()
  shop.set('view engine', 'ejs')
  shop.set('views', VIEWS)
  shop.set('view cache', true)
  shop.disable('x-powered-by')
  shop.use(express.json({ limit: '16kb' }))

  shop.get('/', homePage(database, faults))
  shop.get('/categories/:slug', categoryPage(database, faults))
  shop.get('/products/:id', productPage(database))
  shop.get('/customers/:id/orders', customerOrdersPage(database))
  shop.get('/orders/recent', recentOrdersPage(database, faults))
  shop.get('/reports/sales', salesReportPage(database, faults))
  shop.post('/checkout', checkoutPage(database, faults))

  shop.get('/faults', (_request, response) => {
    response.json(faults.all())
  })
  shop.post('/faults', async (request, response) => {
    const wanted = Object.entries(request.body ?? {})
    const unknown = wanted.filter(([name, on]) => !isFault(name) || typeof on !== 'boolean')
    if (unknown.length > 0) {
      response.status(400).json({ unknown: unknown.map(([name]) => name) })
      return
    }
    for (const [name, on] of wanted) {
      if (!isFault(name) || typeof on !== 'boolean') continue
      faults.set(name, on)
      if (name === 'missing-index') await setCustomerIndex(database, !on)
    }
    response.json(faults.all())
  })

  const answerError: ErrorRequestHandler = (error, _request, response, next) => {
    onError(error)
    if (response.headersSent) next(error)
    else response.status(500).render('error')
  }
  shop.use(answerError)
  return shop
}
