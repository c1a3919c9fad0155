// Pages with a known time in the database and in a template, by several workers of a cluster when LOGGED_WORKERS says so.
// Environment: LOGGED_DATABASE.
import cluster from 'node:cluster'
import ejs from 'ejs'
import express from 'express'
import pg from 'pg'

if (process.env.LOGGED_WORKERS && cluster.isPrimary) {
  for (let n = 0; n < Number(process.env.LOGGED_WORKERS); n++) cluster.fork()
  cluster.once('listening', (_worker, { port }) => console.log(`port ${port}`))
  cluster.on('message', () => {
    for (const worker of Object.values(cluster.workers)) worker.send('exit')
  })
} else {
  const pool = new pg.Pool({ connectionString: process.env.LOGGED_DATABASE })
  const app = express()
  app.get('/projects/:id', async (_request, response) => {
    await pool.query('SELECT pg_sleep(0.1)')
    await Promise.all([pool.query('SELECT pg_sleep(0.2)'), pool.query('SELECT pg_sleep(0.2)')])
    response.send('done')
  })
  app.get('/rendered', (_request, response) => {
    response.send(
      ejs.render('<% const until = Date.now() + 60; while (Date.now() < until); %>done'),
    )
  })
  app.get('/quick', (_request, response) => response.send('quick'))
  app.get('/exit', (_request, response) => {
    response.end('', () => (cluster.isWorker ? process.send('exit') : process.exit(0)))
  })
  process.on('message', () => process.exit(0))
  const server = app.listen(0, '127.0.0.1', () => {
    if (!cluster.isWorker) console.log(`port ${server.address().port}`)
  })
}
