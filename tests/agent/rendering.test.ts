import { describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'

const SERVER = 2

/** What is called, the one template that it renders, and how long that takes at least. */
const CALLS: readonly (readonly [path: string, template: string, ms: number])[] = [
  ['/express-ejs', 'render town.ejs', 20],
  ['/express-pug', 'render town.pug', 20],
  ['/ejs-file', 'render tests/agent/ecosystem/views/town.ejs', 20],
  ['/ejs-promise', 'render tests/agent/ecosystem/views/town.ejs', 20],
  ['/ejs-text', 'render ejs', 0],
  ['/ejs-compiled', 'render ejs', 10],
  ['/pug-text', 'render pug', 0],
  ['/pug-compiled', 'render pug', 0],
  ['/handlebars', 'render handlebars', 10],
  ['/handlebars-own', 'render handlebars', 0],
  ['/react-text', 'render Town', 10],
  ['/react-pipe', 'render Page', 30],
  ['/react-stream', 'render Page', 30],
]

/** Not what blocked an event loop meanwhile, which is told too. */
const rendered = (spans: readonly ReceivedSpan[]) =>
  spans.filter(({ attributes }) => 'template.name' in attributes)
const ms = ({ startUnixNs, endUnixNs }: ReceivedSpan) => Number(endUnixNs - startUnixNs) / 1e6

describe('template rendering, as the Node agent sees it', () => {
  it.each(NODES)(
    'is one span under its request for each template, whatever that includes, on Node %s',
    async (_version, node) => {
      await using receiver = await startOtlpReceiver()
      await using app = await startWithAgent('rendering.mjs', receiver.endpoint, {
        node,
      })
      const bodies: string[] = []
      for (const [path] of CALLS) bodies.push(await app.get(path))
      expect(bodies[0]).toBe('<h1>Delft</h1><p>1</p>\n\n')
      expect(bodies[8]).toBe('<h1>Delft</h1><p>1</p>')
      expect(bodies[11]).toContain('stalls')
      expect(await app.get('/ejs-client')).toBe('true')
      const { spans } = receiver
      const requests = await eventually('the spans', async () => {
        const now = spans.filter(({ kind, name }) => kind === SERVER && name !== 'GET /asked')
        return now.length > CALLS.length ? now : undefined
      })
      for (const [n, [path, template, leastMs]] of CALLS.entries()) {
        const request = requests[n]
        const own = rendered(spans).filter(({ traceId }) => traceId === request?.traceId)
        expect([path, ...own.map(({ name }) => name)]).toEqual([path, template])
        expect(own[0]?.parentSpanId).toBe(request?.spanId)
        expect(own[0]?.attributes['template.name']).toBe(template.slice('render '.length))
        // A timer counts from when its loop began: on a busy machine some of that is over already.
        if (own[0] !== undefined) expect(ms(own[0])).toBeGreaterThanOrEqual(leastMs - 5)
      }
      expect(rendered(spans).length).toBe(CALLS.length)
      // What the application does after a template is no part of it.
      for (const path of ['/ejs-file', '/react-stream']) {
        const request = requests[CALLS.findIndex(([called]) => called === path)]
        const call = spans.find(
          ({ scope, traceId }) => scope.endsWith('undici') && traceId === request?.traceId,
        )
        expect(call?.parentSpanId).toBe(request?.spanId)
      }
      expect(app.standardError()).toBe('')
    },
  )

  it('tells a template that fails, and leaves the error to the application', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('rendering.mjs', receiver.endpoint)
    expect(await app.get('/express-fails')).toBe('ReferenceError')
    const [request, template] = await eventually('the spans', async () => {
      const [first] = rendered(receiver.spans)
      const server = receiver.spans.find(({ kind }) => kind === SERVER)
      return first && server ? [server, first] : undefined
    })
    expect(template?.status).toBe(2)
    expect(template?.parentSpanId).toBe(request?.spanId)
    expect(template?.events[0]?.attributes['exception.message']).toContain('town is not defined')
    expect(request?.events[0]?.attributes['exception.stacktrace']).toContain('town.ejs')
  })
})
