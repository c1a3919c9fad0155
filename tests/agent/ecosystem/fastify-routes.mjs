// Fastify with plugins below prefixes, a hook that refuses, and an error handler. Prints its port.
import fastify from 'fastify'
import { declaredRoutes } from './declared.mjs'

const app = fastify()

await app.register(
  async towns => {
    towns.get('/:town', async request => request.params)
    await towns.register(
      async stalls => {
        stalls.get('/:stall', async request => request.params)
        stalls.post('/', async (_request, reply) => reply.code(201).send('made'))
      },
      { prefix: '/:town/stalls' },
    )
  },
  { prefix: '/towns' },
)
await app.register(
  async guarded => {
    guarded.addHook('onRequest', async (_request, reply) => reply.code(401).send('no'))
    guarded.get('/:thing', async () => 'never')
  },
  { prefix: '/guarded' },
)
await app.register(async handled => {
  handled.setErrorHandler((_error, _request, reply) => reply.code(502).send('taken'))
  handled.get('/handled', async () => {
    throw new RangeError('taken by a handler')
  })
})
app.get('/throws', async () => {
  throw new TypeError('by a handler')
})
app.get('/throws-text', (_request, reply) => {
  reply.code(500)
  throw 'no error at all'
})
app.all('/anything', async () => 'any')
app.get('/declared', async () => declaredRoutes())
app.get('/exit', (_request, reply) => {
  reply.send('now')
  setTimeout(() => process.exit(0), 10)
})

await app.listen({ port: 0, host: '127.0.0.1' })
console.log(`port ${app.server.address().port}`)
