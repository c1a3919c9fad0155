// Stone slabs of quarries: an Express application on PostgreSQL with the stock OpenTelemetry Node SDK, healthy
// but for the one fault that QUARRY_FAULT names. QUARRY_DATABASE is the URL of a database of its own.

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
const require = createRequire(import.meta.url)
const fault = process.env.QUARRY_FAULT
const SLABS = 120_000

// Before the SDK starts, so that the tables are made by nobody the telemetry knows of.
{
  const { Client } = require('pg')
  const client = new Client({ connectionString: process.env.QUARRY_DATABASE })
  await client.connect()
  await client.query(`
    CREATE TABLE quarry (id int PRIMARY KEY, name text, region text);
    INSERT INTO quarry SELECT n, 'quarry ' || n, 'region ' || n % 4 FROM generate_series(1, 20) n;
    CREATE TABLE slab (id int PRIMARY KEY, quarry_id int, lot text, cut_on timestamptz, weight int, remark text);
    INSERT INTO slab SELECT n, n % 20 + 1, 'L' || n, now() - n * interval '7 minutes', n * 37 % 900, repeat('x', 80)
      FROM generate_series(1, ${SLABS}) n;
    CREATE INDEX slab_of_quarry ON slab (quarry_id, id);
    CREATE TABLE freight (id int PRIMARY KEY, slab_id int, docket text);
    INSERT INTO freight SELECT n, n, 'D' || n FROM generate_series(1, ${SLABS}) n;
    CREATE TABLE mark (id int PRIMARY KEY, slab_id int, mason text);
    INSERT INTO mark SELECT n, n, 'mason ' || n % 9 FROM generate_series(1, 30000) n;
    CREATE INDEX mark_slab ON mark (slab_id);
    CREATE TABLE notice (name text PRIMARY KEY, body text);
    INSERT INTO notice VALUES ('closing', 'at five');
  `)
  if (fault !== 'where') await client.query('CREATE INDEX slab_lot ON slab (lot)')
  if (fault !== 'order') await client.query('CREATE INDEX slab_cut_on ON slab (cut_on)')
  if (fault !== 'join') await client.query('CREATE INDEX freight_slab ON freight (slab_id)')
  await client.query('ANALYZE')
  await client.end()
}

sdk.start()
const express = require('express')
const { Pool } = require('pg')
const pool = new Pool({ connectionString: process.env.QUARRY_DATABASE, max: 5 })
const rowsOf = async (text, values) => (await pool.query(text, values)).rows

const app = express()
const get = (path, answer) =>
  app.get(path, (request, response, next) => answer(request, response).catch(next))

get('/quarries', async (_request, response) => {
  // Twenty rows, read whole: an index would not help.
  response.json(await rowsOf('SELECT id, name FROM quarry WHERE region = $1', ['region 2']))
})
get('/quarries/:id/slabs', async (request, response) => {
  const slabs = await rowsOf('SELECT id, lot FROM slab WHERE quarry_id = $1 ORDER BY id LIMIT 15', [
    Number(request.params.id),
  ])
  const marks = []
  if (fault === 'loop') {
    for (const { id } of slabs) {
      marks.push(...(await rowsOf('SELECT id, mason FROM mark WHERE slab_id = $1', [id])))
    }
  } else {
    const ids = slabs.map(({ id }) => id)
    marks.push(...(await rowsOf('SELECT id, mason FROM mark WHERE slab_id = ANY($1)', [ids])))
  }
  response.json({ slabs, marks })
})
let pauseMs = 0
get('/slabs/lots/:lot', async (request, response) => {
  if (pauseMs > 0) await new Promise(resolve => setTimeout(resolve, pauseMs))
  response.json(await rowsOf('SELECT id, weight FROM slab WHERE lot = $1', [request.params.lot]))
})
app.post('/pause/:ms', (request, response) => {
  pauseMs = Number(request.params.ms)
  response.end()
})
get('/slabs/newest', async (_request, response) => {
  // Nobody filters by weight.
  response.json(await rowsOf('SELECT id, lot, weight FROM slab ORDER BY cut_on DESC LIMIT 20'))
})
get('/slabs/:id/freight', async (request, response) => {
  response.json(
    await rowsOf(
      'SELECT s.lot, f.docket FROM slab s JOIN freight f ON f.slab_id = s.id WHERE s.id = $1',
      [Number(request.params.id)],
    ),
  )
})
get('/three', async (_request, response) => {
  // A small loop is an ordinary thing.
  const found = []
  for (const id of [3, 5, 7])
    found.push(...(await rowsOf('SELECT name FROM quarry WHERE id = $1', [id])))
  response.json(found)
})
get('/notice', async (_request, response) => {
  // Polled: the same in every request.
  response.json(await rowsOf('SELECT body FROM notice WHERE name = $1', ['closing']))
})
get('/lost/:id', async (request, response) => {
  const found = await rowsOf('SELECT name FROM quarry WHERE id = $1', [-Number(request.params.id)])
  response.status(found.length === 0 ? 404 : 200).json(found)
})
get('/stock', async (_request, response) => {
  if (fault === 'slow-statement') await rowsOf('SELECT pg_sleep(0.4), count(*) FROM quarry')
  response.json(await rowsOf('SELECT count(*) FROM quarry'))
})
get('/scale/:n', async (request, response) => {
  if (fault === 'errors' && Number(request.params.n) % 3 === 0)
    throw new Error('the scale is stuck')
  response.json({ weight: 7 })
})
get('/label', async (_request, response) => {
  const until = performance.now() + 650
  let turns = 0
  if (fault === 'cpu') while (performance.now() < until) turns += Math.sqrt(turns + 1) > 0 ? 1 : 0
  response.json({ turns })
})
get('/admin/recount', async (_request, response) => {
  // Slow, and rightly so: somebody asks for it twice a day.
  response.json(await rowsOf('SELECT pg_sleep(1.2), count(*) FROM slab'))
})

const server = app.listen(Number(process.env.QUARRY_PORT), '127.0.0.1')
process.on('SIGTERM', async () => {
  server.close()
  await sdk.shutdown()
  await pool.end()
  process.exit(0)
})
