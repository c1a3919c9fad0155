// A server on PostgreSQL with a pool of POOL_MAX connections. Prints its port.

import http from 'node:http'
import pg from 'pg'

const pool = new pg.Pool({
  connectionString: process.env.SHOP_DATABASE,
  max: Number(process.env.POOL_MAX),
})

async function answer(pathname) {
  if (pathname === '/report') await pool.query('SELECT pg_sleep(0.2)')
  if (pathname === '/quick') await pool.query('SELECT 1')
  if (pathname === '/forgets') {
    const client = await pool.connect()
    await client.query('SELECT 2')
    // What an error on the way does: nobody releases it.
  }
  return 'done'
}

const server = http.createServer((request, response) => {
  if (request.url === '/exit') {
    response.end('now', () => setImmediate(() => process.exit(0)))
    return
  }
  answer(request.url).then(
    text => response.end(text),
    error => response.writeHead(500).end(String(error)),
  )
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
