// An echo over WebSockets, one server on a path of its own, another behind an upgrade by hand. Prints its port.

import http from 'node:http'
import { identifyWebSocketUsers } from '@perfloop/agent'
import { WebSocketServer } from 'ws'

identifyWebSocketUsers(request => new URL(request.url, 'http://127.0.0.1').searchParams.get('user'))

const server = http.createServer((request, response) => {
  if (request.url === '/exit') return response.end('now', () => setImmediate(() => process.exit(0)))
  response.end(String(echo.clients.size))
})
const echo = new WebSocketServer({ noServer: true, path: '/echo' })
echo.on('connection', socket => {
  socket.on('message', (data, isBinary) => {
    socket.send(data, { binary: isBinary })
    socket.send('twice')
  })
})
server.on('upgrade', (request, socket, head) => {
  echo.handleUpgrade(request, socket, head, client => echo.emit('connection', client, request))
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
