// Chooses its routes as a server built by SvelteKit does. Prints its port.
import { createServer } from 'node:http'
import { declaredRoutes } from '../declared.mjs'
import { choose } from './handler.js'

const server = createServer((request, response) => {
  if (request.url === '/exit') setTimeout(() => process.exit(0), 10)
  if (request.url === '/declared') return response.end(JSON.stringify(declaredRoutes()))
  const chosen = choose(request.url)
  response.statusCode = chosen === undefined ? 404 : 200
  response.end(chosen?.id)
})
server.listen(0, '127.0.0.1', () => {
  // When what was built has been looked at.
  const look = setInterval(() => {
    if (declaredRoutes().length === 0) return
    clearInterval(look)
    console.log(`port ${server.address().port}`)
  }, 5)
})
