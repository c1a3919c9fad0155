// An application for the tests of what the server may tell an agent. Prints its port; ends on /exit.
import http from 'node:http'
import express from 'express'
import pg from 'pg'

// There is no database: what is looked at is the pool.
const pool = new pg.Pool({ host: '127.0.0.1', port: 1, max: 5 })
pool.connect().catch(() => {})

const app = express()
app.get('/hello/:name', (request, response) => response.json({ hello: request.params.name }))
app.get('/never', (_request, response) => response.json({}))
app.get('/sockets', (_request, response) => response.send(String(http.globalAgent.maxSockets)))
app.get('/pool', (_request, response) => response.send(String(pool.options.max)))
let count = 0
app.get('/count/:what', (request, response) => {
  if (request.params.what === 'cookie') response.cookie('seen', '1')
  if (request.params.what === 'private') response.set('cache-control', 'private')
  if (request.params.what === 'momentary') response.set('cache-control', 'max-age=0')
  if (request.params.what === 'vary') response.vary('x-customer')
  response.json({ count: ++count, what: request.query.q ?? '' })
})
app.get('/raw/count', (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'x-raw': 'yes' })
  response.write('count ')
  response.end(String(++count))
})
app.get('/burn/:ms', function burnForTheProfile(request, response) {
  const until = performance.now() + Number(request.params.ms)
  let turns = 0
  while (performance.now() < until) turns += Math.sqrt(turns + 1)
  response.json({ turns })
})
app.get('/exit', (_request, response) => {
  response.send('bye')
  setTimeout(() => process.exit(0), 50)
})
const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
