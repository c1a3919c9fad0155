// Hono on Node's server, with applications in each other. HONO says which of its ready-made ones. Prints its port.
import { serve } from '@hono/node-server'
import { declaredRoutes } from './declared.mjs'

const { Hono } = await import(process.env.HONO ?? 'hono')
const app = new Hono()

const stalls = new Hono()
stalls.get('/:stall', context => context.json(context.req.param()))
stalls.post('/', context => context.text('made', 201))
const towns = new Hono().basePath('/towns')
towns.route('/:town/stalls', stalls)
app.use('*', async (_context, next) => next())
app.use('/guarded/*', async (context, _next) => context.text('no', 401))
app.get('/guarded/:thing', context => context.text('never'))
app.route('/', towns)
app.get('/throws', () => {
  throw new TypeError('by a handler')
})
app.get('/throws-later', async () => {
  await new Promise(resolve => setTimeout(resolve, 2))
  throw new RangeError('by a handler, later')
})
app.all('/anything', context => context.text('any'))
app.get('/declared', context => context.json(declaredRoutes()))
app.get('/exit', context => {
  setTimeout(() => process.exit(0), 10)
  return context.text('now')
})
app.onError((_error, context) => context.text('failed', 500))

serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) =>
  console.log(`port ${port}`),
)
