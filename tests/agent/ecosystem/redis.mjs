// A cache, by `redis`, by `redis` 4 and by `ioredis`, as their users write it. Environment: REDIS_PORT; IOREDIS, where another
// version of ioredis is. Prints its port.

import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { createClient, createClientPool } from 'redis'
import { createClient as createClient4 } from 'redis4'

const { Redis } = createRequire(import.meta.url)(process.env.IOREDIS ?? 'ioredis')
const port = Number(process.env.REDIS_PORT)

const client = await createClient({ socket: { host: '127.0.0.1', port } }).connect()
const client4 = createClient4({ url: `redis://127.0.0.1:${port}/2` })
await client4.connect()
const pool = await createClientPool(
  { socket: { host: '127.0.0.1', port } },
  { maximum: 1 },
).connect()
const io = new Redis({ host: '127.0.0.1', port, db: 1, lazyConnect: true })

const routes = {
  async '/redis'() {
    await client.set('user:42', 'secret one', { EX: 60 })
    await client.hSet('basket:7', { apple: 'secret two' })
    const [one, none] = await Promise.all([client.get('user:42'), client.get('user:43')])
    return [one, none, await client.sendCommand(['EXISTS', 'user:42'])]
  },
  async '/redis-batches'() {
    const answers = await client.multi().set('a', '1').get('a').exec()
    const piped = await client.multi().get('a').get('b').execAsPipeline()
    return [answers, piped]
  },
  async '/redis-pool'() {
    return Promise.all([1, 2, 3].map(n => pool.get(`town:${n}`)))
  },
  async '/redis-wrong'() {
    await client.set('text', 'abc')
    return client.lPush('text', 'x').catch(error => error.message)
  },
  async '/redis4'() {
    await client4.set('user:42', 'secret one', { EX: 60 })
    await client4.hSet('basket:7', { apple: 'secret two' })
    const [one, none] = await Promise.all([client4.get('user:42'), client4.get('user:43')])
    return [one, none, await client4.sendCommand(['EXISTS', 'user:42'])]
  },
  async '/redis4-batches'() {
    const answers = await client4.multi().set('a', '1').get('a').exec()
    const piped = await client4.multi().get('a').get('b').execAsPipeline()
    return [answers, piped]
  },
  async '/redis4-wrong'() {
    await client4.set('text', 'abc')
    return client4.lPush('text', 'x').catch(error => error.message)
  },
  async '/ioredis'() {
    await io.set('user:42', 'secret one', 'EX', 60)
    const [one, none] = await Promise.all([io.get('user:42'), io.get('user:43')])
    const called = await new Promise((resolve, reject) =>
      io.mget('user:42', 'user:43', (error, all) => (error ? reject(error) : resolve(all))),
    )
    return [one, none, called]
  },
  async '/ioredis-batches'() {
    const piped = await io.pipeline().get('a').get('b').exec()
    const transaction = await io.multi().set('c', 'secret three').incr('d').del('d').exec()
    return [piped, transaction]
  },
  async '/ioredis-wrong'() {
    await io.set('text', 'abc')
    return io.lpush('text', 'x').catch(error => error.message)
  },
}

const server = createServer(async (request, response) => {
  if (request.url === '/exit') {
    response.end('now', () => setImmediate(() => process.exit(0)))
    return
  }
  try {
    response.end(JSON.stringify(await routes[request.url]()))
  } catch (error) {
    response.statusCode = 500
    response.end(String(error.stack))
  }
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
