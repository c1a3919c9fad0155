// A server that calls itself through a pool with two connections, and asks for paths that look like hosts.
import http from 'node:http'

await fetch('data:,').catch(() => {})
const { constructor: Agent } = globalThis[Symbol.for('undici.globalDispatcher.1')]
const dispatcher = new Agent({ connections: 2, pipelining: 1 })

const server = http.createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://x')
  const base = `http://127.0.0.1:${server.address().port}`
  if (request.url === '/exit') return response.end('', () => process.exit(0))
  if (pathname === '/slow') return setTimeout(() => response.end('slow'), 20)
  if (pathname.startsWith('/ask')) {
    await (await fetch(`${base}/slow?of=${pathname}`, { dispatcher })).text()
    return response.end('asked')
  }
  if (pathname === '/odd') {
    await (await fetch(`${base}//twice?secret=1`)).text()
    await new Promise(resolve =>
      http.get(`${base}//thrice`, answer => answer.resume().on('end', resolve)),
    )
  }
  response.end('ok')
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
