// What Nitro builds around its handlers: one layer is its router, which notes the route that it has chosen.
import { renderPage } from '../../page.mjs'

const calls = []
const router = {
  handler: event => {
    const { url } = event.node.req
    if (url.startsWith('/api/')) event.context.matchedRoute = { path: '/api/:item' }
    else event.context.matchedRoute = { path: '/**' }
    if (url === '/api/fails') return Promise.reject(new TypeError('by a handler'))
    if (url === '/api/gone') return Promise.reject(Object.assign(new Error(), { statusCode: 404 }))
    return Promise.resolve(url.startsWith('/api/') ? 'item' : renderPage(url))
  },
}
const nitroApp = {
  h3App: { stack: [{ handler: () => undefined }, { handler: router.handler }] },
  router,
  hooks: { hook: (_name, call) => calls.push(call) },
}

function useNitroApp() {
  return nitroApp
}

function reportError(error, context) {
  for (const call of calls) call(error, context)
}

function isObserved() {
  return calls.length > 0
}

export { isObserved as c, reportError as b, useNitroApp as a }
