// What agents are measured on: Express and pg, eight statements a request. Environment: AGENT_BENCH_DATABASE.
// Prints its port; ends with its standard input, as its parent does.
import express from 'express'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.AGENT_BENCH_DATABASE ?? '', max: 8 })
const app = express()

app.get('/baskets/:basket', async (request, response) => {
  const basket = Number(request.params.basket)
  const found = await pool.query('SELECT id, item FROM basket_line WHERE basket = $1 ORDER BY id', [
    basket,
  ])
  for (let n = 0; n < 7; n++) {
    await pool.query('SELECT id, item, price FROM basket_line WHERE id = $1', [basket * 10 + n])
  }
  response.json(found.rows)
})

const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') console.log(`port ${address.port}`)
})
process.stdin.on('end', () => process.exit(0)).resume()
