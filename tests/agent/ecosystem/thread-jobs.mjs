// Threads that work: one that is given its job when it is made, and one that is given jobs by messages. Prints its port.
import { once } from 'node:events'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { trace } from '@opentelemetry/api'
import pg from 'pg'

if (isMainThread) serve()
else if (workerData === undefined) listen()
else await workOnce()

async function workOnce() {
  const client = new pg.Client(process.env.JOBS_DATABASE)
  await client.connect()
  await client.query('SELECT 1 AS once')
  if (workerData === 'throw') throw new RangeError('not today')
  if (workerData === 'listen') return listenAfterAll(client)
  await client.query('SELECT 2 AS once')
  await client.end()
  parentPort.postMessage('done')
}

/** What it does from then on is not of the job that it was given when it was made. */
function listenAfterAll(client) {
  trace.getTracer('thread').startActiveSpan('by hand', span => span.end())
  parentPort.on('message', () => {})
  setTimeout(async () => {
    await client.query('SELECT 3 AS later')
    await client.end()
    parentPort.postMessage('listened')
    parentPort.close()
  }, 10)
}

function listen() {
  const pool = new pg.Pool({ connectionString: process.env.JOBS_DATABASE, max: 2 })
  const ignore = () => {
    throw new Error('called though it was taken away')
  }
  parentPort.on('message', ignore)
  parentPort.off('message', ignore)
  parentPort.on('message', async function (letter) {
    await pool.query('SELECT $1::text AS letter', [letter])
    if (letter === 'lost') throw new RangeError('no such letter')
    parentPort.postMessage(`${letter} ${this === parentPort}`)
  })
}

async function endOf(thread) {
  let told
  thread.on('message', answer => (told = answer))
  thread.on('error', error => (told = error.message))
  await new Promise(resolve => thread.on('exit', resolve))
  return told
}

function serve() {
  const file = fileURLToPath(import.meta.url)
  const lasting = new Worker(file)
  const answers = {
    '/once': () => endOf(new Worker(file, { workerData: 'once' })),
    '/throw': () => endOf(new Worker(file, { workerData: 'throw' })),
    '/listen': () => endOf(new Worker(file, { workerData: 'listen' })),
    '/lost': () => {
      const thread = new Worker(file)
      thread.postMessage('lost')
      return endOf(thread)
    },
    '/letter': async () => {
      lasting.postMessage('a')
      const [answer] = await once(lasting, 'message')
      return answer
    },
    '/exit': () => 'now',
  }
  const server = http.createServer(async ({ url }, response) => {
    const answer = await answers[url]()
    response.end(answer, () => url === '/exit' && process.exit(0))
  })
  server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
}
