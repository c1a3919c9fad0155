// Handles its requests as a server built by Nitro does. Prints its port.
import { createServer } from 'node:http'
import { declaredRoutes } from '../declared.mjs'
import { c as isObserved, b as reportError, a as useNitroApp } from './chunks/nitro/nitro.mjs'

const server = createServer(async (request, response) => {
  if (request.url === '/exit') setTimeout(() => process.exit(0), 10)
  if (request.url === '/declared') return response.end(JSON.stringify(declaredRoutes()))
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
    if (!isObserved()) return
    clearInterval(look)
    console.log(`port ${server.address().port}`)
  }, 5)
})
