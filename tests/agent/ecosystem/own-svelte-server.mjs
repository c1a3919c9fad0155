// A server of the application's own for what SvelteKit has built. Prints its port.
import { createServer } from 'node:http'
import { declaredRoutes } from './declared.mjs'
import { choose } from './svelte-kit-build/handler.js'

const server = createServer((request, response) => {
  if (request.url === '/exit') setTimeout(() => process.exit(0), 10)
  response.end(choose(request.url)?.id)
})
server.listen(0, '127.0.0.1', () => {
  // When what was built has been looked at.
  const look = setInterval(() => {
    if (declaredRoutes().length === 0) return
    clearInterval(look)
    console.log(`port ${server.address().port}`)
  }, 5)
})
