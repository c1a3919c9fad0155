import { describe, expect, it } from 'vitest'
import { runOpenLoop } from './open-loop.ts'
import { nextRequest } from './traffic.ts'

/** A linear congruential generator (Numerical Recipes): the same traffic at every run. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe('the mix', () => {
  it('visits every page of the shop, orders of customers most', () => {
    const random = seeded(7)
    const pages = new Map<string, number>()
    for (let n = 0; n < 5_000; n++) {
      const page = nextRequest(random).path.replace(/\d+|\?.*/g, '')
      pages.set(page, (pages.get(page) ?? 0) + 1)
    }
    expect([...pages.keys()].sort()).toEqual([
      '/',
      '/categories/category-',
      '/checkout',
      '/customers//orders',
      '/orders/recent',
      '/products/',
      '/reports/sales',
    ])
    expect(pages.get('/customers//orders')).toBeGreaterThan(1_300)
    expect(pages.get('/reports/sales')).toBeLessThan(200)
  })

  it('sends a checkout as JSON', () => {
    const random = seeded(7)
    let request = nextRequest(random)
    while (request.method !== 'POST') request = nextRequest(random)
    expect(JSON.parse(request.body ?? '')).toEqual({
      customerId: expect.any(Number),
      productIds: expect.arrayContaining([expect.any(Number)]),
    })
  })
})

describe('the open loop', () => {
  it('keeps its rate while answers are slow, and lets arrivals go beyond its bound', async () => {
    const stopping = new AbortController()
    const waiting: (() => void)[] = []
    const counts = runOpenLoop({
      requestsPerSecond: 500,
      maxInFlight: 5,
      signal: stopping.signal,
      random: seeded(1),
      nowMs: () => performance.now(),
      send: () => new Promise(resolve => waiting.push(() => resolve(true))),
    })
    while (waiting.length < 5) await new Promise(resolve => setTimeout(resolve, 5))
    await new Promise(resolve => setTimeout(resolve, 100))
    stopping.abort()
    for (const answer of waiting) answer()
    expect(await counts).toMatchObject({ sent: 5, succeeded: 5, failed: 0 })
    expect((await counts).shed).toBeGreaterThan(5)
  })

  it('counts what fails and what throws', async () => {
    let calls = 0
    const counts = await runOpenLoop({
      requestsPerSecond: 1_000,
      maxInFlight: 100,
      signal: AbortSignal.timeout(60),
      random: seeded(2),
      nowMs: () => performance.now(),
      async send() {
        calls++
        if (calls % 3 === 0) throw new Error('refused')
        return calls % 3 === 1
      },
    })
    expect(counts.sent).toBe(calls)
    expect(counts.succeeded + counts.failed).toBe(calls)
    expect(counts.failed).toBeGreaterThan(counts.succeeded)
  })
})
