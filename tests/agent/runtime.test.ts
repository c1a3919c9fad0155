import { describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import type { ReceivedPoint } from './otlp-metrics.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

const latest = (points: readonly ReceivedPoint[], name: string, attribute?: string) =>
  points.findLast(
    point =>
      point.name === name &&
      (attribute === undefined || Object.values(point.attributes).includes(attribute)),
  )

describe('the runtime of an application', () => {
  it.each(NODES)('is told by the conventions’ metrics on Node %s', async (_version, node) => {
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('runtime.mjs', receiver.endpoint, {
      node,
      flags: ['--expose-gc'],
    })
    const waiting = app.get('/wait?ms=1500')
    for (let n = 0; n < 20; n++) await app.get('/keep')
    await app.get('/block?ms=400')
    await app.get('/collect')
    const { metrics } = receiver
    await eventually('the floor of the heap', async () =>
      latest(metrics, 'perfloop.v8js.memory.heap.floor'),
    )
    expect(latest(metrics, 'http.server.active_requests')).toMatchObject({ value: 1, type: 'sum' })
    expect(await waiting).toBe('waited')

    const floor = latest(metrics, 'perfloop.v8js.memory.heap.floor')
    expect(floor).toMatchObject({ unit: 'By', type: 'gauge', service: 'watched' })
    expect(floor?.value).toBeGreaterThan(20e6)
    expect(floor?.value).toBeLessThan(60e6)
    expect(latest(metrics, 'v8js.gc.duration', 'major')?.count).toBeGreaterThan(0)
    expect(latest(metrics, 'v8js.memory.heap.used', 'old_space')?.value).toBeGreaterThan(1e6)
    expect(latest(metrics, 'v8js.memory.heap.limit')?.value).toBeGreaterThan(100e6)
    const longest = metrics
      .filter(({ name }) => name === 'nodejs.eventloop.delay.max')
      .map(({ value }) => value)
    expect(Math.max(...longest)).toBeGreaterThan(0.37)
    expect(Math.max(...longest)).toBeLessThan(0.9)
    expect(latest(metrics, 'nodejs.eventloop.time', 'active')?.value).toBeGreaterThan(0.4)
    expect(latest(metrics, 'process.cpu.time', 'user')?.value).toBeGreaterThan(0.3)
    expect(latest(metrics, 'process.memory.usage')?.value).toBeGreaterThan(60e6)
    expect(latest(metrics, 'v8js.resource.active', 'TCPServerWrap')?.value).toBe(1)
    for (const { startUnixNs, timeUnixNs, bucketCounts, bounds, type, count } of metrics) {
      expect(Math.abs(Number(timeUnixNs / 1_000_000n) - Date.now())).toBeLessThan(60_000)
      if (type === 'gauge') continue
      expect(startUnixNs <= timeUnixNs).toBe(true)
      if (type !== 'histogram') continue
      expect(bucketCounts.length).toBe(bounds.length + 1)
      expect(bucketCounts.reduce((sum, one) => sum + one, 0)).toBe(count)
    }
    expect(app.standardError()).toBe('')
  })

  it('is not told where the metrics are turned off', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('runtime.mjs', receiver.endpoint, {
      env: { OTEL_METRICS_EXPORTER: 'none', OTEL_METRIC_EXPORT_INTERVAL: '50' },
    })
    await app.get('/block?ms=200')
    await eventually('the span', async () => receiver.spans[0])
    expect(receiver.metrics).toEqual([])
  })
})

describe('an event loop that is blocked', () => {
  it.each(NODES)(
    'is told with the stack that blocked it, under its request, on Node %s',
    async (_version, node) => {
      await using receiver = await startOtlpReceiver()
      await using app = await startWithAgent('runtime.mjs', receiver.endpoint, { node })
      const { spans } = receiver
      // On a machine with other things to do it is told as starved, with the same.
      const blocks = () => spans.filter(({ name }) => name.startsWith('event loop '))
      await app.get('/')
      await eventually('the exporting thread', async () => spans[0])
      await app.get('/block?ms=30')
      await app.get('/block?ms=400')
      const block = await eventually('the block', async () => blocks()[0])
      await app.get('/late?ms=500')
      await eventually('the other block', async () => blocks()[1])

      const request = spans.find(({ spanId }) => spanId === block.parentSpanId)
      expect(request?.attributes['url.path']).toBe('/block')
      expect(block.traceId).toBe(request?.traceId)
      const lastedMs = Number(block.endUnixNs - block.startUnixNs) / 1e6
      expect(lastedMs).toBeGreaterThan(360)
      expect(lastedMs).toBeLessThan(900)
      expect(block.attributes).toMatchObject({ 'code.function.name': 'sortSlowly' })
      expect(block.attributes['code.file.path']).toMatch(/ecosystem\/runtime\.mjs$/)
      const stack = String(block.attributes['code.stacktrace']).split('\n')
      const at = stack.findIndex(line =>
        /^ {4}at sortSlowly \(.*runtime\.mjs:\d+:\d+\)$/.test(line),
      )
      // Above it there may be what it calls.
      expect(at).toBeGreaterThanOrEqual(0)
      expect(stack[at + 1]).toContain('runtime.mjs')
      expect(stack.join('\n')).not.toContain('@perfloop')
      // Long after its answer, and still for its request.
      const late = spans.find(({ spanId }) => spanId === blocks()[1]?.parentSpanId)
      expect(late?.attributes['url.path']).toBe('/late')
      expect(blocks().length).toBe(2)
      expect(await app.get('/prepared')).toBe('0')
      expect(app.standardError()).toBe('')
    },
  )
})

describe('an error that nobody catches', () => {
  it.each([
    ['/throw-later', 'uncaught exception', 'RangeError', 'outside of any request'],
    ['/reject-later', 'unhandled rejection', 'TypeError', 'rejected'],
  ])('ends the process as ever, and is sent before (%s)', async (path, name, type, message) => {
    await using receiver = await startOtlpReceiver()
    const ends: string[] = []
    for (const bare of [true, false]) {
      await using app = await startWithAgent('runtime.mjs', receiver.endpoint, { bare })
      await app.get(path)
      expect(await app.exited).toBe(1)
      ends.push(app.standardError())
    }
    expect(ends[1]).toBe(ends[0])
    const [span] = receiver.spans.filter(span => span.name === name)
    expect(span).toMatchObject({ status: 2, attributes: { 'error.type': type } })
    expect(span?.events[0]?.attributes).toMatchObject({
      'exception.type': type,
      'exception.message': message,
    })
    const request = receiver.spans.find(({ spanId }) => spanId === span?.parentSpanId)
    expect(request?.attributes['url.path']).toBe(path)
    expect(receiver.spans.filter(({ status }) => status === 2).length).toBe(1)
  })
})
