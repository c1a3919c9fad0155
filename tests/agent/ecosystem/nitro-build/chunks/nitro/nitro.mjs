// What Nitro builds around its handlers, with its server: one layer is its router, which notes the route that it has
// chosen. Prints its port.
import { createServer } from 'node:http'
import { declaredRoutes } from '../../../declared.mjs'
import { renderPage } from '../../page.mjs'

globalThis.timesLoaded = (globalThis.timesLoaded ?? 0) + 1

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

const server = createServer(async (request, response) => {
  if (request.url === '/exit') setTimeout(() => process.exit(0), 10)
  if (request.url === '/declared') return response.end(JSON.stringify(declaredRoutes()))
  if (request.url === '/loaded') return response.end(String(globalThis.timesLoaded))
  const event = { node: { req: request, res: response }, context: {} }
  try {
    for (const layer of useNitroApp().h3App.stack) {
      const answer = await layer.handler(event)
      if (answer !== undefined) response.end(answer)
    }
  } catch (error) {
    reportError(error, { event })
    response.statusCode = error.statusCode ?? 500
    response.end()
  }
})
server.listen(0, '127.0.0.1', () => {
  // When what was built has been looked at.
  const look = setInterval(() => {
    if (calls.length === 0) return
    clearInterval(look)
    console.log(`port ${server.address().port}`)
  }, 5)
})

export { server as b, useNitroApp as a }
