// A worker of jobs: BullMQ on the Redis of JOBS_REDIS_PORT, cron and node-cron, statements in an SQLite file in memory or
// on JOBS_DATABASE. Prints its port; a job is added by a request.

import http from 'node:http'
import { Worker as Thread } from 'node:worker_threads'
import { Queue, Worker } from 'bullmq'
import { CronJob } from 'cron'
import nodeCron from 'node-cron'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.JOBS_DATABASE, max: 3 })
const connection = { host: '127.0.0.1', port: Number(process.env.JOBS_REDIS_PORT) }
const queue = new Queue('letters', { connection })
const worker = new Worker(
  'letters',
  async job => {
    await pool.query('SELECT $1::int AS letter', [job.data.letter])
    await new Promise(resolve => setTimeout(resolve, 20))
    await pool.query('SELECT 1 AS sent')
    if (job.name === 'lost') throw new TypeError('no such address')
    return job.data.letter
  },
  { connection, concurrency: 4 },
)
const done = []
worker.on('completed', (_job, result) => done.push(result))
worker.on('failed', job => done.push(`failed ${job.name}`))

const ticks = []
const tidy = CronJob.from({
  cronTime: '* * * * * *',
  name: 'tidy up',
  onTick: async function () {
    ticks.push(this === tidy)
    await pool.query('SELECT 2 AS tidied')
  },
  start: true,
})
const count = nodeCron.schedule('* * * * * *', async () => {
  await pool.query('SELECT 3 AS counted')
})

const server = http.createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1')
  if (pathname === '/add') {
    const n = Number(searchParams.get('letter'))
    await queue.add(searchParams.get('name'), { letter: n }, { attempts: 1 })
  }
  if (pathname === '/thread') {
    const answer = await new Promise((resolve, reject) => {
      const thread = new Thread('require("node:worker_threads").parentPort.postMessage(6 * 7)', {
        eval: true,
      })
      thread.on('message', resolve).on('error', reject)
    })
    return response.end(String(answer))
  }
  if (pathname === '/exit') {
    tidy.stop()
    await count.stop()
    await worker.close()
    await queue.close()
    await pool.end()
    return response.end('now', () => setImmediate(() => process.exit(0)))
  }
  response.end(JSON.stringify({ done, ticks }))
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
