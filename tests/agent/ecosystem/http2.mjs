// Servers of HTTP/2 in clear text, by requests and by streams, and one with TLS that takes HTTP/1 too. Prints the port
// of a plain server, which knows the others'.
import http from 'node:http'
import http2 from 'node:http2'
import { anonymousTls } from './anonymous-tls.mjs'

function answer(request, response) {
  if (request.url === '/fails') {
    response.statusCode = 503
    response.end()
  } else if (request.url === '/never') request.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR)
  else response.end(request.headers['user-agent'])
}

const byRequests = http2.createServer(answer)
const byStreams = http2.createServer()
byStreams.on('stream', stream => {
  stream.respond({ ':status': 202, 'content-length': '4' })
  stream.end('done')
})
const secure = http2.createSecureServer({ ...anonymousTls, allowHTTP1: true }, answer)
// Upgraded requests are none that are answered.
const plain = http.createServer((request, response) => {
  if (request.url !== '/exit') response.end(JSON.stringify(servers.map(portOf)))
  else response.end('now', () => setImmediate(() => process.exit(0)))
})
plain.on('upgrade', (_request, socket) => {
  socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
})
const servers = [byRequests, byStreams, secure, plain]
const portOf = server => server.address().port
for (const server of servers) {
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
}
console.log(`port ${portOf(plain)}`)
