// An application that makes spans by hand with `@opentelemetry/api`, of which it has two copies, and starts no SDK.
// BRIDGED_SDK=1: it sets one up. Environment: BRIDGED_DATABASE.
import { EventEmitter } from 'node:events'
import http from 'node:http'
import { createRequire } from 'node:module'
import {
  context,
  createContextKey,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import pg from 'pg'

const fromRoot = createRequire(new URL('../../../package.json', import.meta.url))
const second = fromRoot('@opentelemetry/api')
const early = trace.getTracer('shop', '1.2.3')

let finished = []
if (process.env.BRIDGED_SDK === '1') {
  const { NodeTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = fromRoot(
    '@opentelemetry/sdk-trace-node',
  )
  const exporter = new InMemorySpanExporter()
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  provider.register()
  finished = exporter
}

const pool = new pg.Pool({ connectionString: process.env.BRIDGED_DATABASE, max: 2 })
const KEY = createContextKey('own')
const pause = () => new Promise(resolve => setTimeout(resolve, 2))

const pages = {
  async '/spans'() {
    trace.getActiveSpan().setAttribute('user.id', 'u1').addEvent('seen', { n: 1 })
    await early.startActiveSpan('outer', { kind: SpanKind.PRODUCER }, async outer => {
      outer.setAttributes({ text: 'a', flag: true, share: 0.5, list: ['x', 'y'], none: undefined })
      outer.addLink({
        context: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 },
        attributes: { why: 'test' },
      })
      await pool.query('SELECT 1 AS in_outer')
      // By the other copy of the API, and step by step.
      const inner = second.trace.getTracer('second').startSpan('inner')
      await second.context.with(second.trace.setSpan(second.context.active(), inner), async () => {
        await pause()
        await pool.query('SELECT 2 AS in_inner')
      })
      inner.recordException(new TypeError('not this'))
      inner.setStatus({ code: SpanStatusCode.ERROR, message: 'it failed' })
      inner.end()
      inner.setAttribute('late', true)
      outer.end()
    })
    await pool.query('SELECT 3 AS in_request')
    const past = Date.now() - 5_000
    early.startSpan('past', { startTime: past, root: true }).end(past + 1_500)
    const many = early.startSpan('many')
    for (let n = 0; n < 200; n++) many.setAttribute(`key.${n}`, n)
    many.end()
    return 'spans'
  },

  async '/context'(request) {
    const seen = {}
    const baggage = propagation.getActiveBaggage()
    seen.baggage = baggage?.getEntry('tenant')?.value
    const more = propagation
      .setBaggage(
        context.active(),
        (baggage ?? propagation.createBaggage()).setEntry('added', { value: 'é' }),
      )
      .setValue(KEY, 'mine')
    await context.with(more, async () => {
      await pause()
      seen.value = context.active().getValue(KEY)
      const carrier = {}
      propagation.inject(context.active(), carrier)
      seen.carrier = carrier
      seen.echo = await (await fetch(`http://${request.headers.host}/echo`)).json()
      early.startActiveSpan('child', child => {
        seen.inherited = context.active().getValue(KEY)
        child.end()
      })
    })
    seen.outside = context.active().getValue(KEY) ?? null
    seen.root = context.with(ROOT_CONTEXT, () => trace.getActiveSpan() ?? null)
    const emitter = context.bind(more, new EventEmitter())
    emitter.on('it', () => {
      seen.bound = [
        context.active().getValue(KEY),
        context.bind(more, () => context.active().getValue(KEY))(),
      ]
    })
    emitter.emit('it')
    const remote = propagation.extract(ROOT_CONTEXT, {
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      tracestate: 'x=1',
    })
    early.startSpan('of a message', {}, remote).end()
    await context.with(remote, () => pool.query('SELECT 4 AS in_remote'))
    return seen
  },

  // An instrumentation of what the agent sees by itself.
  async '/twice'() {
    const tracer = trace.getTracer('@opentelemetry/instrumentation-pg')
    await tracer.startActiveSpan('pg.query', async span => {
      await pool.query('SELECT 5 AS once')
      span.end()
    })
    return 'twice'
  },

  async '/sdk'() {
    early.startActiveSpan('for the SDK', span => span.end())
    return finished.getFinishedSpans().map(({ name }) => name)
  },

  async '/echo'(request) {
    return { traceparent: request.headers.traceparent, baggage: request.headers.baggage }
  },
}

const server = http.createServer(async (request, response) => {
  if (request.url === '/exit') return response.end('', () => process.exit(0))
  try {
    response.end(JSON.stringify(await pages[request.url](request)))
  } catch (error) {
    response.statusCode = 500
    response.end(String(error.stack))
  }
})
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`))
