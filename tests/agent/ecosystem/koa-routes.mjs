// Koa with routers in each other. Prints its port.
import Router from '@koa/router'
import Koa from 'koa'
import { declaredRoutes } from './declared.mjs'

const app = new Koa()
app.silent = true

const stalls = new Router()
stalls.get('/:stall', context => {
  context.body = context.params
})
stalls.post('/', context => {
  context.status = 201
})
const router = new Router({ prefix: '/towns' })
router.use((_context, next) => next())
router.get('/:town', context => {
  context.body = context._matchedRoute
})
router.use('/:town/stalls', stalls.routes())

const others = new Router()
others.get('/throws', () => {
  throw new TypeError('by a handler')
})
others.get('/throws-text', () => {
  throw 'no error at all'
})
others.get('/handled', context => {
  try {
    throw new RangeError('taken by a handler')
  } catch (error) {
    context.status = 502
    context.app.emit('error', error, context)
  }
})
others.get('/refused', context => context.throw(403, 'not yours'))
others.all('/anything', context => {
  context.body = 'any'
})
others.get('/declared', context => {
  context.body = declaredRoutes()
})
others.get('/exit', context => {
  context.body = 'now'
  setTimeout(() => process.exit(0), 10)
})
app.use(router.routes()).use(router.allowedMethods())
app.use(others.routes())

const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
