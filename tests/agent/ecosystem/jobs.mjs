// Workers of jobs: BullMQ on the Redis of JOBS_REDIS_PORT, once more by the copy at JOBS_OTHER_BULLMQ, cron and node-cron,
// statements on JOBS_DATABASE. Prints its port; a job is added by a request.

import http from 'node:http'
import { createRequire } from 'node:module'
import { Worker as Thread } from 'node:worker_threads'
import { Queue, Worker } from 'bullmq'
import { CronJob } from 'cron'
import nodeCron, { schedule } from 'node-cron'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.JOBS_DATABASE, max: 3 })
const connection = { host: '127.0.0.1', port: Number(process.env.JOBS_REDIS_PORT) }
const queue = new Queue('letters', { connection })
const waiting = new Queue('waiting', { connection })
await waiting.add('first', {})
await waiting.add('urgent', {}, { priority: 1 })
await waiting.add('later', {}, { delay: 3_600_000 })
const send = async job => {
  await pool.query('SELECT $1::int AS letter', [job.data.letter])
  await new Promise(resolve => setTimeout(resolve, 20))
  await pool.query('SELECT 1 AS sent')
  if (job.name === 'lost') throw new TypeError('no such address')
  return job.data.letter
}
const others = createRequire(import.meta.url)(process.env.JOBS_OTHER_BULLMQ)
const workers = [Worker, others.Worker].map(
  Workers => new Workers('letters', send, { connection, concurrency: 2 }),
)
const done = []
const byWorker = [0, 0]
for (const [n, worker] of workers.entries()) {
  worker.on('completed', (_job, result) => {
    byWorker[n]++
    done.push(result)
  })
  worker.on('failed', job => done.push(`failed ${job.name}`))
}

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

const named = schedule(
  '* * * * * *',
  async () => {
    await pool.query('SELECT 4 AS named')
  },
  { name: 'by its name' },
)

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
    await named.stop()
    await Promise.all(workers.map(worker => worker.close()))
    await queue.close()
    await waiting.obliterate({ force: true })
    await waiting.close()
    await pool.end()
    return response.end('now', () => setImmediate(() => process.exit(0)))
  }
  response.end(JSON.stringify({ done, ticks, byWorker }))
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
