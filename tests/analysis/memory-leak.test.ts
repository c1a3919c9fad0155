import { expect, it } from 'vitest'
import { memoryLeak } from '../../packages/perfloop/src/analyzers/memory-leak/memory-leak.ts'
import { createPseudoRandom } from '../../packages/perfloop/src/statistics/pseudo-random.ts'
import { metricsRequest, type SentMetric } from '../send-metrics.ts'
import { openAnalysisHost } from './analysis-host.ts'

const MB = 1_000_000
const MINUTE_MS = 60_000
const START_MS = Date.UTC(2026, 2, 1, 8)

/** What lives after a full collection, in MB, by minutes since the start. */
type Living = (minute: number, noise: () => number) => number
type Way = 'heap' | 'python'

const leaking: Living = (minute, noise) => 60 + minute + noise()
const warmingUp: Living = (minute, noise) => 60 + 80 * (1 - Math.exp(-minute / 5)) + noise()
const sawtooth =
  (phase: number): Living =>
  (minute, noise) =>
    60 + 40 * (((minute + phase) % 9) / 9) + noise()

/** Points of the last `minutes`, one every ten seconds; the heap is collected about twice a minute. */
function tell(seed: number, service: string, living: Living, way: Way, instance = `${service}-1`) {
  const random = createPseudoRandom(seed)
  const noise = () => (random.next() + random.next() + random.next() - 1.5) * 2
  let floor = Number.NaN
  const points: { readonly atMs: number; readonly value: number }[] = []
  return (untilMs: number, minutes: number): object => {
    const from = points.length
    for (let atMs = untilMs - minutes * MINUTE_MS; atMs < untilMs; atMs += 10_000) {
      const isCollected = random.next() < 1 / 3 || Number.isNaN(floor)
      if (isCollected || way === 'python') floor = living((atMs - START_MS) / MINUTE_MS, noise) * MB
      points.push({ atMs, value: floor })
    }
    const told = points.slice(from)
    const level = (name: string, kind: SentMetric['kind'], add = 0): SentMetric => ({
      name,
      unit: 'By',
      kind,
      points: told.map(({ atMs, value }) => ({ atMs, value: value + add })),
    })
    const metrics =
      way === 'python'
        ? [level('process.memory.usage', 'updown')]
        : [
            level('perfloop.v8js.memory.heap.floor', 'gauge'),
            level('process.memory.usage', 'updown', 80 * MB),
            {
              ...level('v8js.memory.heap.limit', 'updown'),
              points: [{ atMs: untilMs - 1, value: 500 * MB }],
            },
          ]
    return metricsRequest({ 'service.name': service, 'service.instance.id': instance }, metrics)
  }
}

const TWINS = 20

it('finds a leak of a megabyte a minute within half an hour, and none in twenty processes each that warm up or fill and empty', async () => {
  await using host = await openAnalysisHost([memoryLeak], START_MS)
  const apps = Array.from({ length: TWINS }, (_, n) => [
    tell(n, `leak-${n}`, leaking, n % 2 === 0 ? 'heap' : 'python'),
    tell(100 + n, `warm-${n}`, warmingUp, n % 2 === 0 ? 'heap' : 'python'),
    tell(200 + n, `saw-${n}`, sawtooth(n), n % 2 === 0 ? 'heap' : 'python'),
  ]).flat()
  const found = new Map<string, number>()
  for (let minute = 5; minute <= 60; minute += 5) {
    host.nowMs = START_MS + minute * MINUTE_MS
    await host.receive(
      'metrics',
      apps.map(app => app(host.nowMs, 5)),
    )
    const { analyzers } = await host.look()
    expect(analyzers[0]?.reason).toBeUndefined()
    const { rows } = await host.control.issues.list({ limit: 200, offset: 0 })
    for (const { service } of rows) if (!found.has(service)) found.set(service, minute)
  }
  const leaks = [...found].filter(([service]) => service.startsWith('leak-'))
  expect([...found].filter(([service]) => !service.startsWith('leak-'))).toEqual([])
  expect(leaks).toHaveLength(TWINS)
  expect(leaks.filter(([, minute]) => minute <= 30).length).toBeGreaterThanOrEqual(TWINS * 0.9)

  const { rows } = await host.control.issues.list({ service: 'leak-0', limit: 5, offset: 0 })
  expect(rows).toMatchObject([
    {
      kind: 'memory-leak',
      operation: '',
      severity: 'high',
      exemplarTrace: '',
      evidence: { instance: 'leak-0-1', limit_bytes: 500 * MB, instances_growing: 1 },
    },
  ])
  const { growth_bytes_per_hour: growth, full_in_seconds: fullIn } = rows[0]?.evidence ?? {}
  expect(Number(growth) / (60 * MB)).toBeCloseTo(1, 1)
  // 500 MB are reached 440 minutes after the start, of which an hour has passed.
  expect(Number(fullIn) / 60 / 380).toBeCloseTo(1, 1)
}, 120_000)

it('finds the leak of a process older than what it looks at, at whatever second it looks', async () => {
  await using host = await openAnalysisHost([memoryLeak], START_MS)
  const slowly: Living = (minute, noise) => 60 + minute / 2 + noise()
  const apps = [tell(1, 'heap', slowly, 'heap'), tell(2, 'resident', slowly, 'python')]
  const { settleMs } = host.store.settings.analysis
  host.nowMs = START_MS + 8 * 60 * MINUTE_MS + 25_000 + (settleMs % MINUTE_MS)
  await host.receive(
    'metrics',
    apps.map(app => app(host.nowMs, 8 * 60)),
  )
  await host.look()
  const { rows } = await host.control.issues.list({ limit: 5, offset: 0 })
  expect(rows.map(({ service, status }) => `${service} ${status}`).sort()).toEqual([
    'heap open',
    'resident open',
  ])
}, 120_000)

it('resolves what a restart with a cure has ended, and reopens what comes back', async () => {
  await using host = await openAnalysisHost([memoryLeak], START_MS, settings => ({
    ...settings,
    analyzers: {
      ...settings.analyzers,
      memoryLeak: {
        ...settings.analyzers.memoryLeak,
        horizonMs: 30 * MINUTE_MS,
        quietObservedMs: 20 * MINUTE_MS,
      },
    },
  }))
  const statusAfter = async (
    minutes: number,
    app: (untilMs: number, minutes: number) => object,
  ) => {
    for (let passed = 0; passed < minutes; passed += 5) {
      host.nowMs += 5 * MINUTE_MS
      await host.receive('metrics', [app(host.nowMs, 5)])
      await host.look()
    }
    const { rows } = await host.control.issues.list({ limit: 5, offset: 0 })
    return rows.map(({ status }) => status)
  }
  expect(await statusAfter(40, tell(1, 'shop', leaking, 'heap'))).toEqual(['open'])
  expect(
    await statusAfter(
      45,
      tell(2, 'shop', () => 60, 'heap'),
    ),
  ).toEqual(['resolved'])
  const again: Living = (minute, noise) => 100 + 3 * (minute - 85) + noise()
  expect(await statusAfter(45, tell(3, 'shop', again, 'heap'))).toEqual(['reopened'])
}, 120_000)

it('keeps the issue of a process that ended open until its successor had the time to show it, and judges the dead no more', async () => {
  await using host = await openAnalysisHost([memoryLeak], START_MS)
  const first = tell(1, 'shop', leaking, 'heap')
  const second = tell(2, 'shop', (_, noise) => 60 + noise() / 100, 'heap', 'shop-2')
  const seen = async () => {
    const { rows } = await host.control.issues.list({ limit: 5, offset: 0 })
    return rows.map(({ status, evidence }) => [status, evidence.instance])
  }
  const pass = async (minutes: number, app: typeof first) => {
    for (let passed = 0; passed < minutes; passed += 5) {
      host.nowMs += 5 * MINUTE_MS
      await host.receive('metrics', [app(host.nowMs, 5)])
      await host.look()
    }
    return await seen()
  }
  expect(await pass(45, first)).toEqual([['open', 'shop-1']])
  const { rows } = await host.control.issues.list({ limit: 1, offset: 0 })
  expect(await pass(90, second)).toEqual([['open', 'shop-1']])
  const { rows: later } = await host.control.issues.list({ limit: 1, offset: 0 })
  // What it kept is in the store for hours; for ten minutes at most it was still taken for living.
  const lastSeen = (of: typeof rows) => Date.parse(of[0]?.lastSeen ?? '')
  expect(lastSeen(later) - lastSeen(rows)).toBeLessThanOrEqual(10 * MINUTE_MS)
  expect(await pass(15, second)).toEqual([['resolved', 'shop-1']])
}, 120_000)

it('is critical where the heap is as good as full, and without a limit the worse the sooner memory has doubled', () => {
  const severity = (what: 'heap_floor' | 'memory', mbAMinute: number, limitMb: number) => {
    const minutes = Array.from({ length: 60 }, (_, minute) => minute)
    const row = {
      environment: 'production',
      service: 'shop',
      instance: 'shop-1',
      resource: '0123456789abcdef',
      what,
      first_s: 0,
      earlier_high: 0,
      times_s: minutes.map(minute => 600 + minute * 60),
      // What repeats every seven minutes is no trend.
      lows: minutes.map(minute => (200 + mbAMinute * minute + (minute % 7) / 7) * MB),
      limit_bytes: limitMb * MB,
    }
    const window = { fromUnixNs: 0n, toUnixNs: 4_200_000_000_000n, offline: false }
    const [finding] = memoryLeak.judge([row], window, memoryLeak.options.parse({}))
    return [finding?.severity, finding?.title.includes('is full')]
  }
  expect(severity('heap_floor', 2, 318)).toEqual(['critical', true])
  expect(severity('heap_floor', 2, 4_000)).toEqual(['medium', true])
  expect(severity('memory', 4, 0)).toEqual(['high', false])
  expect(severity('memory', 1, 0)).toEqual(['medium', false])
})

it('does not take a heap for watched that was collected too seldom to be judged', () => {
  const minutes = Array.from({ length: 120 }, (_, minute) => minute)
  const watched = (minutesBetween: number, what: 'heap_floor' | 'memory') => {
    const row = {
      environment: 'production',
      service: 'shop',
      instance: 'shop-1',
      resource: '0123456789abcdef',
      what,
      first_s: 0,
      earlier_high: 0,
      times_s: minutes.map(minute => minute * 60),
      lows: minutes.map(minute => Math.floor(minute / minutesBetween) + 1),
      limit_bytes: 0,
    }
    const window = { fromUnixNs: 0n, toUnixNs: 7_200_000_000_000n, offline: false }
    return memoryLeak.watches?.([row], window, memoryLeak.options.parse({})).length
  }
  expect(watched(30, 'heap_floor')).toBe(0)
  expect(watched(5, 'heap_floor')).toBe(1)
  expect(watched(30, 'memory')).toBe(1)
})

it('leaves memory alone that follows the load of the day', async () => {
  await using host = await openAnalysisHost([memoryLeak], START_MS)
  // Lowest at eight in the morning, when it is first heard of; highest in the evening.
  const daily: Living = (minute, noise) =>
    100 + 30 * (1 - Math.cos((minute / 1_440) * 2 * Math.PI)) + noise()
  const app = tell(5, 'daily', daily, 'heap')
  const hour = 60
  host.nowMs = START_MS + 24 * hour * MINUTE_MS
  await host.receive('metrics', [app(host.nowMs, 24 * hour)])
  const titles: string[] = []
  for (let passed = 0; passed < 24; passed++) {
    host.nowMs += hour * MINUTE_MS
    await host.receive('metrics', [app(host.nowMs, hour)])
    await host.look()
    const { rows } = await host.control.issues.list({ limit: 5, offset: 0 })
    titles.push(...rows.map(({ title }) => `${passed}: ${title}`))
  }
  expect(titles).toEqual([])
}, 120_000)
