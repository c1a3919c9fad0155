// An Express application with the stock OpenTelemetry Node SDK, configured by its environment only, as its
// documentation says: boats in a harbor. HARBOR_DATABASE is a PostgreSQL URL.

import { createRequire } from 'node:module'
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import { NodeSDK } from '@opentelemetry/sdk-node'

const sdk = new NodeSDK({
  instrumentations: [
    new HttpInstrumentation(),
    new ExpressInstrumentation(),
    new PgInstrumentation(),
  ],
})
sdk.start()

const require = createRequire(import.meta.url)
const express = require('express')
const { Pool } = require('pg')

const pool = new Pool({ connectionString: process.env.HARBOR_DATABASE, max: 5 })
await pool.query(
  'CREATE TABLE IF NOT EXISTS boat (id integer PRIMARY KEY, name text, berth integer)',
)
await pool.query('TRUNCATE boat')
await pool.query("INSERT INTO boat SELECT n, 'boat ' || n, n % 10 FROM generate_series(1, 100) n")

const app = express()
app.get('/boats/:id', async (request, response) => {
  const { rows } = await pool.query('SELECT id, name FROM boat WHERE id = $1', [
    Number(request.params.id),
  ])
  if (rows.length === 0) response.status(404).json({ error: 'no such boat' })
  else response.json(rows[0])
})
app.get('/berths/:berth', async (request, response) => {
  const { rows } = await pool.query('SELECT id FROM boat WHERE berth = $1 ORDER BY id', [
    Number(request.params.berth),
  ])
  const boats = []
  for (const { id } of rows) {
    boats.push((await pool.query('SELECT id, name FROM boat WHERE id = $1', [id])).rows[0])
  }
  response.json(boats)
})
const server = app.listen(Number(process.env.HARBOR_PORT), '127.0.0.1')
process.on('SIGTERM', async () => {
  server.close()
  await sdk.shutdown()
  await pool.end()
  process.exit(0)
})
