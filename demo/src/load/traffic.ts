/** One request of the mix. */
export interface ShopRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: string
}

/** 0 ≤ n < 1, such as Math.random. */
export type Random = () => number

const CUSTOMERS = 20_000
const PRODUCTS = 10_000
const CATEGORIES = 8
const STATUSES = ['delivered', 'shipped', 'paid', 'open', 'returned'] as const

interface Share {
  /** Of 100 requests. */
  readonly weight: number
  request(random: Random): ShopRequest
}

/** What visitors of a small shop do: many look, some search their orders, few buy, the office reads reports. */
const MIX: readonly Share[] = [
  { weight: 10, request: () => get('/') },
  { weight: 10, request: random => get(`/categories/category-${1 + below(CATEGORIES, random)}`) },
  { weight: 22, request: random => get(`/products/${1 + skewed(PRODUCTS, random)}`) },
  { weight: 40, request: customerOrders },
  { weight: 8, request: () => get('/orders/recent') },
  { weight: 2, request: () => get('/reports/sales') },
  { weight: 8, request: checkout },
]
const TOTAL = MIX.reduce((sum, share) => sum + share.weight, 0)

export function nextRequest(random: Random): ShopRequest {
  let left = random() * TOTAL
  for (const share of MIX) {
    left -= share.weight
    if (left < 0) return share.request(random)
  }
  return get('/')
}

function customerOrders(random: Random): ShopRequest {
  const status = STATUSES[skewed(STATUSES.length, random)] ?? 'delivered'
  return get(`/customers/${1 + below(CUSTOMERS, random)}/orders?status=${status}`)
}

function checkout(random: Random): ShopRequest {
  const productIds = Array.from(
    { length: 1 + below(3, random) },
    () => 1 + skewed(PRODUCTS, random),
  )
  const body = JSON.stringify({ customerId: 1 + below(CUSTOMERS, random), productIds })
  return { method: 'POST', path: '/checkout', body }
}

function get(path: string): ShopRequest {
  return { method: 'GET', path }
}

function below(limit: number, random: Random): number {
  return Math.floor(random() * limit)
}

/** Few are asked for often: the square leans towards small numbers. */
function skewed(limit: number, random: Random): number {
  return Math.floor(random() ** 2 * limit)
}
