// A market: Express and pg as their users write them, without a word about telemetry. Environment: MARKET_DATABASE.
// Prints its port; ends when it is told to on /end or /exit.

const http = require('node:http')
const { AsyncResource } = require('node:async_hooks')
const express = require('express')
const pg = require('pg')

const pool = new pg.Pool({ connectionString: process.env.MARKET_DATABASE, max: 5 })
const app = express()

const stalls = express.Router({ mergeParams: true })
stalls.get('/:stall', async (request, response) => {
  const one = await pool.query('SELECT $1::int AS stall', [request.params.stall])
  const two = await Promise.all(
    [1, 2].map(n => pool.query({ text: 'SELECT $1::int AS fruit', values: [n] })),
  )
  response.json([one.rows, two.map(({ rows }) => rows)])
})
app.use('/towns/:town/stalls', stalls)

app.get('/callback', (_request, response, next) => {
  pool.query('SELECT 1 AS callback', (error, result) => {
    if (error) return next(error)
    pool.query('SELECT 2 AS nested', (failure, inner) =>
      failure ? next(failure) : response.json([result.rows, inner.rows]),
    )
  })
})

app.get('/transaction', async (_request, response) => {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('SELECT 3 AS within')
    await new Promise(resolve => setTimeout(resolve, 3))
    await client.query('COMMIT')
  } finally {
    client.release()
  }
  response.json('done')
})

app.get('/by-callback-client', (_request, response, next) => {
  pool.connect((error, client, release) => {
    if (error) return next(error)
    client.query('SELECT 4 AS lent', (failure, result) => {
      release()
      if (failure) next(failure)
      else response.json(result.rows)
    })
  })
})

app.get('/slow', async (_request, response) => {
  await pool.query('SELECT pg_sleep(0.1)')
  response.json('late')
})

app.get('/wrong', async () => {
  await pool.query('SELECT nothing_here')
})

app.get('/calls', async (_request, response) => {
  const base = `http://127.0.0.1:${server.address().port}`
  const byFetch = await (await fetch(`${base}/callback?token=secret`)).json()
  const byHttp = await new Promise((resolve, reject) => {
    http
      .get(`${base}/echo`, answer => {
        const chunks = []
        answer
          .on('data', chunk => chunks.push(chunk))
          .on('end', () => resolve(String(Buffer.concat(chunks))))
      })
      .on('error', reject)
  })
  response.json([byFetch, byHttp])
})

app.get('/refused', (_request, response) => {
  http.get('http://127.0.0.1:9/', () => {}).on('error', error => response.json(error.code))
})

app.get('/echo', (request, response) => response.json(request.headers.traceparent ?? null))

let rejections = 0
process.on('unhandledRejection', () => rejections++)
app.get('/unawaited', async (_request, response) => {
  const client = await pool.connect()
  client.query('SELECT nobody_waits')
  await client.query('SELECT 5 AS after')
  client.release()
  setImmediate(() => response.json(rejections))
})

app.get('/own-trace', async (_request, response) => {
  const base = `http://127.0.0.1:${server.address().port}`
  const headers = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01' }
  response.json(await (await fetch(`${base}/echo`, { headers })).json())
})

// Work that no request asked for, on a connection that requests have used.
app.get('/background', (_request, response) => {
  setTimeout(background, 100)
  response.json('later')
})
const background = AsyncResource.bind(() => {
  pool.query('SELECT 6 AS background', () => pool.query('SELECT 7 AS background', () => {}))
})

// A server that hands its requests to another one, whose handler throws.
let thrown = 0
const inner = http.createServer(() => {
  thrown++
  throw new Error('the handler of the inner server')
})
app.get('/nested', (request, response) => {
  try {
    inner.emit('request', request, response)
  } catch (error) {
    response.json([thrown, error.message])
  }
})

app.get('/end', async (_request, response) => {
  response.json('ending')
  server.close()
  server.closeIdleConnections()
  await pool.end()
})

app.get('/exit', (_request, response) => {
  response.end('now', () => setImmediate(() => process.exit(0)))
})

// Everyone who uses Express knows that these take four parameters.
app.use((error, _request, response, _next) => response.status(500).json(error.message))

const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
