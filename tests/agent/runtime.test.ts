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
