import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldOperationName } from './fold-operation-name.ts'
import { redactUrl } from './redact-url.ts'
import { routeTemplate } from './route-template.ts'

describe('routeTemplate', () => {
  it.each([
    ['/parcels/42', '/parcels/:id'],
    ['/parcels/42/?page=2#top', '/parcels/:id'],
    ['', '/'],
    ['/', '/'],
    ['https://shop.example/parcels/42?x=1', '/parcels/:id'],
    ['/users/6fa459ea-ee8a-3ca4-894e-db77e160355e/edit', '/users/:id/edit'],
    ['/commits/9fceb02d0ae598e95dc970b74767f19372d61af8', '/commits/:id'],
    ['/jobs/01HZXJ8Q3N5V7R9T1W3Y5B7D9F', '/jobs/:id'],
    ['/s/x7Kq2Lm9Pz', '/s/:id'],
    ['/report/2026-11-21', '/report/:date'],
    ['/report/2026-11-21T10:15:00Z', '/report/:date'],
    ['/users/ann@example.com', '/users/:email'],
    ['/users/ann%40example.com', '/users/:email'],
    ['/hosts/10.20.30.40', '/hosts/:ip'],
    ['/near/52.5200,13.4050', '/near/:id'],
    ['/assets/main-Bx7kQ2Za.js', '/assets/main-:hash.js'],
    ['/assets/app.3f9a8c2d.css', '/assets/app.:hash.css'],
    ['/files/1042.pdf', '/files/:id.pdf'],
    ['/invoice-200417', '/invoice-:id'],
    ['/news/why-the-harbour-froze-20931', '/news/:slug'],
    ['/@ann', '/@:name'],
    ['/cart;session=9f8e7d/items/3', '/cart/items/:id'],
  ])('%s is %s', (path, route) => {
    expect(routeTemplate(path)).toBe(route)
  })

  it.each([
    '/api/v2/orders',
    '/api/method/shop.stock.get_list',
    '/oauth2/callback',
    '/OAuth2Callback',
    '/sha256/base64/utf8/x86_64/h264',
    '/iphone-15-pro',
    '/docs/2.10.3/install',
    '/facade/decade/deadbeef',
    '/jquery.min.js',
    '/list/Sales%20Order',
    '/orders/:id/lines/{lineId}',
    '/items/<int:pk>',
  ])('%s is a route already', path => {
    expect(routeTemplate(path)).toBe(path)
  })

  it('is its own template, and short, for any path', () => {
    const paths = fc.oneof(fc.webPath(), fc.string({ unit: 'binary' }), fc.webUrl())
    fc.assert(
      fc.property(paths, path => {
        const route = routeTemplate(path)
        expect(routeTemplate(route)).toBe(route)
        expect(route.length).toBeLessThanOrEqual(512)
      }),
    )
  })

  it('does not multiply: ten thousand numbers, uuids and hashes are three routes', () => {
    const routes = new Set<string>()
    for (let n = 0; n < 10_000; n++) {
      const hex = (n * 2_654_435_761).toString(16).padStart(12, '0').slice(0, 12)
      routes.add(routeTemplate(`/a/${n}`))
      routes.add(routeTemplate(`/b/6fa459ea-ee8a-4ca4-894e-${hex}`))
    }
    expect([...routes]).toEqual(['/a/:id', '/b/:id'])
  })
})

describe('redactUrl', () => {
  it.each([
    [
      'https://ann:secret@shop.example:8443/a?q=shoes&page=2',
      'https://shop.example:8443/a?q=?&page=?',
    ],
    ['/search?q=shoes&debug', '/search?q=?&debug'],
    ['/verify?5f3c9a0b77', '/verify?' + '?'],
    ['/a#access_token=abc', '/a#access_token=?'],
    ['/a#section', '/a'],
    ['/a;jsessionid=9F/b', '/a;jsessionid=/b'],
    ['postgres://app:pw@db.internal/shop', 'postgres://db.internal/shop'],
    ['/plain', '/plain'],
  ])('%s becomes %s', (url, redacted) => {
    expect(redactUrl(url)).toBe(redacted)
  })

  it('lets no parameter value through and is its own redaction', () => {
    const value = fc.stringMatching(/^secret[a-z0-9]{4,20}$/)
    fc.assert(
      fc.property(fc.webUrl(), fc.array(value, { minLength: 1, maxLength: 5 }), (url, values) => {
        const query = values.map((text, n) => `k${n}=${text}`).join('&')
        const redacted = redactUrl(`${url}${url.includes('?') ? '&' : '?'}${query}`)
        expect(redacted).not.toContain('secret')
        expect(redactUrl(redacted)).toBe(redacted)
      }),
    )
  })
})

describe('foldOperationName', () => {
  it.each([
    ['GET /parcels/42', 'GET /parcels/:id'],
    ['GET https://api.example/parcels/42?x=1', 'GET https://api.example/parcels/:id'],
    ['import 6fa459ea-ee8a-3ca4-894e-db77e160355e', 'import :id'],
    ['process order 200417', 'process order :id'],
    ['job:200417:retry', 'job:{id}:retry'],
    ['worker-20931', 'worker-{id}'],
    ['mail to ann@example.com', 'mail to :email'],
  ])('%s becomes %s', (name, folded) => {
    expect(foldOperationName(name)).toBe(folded)
  })

  it.each(['GET', 'HTTP 404', 'SELECT shop.orders', 'orders.v2.OrderService/Get', 'GET /a/:id'])(
    '%s stays',
    name => {
      expect(foldOperationName(name)).toBe(name)
    },
  )

  it('is its own fold for any name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), name => {
        const folded = foldOperationName(name)
        expect(foldOperationName(folded)).toBe(folded)
      }),
    )
  })
})
