// Express 5, or 4 where EXPRESS says so, with routers and applications mounted in each other. Prints its port.
import { declaredRoutes } from './declared.mjs'

const { default: express } = await import(process.env.EXPRESS ?? 'express')
const app = express()

const stalls = express.Router({ mergeParams: true })
stalls.get('/:stall', (request, response) => response.json(request.params))
stalls
  .route('/')
  .get((_request, response) => response.json('all'))
  .post((_request, response) => response.status(201).json('made'))
const towns = express.Router({ mergeParams: true })
towns.use('/:town/stalls', stalls)
app.use('/towns', towns)
// One router in two places.
app.use('/countries/:country/markets', stalls)

const admin = express()
admin.get('/users/:user', (_request, response) => response.json('user'))
admin.use((error, _request, response, next) => {
  if (error.message === 'seen by admin') response.status(500).json('taken')
  else next(error)
})
admin.get('/fails', () => {
  throw new Error('seen by nobody but the root')
})
app.use('/admin', admin)

const legacy = express()
legacy.get('/old', (_request, response) => response.json('old'))
const between = express.Router()
between.use('/legacy', legacy)
app.use(['/first', '/second'], between)

// A router that is called by hand.
const byHand = express.Router()
byHand.get('/report', (_request, response) => response.json('report'))
app.use('/tenants/:tenant', (request, response, next) => byHand(request, response, next))

// Slashes within parentheses, as only Express 4 takes them.
if (typeof app.lazyrouter === 'function') {
  const zone = express.Router()
  zone.get('/plan', (_request, response) => response.json('plan'))
  app.use('/zones/:zone(inner/city)', zone)
}

app.get(/^\/pattern-(\d+)$/, (_request, response) => response.json('pattern'))
app.get(['/one', '/two'], (_request, response) => response.json('either'))
app.get('', (_request, response) => response.json('root'))
app.search('/fruit', (_request, response) => response.json('found'))
app.all('/anything', (_request, response) => response.json('any'))
app.use('/guarded', (_request, _response, next) => next(new RangeError('by a guard')))
app.get('/throws', () => {
  throw new TypeError('by a handler')
})
app.get('/throws-text', (_request, _response, next) => next('no error at all'))
app.get('/skips', (_request, _response, next) => next('route'))
app.get('/skips', (_request, response) => response.json('skipped'))
app.get('/declared', (_request, response) => response.json(declaredRoutes()))
app.get('/recognizable', (_request, response) => {
  const { stack } = app._router ?? app.router
  response.json(stack.some(({ handle }) => handle === stalls))
})
app.get('/exit', (_request, response) => {
  response.end('now', () => setImmediate(() => process.exit(0)))
})
app.get('/late', (_request, response) => {
  app.get('/declared-late/:id', (_later, answer) => answer.json('late'))
  response.json('declared')
})
app.use('/handled', (_request, _response) => {
  throw new Error('taken by a handler')
})
app.use((error, _request, response, _next) => response.status(500).json(String(error)))

const server = app.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
