// What applications may do, though few do it: `/` answers what came of it, and ends the same with the agent and without.
import http from 'node:http'
import { context, createContextKey, trace } from '@opentelemetry/api'
import { CronJob } from 'cron'
import { Hono } from 'hono'

/** As queries of mappers are: it does its work whenever it is waited for. */
function lazyWork() {
  const lazy = {
    done: 0,
    // biome-ignore lint/suspicious/noThenProperty: that is what it is about
    then(resolve) {
      lazy.done++
      resolve?.()
    },
    catch() {
      lazy.done++
      return lazy
    },
  }
  return lazy
}

async function workOfHono() {
  const lazy = lazyWork()
  const app = new Hono()
  app.use('/lazy', (c, _next) => {
    c.res = new Response('lazy')
    return lazy
  })
  app.get('/lazy', c => c.text('never'))
  await app.request('/lazy')
  return lazy.done
}

function workOfCron() {
  const lazy = lazyWork()
  const job = CronJob.from({ cronTime: '0 0 1 1 *', onTick: () => lazy })
  job.fireOnTick()
  return lazy.done
}

/** Somebody who patches `http.request` sees no `http.get`, which is a function of its own. */
function seenByPatch() {
  const { request } = http
  let seen = 0
  http.request = (...args) => {
    seen++
    return request(...args)
  }
  http.get({ port: 1, host: '127.0.0.1' }).on('error', () => {})
  http.request = request
  return seen
}

const telling = error => (error instanceof Error ? error.message : error)
function attempt(work) {
  try {
    return work()
  } catch (error) {
    return telling(error)
  }
}

const KEY = createContextKey('of the application')
const throwing = {
  get message() {
    throw new Error('no message')
  },
}

/** With and without somebody who listens, the API throws nothing. */
function apiWithNonsense() {
  const tracer = trace.getTracer('unusual')
  return [
    attempt(() => context.with(undefined, () => 'nothing')),
    attempt(() => context.with(trace.setSpan(context.active(), {}), () => 'no span')),
    attempt(() => {
      const span = tracer.startSpan('odd', null)
      span.setStatus(undefined)
      span.addLink(undefined)
      span.addLinks(null)
      span.recordException(throwing)
      span.setAttributes({ half: '\ud800' })
      span.end()
      span.end()
      return 'ended'
    }),
  ]
}

/** Each begins within the one before, as in a loop that calls itself: how many are held when the last one runs. */
function heldSpansOfChain() {
  const tracer = trace.getTracer('unusual')
  const chain = []
  return new Promise(resolve => {
    const next = left =>
      tracer.startActiveSpan(`link ${left}`, span => {
        chain.push(new WeakRef(span))
        context.active()
        span.end()
        if (left > 0) return void setTimeout(next, 1, left - 1)
        setTimeout(() => {
          globalThis.gc()
          resolve(chain.filter(link => link.deref() !== undefined).length)
        }, 10)
      })
    next(50)
  })
}

/** A context within a context within … with a span that does nothing: the way of a loop that calls itself. */
function deepContexts() {
  const idle = trace.wrapSpanContext({
    traceId: '0'.repeat(32),
    spanId: '0'.repeat(16),
    traceFlags: 0,
  })
  let depth = 0
  return new Promise(resolve => {
    const next = () =>
      context.with(trace.setSpan(context.active(), idle), () => {
        if (++depth === 20_000) resolve(depth)
        else if (depth % 100 === 0) setImmediate(next)
        else process.nextTick(next)
      })
    next()
  })
}

const server = http.createServer(async (request, response) => {
  if (request.url === '/exit') return response.end('', () => process.exit(0))
  if (request.url === '/slow') return setTimeout(() => response.end('slow'), 5)
  if (request.url === '/pairs') {
    response.writeHead(200, [['content-type', 'text/odd']])
    return response.end('pairs')
  }
  if (request.url.startsWith('/same')) {
    const { body } = await dispatcher.request(same)
    await body.text()
    return response.end('same')
  }
  if (request.url === '/deep') return response.end(String(await deepContexts()))
  if (request.url === '/chain') return response.end(String(await heldSpansOfChain()))
  const values = context.with(context.active().setValue(KEY, 'kept'), () => {
    const tracer = trace.getTracer('unusual')
    return tracer.startActiveSpan('outer', () =>
      tracer.startActiveSpan('inner', () => context.active().getValue(KEY)),
    )
  })
  response.end(
    JSON.stringify({
      hono: await workOfHono(),
      cron: workOfCron(),
      seen: seenByPatch(),
      api: apiWithNonsense(),
      values,
    }),
  )
})

server.on('checkContinue', (request, response) => {
  response.writeContinue()
  request.pipe(response)
})

server.on('upgrade', async (_request, socket) => {
  socket.on('error', () => {})
  await (await fetch(`http://127.0.0.1:${server.address().port}/slow`)).text()
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: odd\r\n\r\n')
  socket.end(Buffer.from('HTTP/1.1 500 is content by now'))
})
server.on('connect', (_request, socket) => {
  socket.on('error', () => {})
  socket.end(Buffer.from('HTTP/1.1 405 Method Not Allowed\r\n\r\n'))
})

let dispatcher
let same
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address()
  await fetch('data:,')
  const { constructor: Agent } = globalThis[Symbol.for('undici.globalDispatcher.1')]
  dispatcher = new Agent()
  // One object for all requests.
  same = { origin: `http://127.0.0.1:${port}`, path: '/slow', method: 'GET' }
  console.log(`port ${port}`)
})
