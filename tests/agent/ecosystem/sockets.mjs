// An echo over WebSockets behind an upgrade by hand, and another by the copy of ws at SOCKETS_OTHER_WS. Prints its port.

import http from 'node:http'
import { createRequire } from 'node:module'
import { identifyWebSocketUsers } from '@perfloop/agent'
import { WebSocketServer } from 'ws'

identifyWebSocketUsers(request => new URL(request.url, 'http://127.0.0.1').searchParams.get('user'))

const server = http.createServer((request, response) => {
  if (request.url === '/exit') return response.end('now', () => setImmediate(() => process.exit(0)))
  response.end(String(echo.clients.size))
})
const onConnection = socket => {
  socket.on('message', (data, isBinary) => {
    socket.send(data, { binary: isBinary })
    socket.send('twice')
  })
}
const others = createRequire(import.meta.url)(process.env.SOCKETS_OTHER_WS)
const echo = new WebSocketServer({ noServer: true, path: '/echo' })
const otherEcho = new others.WebSocketServer({ noServer: true, path: '/other' })
echo.on('connection', onConnection)
otherEcho.on('connection', onConnection)
server.on('upgrade', (request, socket, head) => {
  const asked = request.url.startsWith('/other') ? otherEcho : echo
  asked.handleUpgrade(request, socket, head, client => asked.emit('connection', client, request))
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
