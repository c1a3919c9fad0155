// What agents are measured on: Express and pg. `/baskets/:basket` issues eight quick statements; `/reports/:report` waits
// for the database for 5 to 20 ms. Environment: AGENT_BENCH_DATABASE. Tells its port to its parent, answers what it asks,
// and ends with it.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import express from 'express'
import pg from 'pg'
import { profileFor } from './profile.ts'

// Connections stay: making one anew is a wait, which some agents tell besides the nine spans.
const pool = new pg.Pool({
  connectionString: process.env.AGENT_BENCH_DATABASE ?? '',
  max: 8,
  idleTimeoutMillis: 0,
})
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

app.get('/reports/:report', async (request, response) => {
  // The same waits for the same reports, whoever asks.
  const seconds = 0.005 + 0.015 * ((Number(request.params.report) * 0.618) % 1)
  await pool.query('SELECT pg_sleep($1)', [seconds])
  response.json({ seconds })
})

const loopDelay = monitorEventLoopDelay({ resolution: 1 })
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') process.send?.({ port: address.port })
})

process.on('message', async (asked: { readonly ask: string; readonly ms?: number }) => {
  switch (asked.ask) {
    case 'begin loop delay':
      loopDelay.reset()
      loopDelay.enable()
      process.send?.({})
      break
    case 'end loop delay':
      loopDelay.disable()
      // One that blocked for good would have no percentile.
      process.send?.({ p999_ms: loopDelay.percentile(99.9) / 1e6, max_ms: loopDelay.max / 1e6 })
      break
    case 'profile':
      process.send?.({ longest_agent_ms: await profileFor(asked.ms ?? 1_000) })
      break
  }
})
process.on('disconnect', () => process.exit(0))
