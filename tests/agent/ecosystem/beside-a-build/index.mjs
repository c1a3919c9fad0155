// Has files beside it that are called as those of a build, of which it uses none. Prints its port.
// import { choose } from './handler.js'
/*
import { choose } from './handler.js'
*/
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  if (request.url === '/exit') setTimeout(() => process.exit(0), 10)
  response.end(JSON.stringify(globalThis.loaded ?? []))
})
// Whoever wants to look at these files has had the time for it.
server.listen(0, '127.0.0.1', () =>
  setTimeout(() => console.log(`port ${server.address().port}`), 100),
)
