// Pages as applications send them: whole, streamed, with a length, compressed, with policies. Environment: BADGED_DATABASE.
import { gzipSync } from 'node:zlib'
import express from 'express'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.BADGED_DATABASE })
const app = express()
const html = title =>
  `<!doctype html><meta charset="utf-8"><title>${title}</title><h1>é ${title}</h1></html>`

app.get('/favicon.ico', (_request, response) => response.status(204).end())
app.get('/sent', async (_request, response) => {
  for (let n = 0; n < 6; n++) await pool.query('SELECT $1::int AS n', [n])
  response.send(html('sent'))
})
app.get('/streamed', async (_request, response) => {
  response.type('html')
  response.write('<!doctype html><meta charset="utf-8"><title>streamed</title>')
  await new Promise(resolve => setTimeout(resolve, 20))
  response.write('<h1>é streamed</h1>')
  response.end()
})
app.get('/length', (_request, response) => {
  const body = Buffer.from(html('length'))
  response.writeHead(200, { 'Content-Type': 'text/html', 'Content-Length': body.length })
  response.end(body, () => {})
})
app.get('/compressed', (_request, response) => {
  response
    .type('html')
    .set('content-encoding', 'gzip')
    .end(gzipSync(html('compressed')))
})
app.get('/nonce', (_request, response) => {
  response.set(
    'content-security-policy',
    "default-src 'none'; script-src 'nonce-r4nd0m' 'strict-dynamic'",
  )
  response.send(html('nonce'))
})
app.get('/strict', (_request, response) => {
  response.set('content-security-policy', "default-src 'none'").send(html('strict'))
})
app.get('/data', async (_request, response) => {
  await pool.query('SELECT 7')
  response.json('data')
})
app.get('/exit', (_request, response) => response.end('', () => process.exit(0)))

const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
