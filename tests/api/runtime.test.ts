import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  EVENT_LOOP_SCOPE,
  STARVED_EVENT_LOOP,
} from '../../packages/perfloop/src/domain/runtime-metric.ts'
import { eventually, type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'
import { otlpAttributes, sendMetrics, unixNano } from '../send-metrics.ts'

const MINUTE_MS = 60_000
/** Whole minutes, ten of them behind us: every expected value is exact. */
const START_MS = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 10 * MINUTE_MS
const minute = (n: number) => START_MS + n * MINUTE_MS
const FROM = new Date(START_MS).toISOString()
const TO = new Date(minute(9)).toISOString()

let perfloop: PerfloopProcess
beforeAll(async () => {
  perfloop = await startPerfloop()
})
afterAll(() => perfloop?.[Symbol.asyncDispose]())

interface Line {
  readonly name: string
  readonly values: readonly (number | null)[]
}
type Runtime = Readonly<Record<string, readonly Line[]>> & {
  readonly times: readonly string[]
  readonly instances: readonly { readonly instance: string }[]
  readonly instances_total: number
  readonly gc: readonly Readonly<Record<string, readonly (number | null)[]>>[]
  readonly pools: readonly Readonly<Record<string, readonly (number | null)[]>>[]
}

/** The runtime of a service once `isThere` says that all of it was loaded. */
async function runtimeOf(service: string, isThere: (runtime: Runtime) => boolean, more = '') {
  return await eventually(`the runtime of ${service}`, async () => {
    const ask = `environment=development&service=${service}&from=${FROM}&to=${TO}${more}`
    const { data } = await perfloop.get(`/measure/runtime?${ask}`)
    const runtime = data as Runtime
    return isThere(runtime) ? runtime : undefined
  })
}

const rounded = (values: readonly (number | null)[] | undefined) =>
  values?.map(value => (value === null ? null : Number(value.toPrecision(6))))

describe('a service that sends metrics only', () => {
  it('is among the services of the range it sent them in', async () => {
    await sendMetrics(perfloop, { 'service.name': 'scalars-only' }, [
      {
        name: 'orders.waiting',
        unit: '1',
        kind: 'gauge',
        points: [{ atMs: minute(4), value: 3 }],
      },
    ])
    const services = async (more: string) => {
      const { data } = await perfloop.get(`/measure/services?service=scalars-only&${more}`)
      return data as readonly Readonly<Record<string, unknown>>[]
    }
    const found = await eventually('the service to be listed', async () => {
      const [service] = await services(`from=${FROM}&to=${TO}`)
      return service
    })
    expect(found).toMatchObject({
      environment: 'development',
      service: 'scalars-only',
      operations: 0,
      has_spans: false,
      last_seen: new Date(minute(4)).toISOString(),
      red: { calls: 0 },
    })
    expect(await services(`from=${FROM}&to=${new Date(minute(3)).toISOString()}`)).toEqual([])
  })
})

describe.concurrent('a counter', () => {
  const cpu = (points: readonly { atMs: number; startMs?: number; value: number }[]) =>
    ({ name: 'process.cpu.time', unit: 's', kind: 'counter', points }) as const

  it('is its growth in a second, over the end of one process and the start of the next', async () => {
    const resource = { 'service.name': 'restarting', 'service.instance.id': 'one' }
    const first = { startMs: minute(-60) }
    await sendMetrics(perfloop, resource, [
      cpu([
        { ...first, atMs: minute(0), value: 1_000 },
        { ...first, atMs: minute(1), value: 1_030 },
        { ...first, atMs: minute(2), value: 1_090 },
        // Another process under the same name, which has used more before it is first heard of than ours ever did.
        { startMs: minute(2), atMs: minute(3), value: 6 },
        { startMs: minute(2), atMs: minute(4), value: 36 },
      ]),
    ])
    const { cpu_cores } = await runtimeOf('restarting', runtime => runtime.cpu_cores?.length === 1)
    expect(cpu_cores?.[0]?.name).toBe('one')
    expect(rounded(cpu_cores?.[0]?.values)).toEqual([
      0.5,
      1,
      0.1,
      0.5,
      null,
      null,
      null,
      null,
      null,
    ])
  })

  it('that falls without saying why began anew, and none of it is lost or counted twice', async () => {
    await sendMetrics(perfloop, { 'service.name': 'silent', 'service.instance.id': 'one' }, [
      cpu([
        { atMs: minute(0), value: 500 },
        { atMs: minute(1), value: 512 },
        { atMs: minute(2), value: 3 },
        { atMs: minute(3), value: 9 },
      ]),
    ])
    const { cpu_cores } = await runtimeOf('silent', runtime => runtime.cpu_cores?.length === 1)
    expect(rounded(cpu_cores?.[0]?.values.slice(0, 4))).toEqual([0.2, 0.05, 0.1, null])
  })

  it('by what was added since (delta) is the same', async () => {
    await sendMetrics(perfloop, { 'service.name': 'delta', 'service.instance.id': 'one' }, [
      {
        ...cpu([]),
        kind: 'delta',
        points: [1, 2, 3, 4].map(n => ({ atMs: minute(n), startMs: minute(n - 1), value: n * 6 })),
      },
    ])
    const { cpu_cores } = await runtimeOf('delta', runtime => runtime.cpu_cores?.length === 1)
    expect(rounded(cpu_cores?.[0]?.values.slice(1, 4))).toEqual([0.2, 0.3, 0.4])
  })

  it('leaves a gap where nobody told for long', async () => {
    await sendMetrics(perfloop, { 'service.name': 'gap', 'service.instance.id': 'one' }, [
      cpu([0, 1, 7, 8].map(n => ({ atMs: minute(n), value: n * 60 }))),
    ])
    const { cpu_cores } = await runtimeOf('gap', runtime => runtime.cpu_cores?.length === 1)
    expect(rounded(cpu_cores?.[0]?.values)).toEqual([
      1,
      null,
      null,
      null,
      null,
      null,
      null,
      1,
      null,
    ])
  })
})

describe.concurrent('a distribution', () => {
  const pauses = (dataPoints: readonly object[], aggregationTemporality: 1 | 2) => ({
    name: 'v8js.gc.duration',
    unit: 's',
    histogram: { aggregationTemporality, dataPoints },
  })
  const point = (n: number, counts: readonly number[], sum: number, more: object = {}) => ({
    startTimeUnixNano: unixNano(minute(-60)),
    timeUnixNano: unixNano(minute(n)),
    count: String(counts.reduce((a, b) => a + b, 0)),
    sum,
    explicitBounds: [0.01, 0.1],
    bucketCounts: counts.map(String),
    attributes: otlpAttributes({ 'v8js.gc.type': 'major' }),
    ...more,
  })
  const life = [
    {
      name: 'process.cpu.time',
      unit: 's',
      kind: 'counter',
      points: [{ atMs: minute(0), value: 1 }],
    },
  ] as const

  it('that tells all since its start is what was added, however much there was before', async () => {
    await sendMetrics(perfloop, { 'service.name': 'paused', 'service.instance.id': 'one' }, [
      ...life,
      pauses(
        [
          point(0, [900, 90, 10], 100),
          point(1, [906, 90, 10], 100.03),
          point(2, [906, 150, 10], 103.03),
          // Began anew.
          point(3, [3, 0, 0], 0.006, { startTimeUnixNano: unixNano(minute(2)) }),
        ],
        2,
      ),
    ])
    const { gc } = await runtimeOf('paused', runtime => runtime.gc.length === 1)
    const [major] = gc
    expect(rounded(major?.per_second?.slice(0, 4))).toEqual([0.1, 1, 0.05, null])
    expect(rounded(major?.paused_ratio?.slice(0, 4))).toEqual([0.0005, 0.05, 0.0001, null])
    // All of the second minute's are in the second bucket; the 99th percentile is near its end.
    expect(rounded(major?.p99_ns?.slice(1, 2))).toEqual([0.0991e9])
  })

  it('that tells what was added (delta) is added up', async () => {
    await sendMetrics(perfloop, { 'service.name': 'added', 'service.instance.id': 'one' }, [
      ...life,
      pauses(
        [1, 2, 3].map(n => point(n, [0, 60, 0], 3)),
        1,
      ),
    ])
    const { gc } = await runtimeOf('added', runtime => runtime.gc.length === 1)
    expect(rounded(gc[0]?.per_second?.slice(1, 3))).toEqual([1, 1])
    expect(rounded(gc[0]?.paused_ratio?.slice(1, 3))).toEqual([0.05, 0.05])
    // The first bucket is empty, and still tells where the second begins.
    expect(rounded(gc[0]?.p99_ns?.slice(1, 3))).toEqual([0.0991e9, 0.0991e9])
  })

  it('of exponential buckets may become coarser on its way', async () => {
    const exponential = (
      n: number,
      scale: number,
      offset: number,
      counts: readonly number[],
      sum: number,
    ) => ({
      startTimeUnixNano: unixNano(minute(-60)),
      timeUnixNano: unixNano(minute(n)),
      count: String(counts.reduce((a, b) => a + b, 0)),
      sum,
      scale,
      positive: { offset, bucketCounts: counts.map(String) },
      attributes: otlpAttributes({ 'jvm.gc.name': 'G1 Young Generation' }),
    })
    await sendMetrics(perfloop, { 'service.name': 'exponential', 'service.instance.id': 'one' }, [
      ...life,
      {
        name: 'jvm.gc.duration',
        unit: 's',
        exponentialHistogram: {
          aggregationTemporality: 2,
          dataPoints: [
            // (1, √2], (√2, 2]: 4 and 6; then the same ten as (1, 2], and five more of (4, 8].
            exponential(0, 1, 0, [4, 6], 15),
            exponential(1, 0, 0, [10, 0, 5], 45),
          ],
        },
      },
    ])
    const { gc } = await runtimeOf('exponential', runtime => runtime.gc.length === 1)
    expect(gc[0]?.kind).toBe('G1 Young Generation')
    expect(rounded(gc[0]?.per_second?.slice(0, 1))).toEqual([Number((5 / 60).toPrecision(6))])
    const [p99] = gc[0]?.p99_ns ?? []
    expect(p99).toBeGreaterThan(7.9e9)
    expect(p99).toBeLessThanOrEqual(8e9)
  })
})

describe.concurrent('a service', () => {
  it('of Java shows its heap by pool, its floor and its threads', async () => {
    const gauge = (
      name: string,
      unit: string,
      points: readonly (readonly [Record<string, string>, number])[],
    ) =>
      ({
        name,
        unit,
        kind: 'updown',
        points: points.map(([attributes, value]) => ({ atMs: minute(1), attributes, value })),
      }) as const
    const heap = (pool: string) => ({ 'jvm.memory.type': 'heap', 'jvm.memory.pool.name': pool })
    const other = { 'jvm.memory.type': 'non_heap', 'jvm.memory.pool.name': 'Metaspace' }
    await sendMetrics(
      perfloop,
      { 'service.name': 'java', 'service.instance.id': 'one', 'telemetry.sdk.language': 'java' },
      [
        {
          name: 'jvm.cpu.time',
          unit: 's',
          kind: 'counter',
          points: [{ atMs: minute(1), value: 5 }],
        },
        gauge('jvm.memory.used', 'By', [
          [heap('G1 Eden Space'), 300],
          [heap('G1 Old Gen'), 700],
          [other, 5_000],
        ]),
        gauge('jvm.memory.limit', 'By', [
          [heap('G1 Old Gen'), 4_000],
          [other, 9_000],
        ]),
        gauge('jvm.memory.used_after_last_gc', 'By', [
          [heap('G1 Eden Space'), 0],
          [heap('G1 Old Gen'), 600],
        ]),
        gauge('jvm.thread.count', '{thread}', [
          [{ 'jvm.thread.state': 'runnable' }, 7],
          [{ 'jvm.thread.state': 'waiting' }, 13],
        ]),
      ],
    )
    const runtime = await runtimeOf('java', ({ threads }) => threads?.length === 1)
    const at = (lines: readonly Line[] | undefined) =>
      lines?.map(({ name, values }) => [name, values[1]])
    expect(at(runtime.heap_used_bytes)).toEqual([
      ['G1 Old Gen', 700],
      ['G1 Eden Space', 300],
    ])
    expect(at(runtime.heap_limit_bytes)).toEqual([['one', 4_000]])
    expect(at(runtime.heap_floor_bytes)).toEqual([['one', 600]])
    expect(at(runtime.threads)).toEqual([['one', 20]])
  })

  it('of Python shows its resident memory once, by the name of today, and pools by that of yesterday', async () => {
    const level = (name: string, value: number, attributes: Record<string, string> = {}) =>
      ({
        name,
        unit: '',
        kind: 'updown',
        points: [{ atMs: minute(1), value, attributes }],
      }) as const
    await sendMetrics(perfloop, { 'service.name': 'python', 'service.instance.id': 'one' }, [
      level('process.memory.usage', 100),
      level('process.runtime.memory', 101, { type: 'rss' }),
      level('process.runtime.memory', 900, { type: 'vms' }),
      level('db.client.connections.usage', 3, { 'pool.name': 'main', state: 'used' }),
      level('db.client.connections.usage', 2, { 'pool.name': 'main', state: 'idle' }),
      ...[0, 1].flatMap(cpu => [
        level('system.cpu.utilization', 0.25, { cpu: String(cpu), state: 'user' }),
        level('system.cpu.utilization', 0.05, { cpu: String(cpu), state: 'system' }),
        level('system.cpu.utilization', 0.7, { cpu: String(cpu), state: 'idle' }),
      ]),
    ])
    const runtime = await runtimeOf('python', ({ pools }) => pools.length === 1)
    expect(runtime.memory_bytes?.map(({ values }) => values[1])).toEqual([100])
    expect(runtime.pools[0]).toMatchObject({ name: 'main' })
    expect([
      runtime.pools[0]?.used?.[1],
      runtime.pools[0]?.idle?.[1],
      runtime.pools[0]?.max?.[1],
    ]).toEqual([3, 2, null])
    expect(rounded(runtime.host_cpu_ratio?.map(({ values }) => values[1] ?? null))).toEqual([0.3])
  })

  it('of several instances shows how late the worst event loop is', async () => {
    for (const [instance, delay] of Object.entries({ one: 0.02, two: 0.5, three: 0.1 })) {
      await sendMetrics(perfloop, { 'service.name': 'late', 'service.instance.id': instance }, [
        {
          name: 'process.memory.usage',
          unit: 'By',
          kind: 'updown',
          points: [{ atMs: minute(1), value: 1 }],
        },
        {
          name: 'nodejs.eventloop.delay.p99',
          unit: 's',
          kind: 'gauge',
          points: [{ atMs: minute(1), value: delay }],
        },
      ])
    }
    const runtime = await runtimeOf('late', ({ instances_total }) => instances_total === 3)
    expect(runtime.event_loop_delay_ns?.map(({ name, values }) => [name, values[1]])).toEqual([
      ['p99', 0.5e9],
    ])
  })

  it('of many instances shows the latest, says how many there are, and any of them alone', async () => {
    for (let n = 0; n < 13; n++) {
      await sendMetrics(perfloop, { 'service.name': 'many', 'service.instance.id': `i-${n}` }, [
        {
          name: 'process.memory.usage',
          unit: 'By',
          kind: 'updown',
          points: [{ atMs: minute(1) + n * 1_000, value: n }],
        },
      ])
    }
    const runtime = await runtimeOf('many', ({ instances_total }) => instances_total === 13)
    expect(runtime.instances.map(({ instance }) => instance)).toEqual(
      [12, 11, 10, 9, 8, 7, 6, 5, 4, 3].map(n => `i-${n}`),
    )
    expect(runtime.memory_bytes).toHaveLength(10)
    const one = await runtimeOf('many', () => true, '&instance=i-0')
    expect(one.memory_bytes?.map(({ values }) => values[1])).toEqual([0])
    const { data, pagination } = await perfloop.get(
      `/measure/runtimes?service=many&from=${FROM}&to=${TO}&per_page=5`,
    )
    expect(data).toHaveLength(5)
    expect(pagination).toMatchObject({ total: 13, pages: 3 })
    const services = await perfloop.get(
      `/measure/runtime/services?service=many&from=${FROM}&to=${TO}`,
    )
    expect(services.data).toMatchObject([{ service: 'many', instances: 13 }])
  })
})

it('leaves out values that nobody can have measured, whose sums no JSON can tell', async () => {
  const most = Number.MAX_VALUE / 1.1
  const points = [0, 10, 20].map(s => ({ atMs: minute(1) + s * 1_000, value: s === 20 ? 7 : most }))
  const added = (value: number) => ({
    startTimeUnixNano: unixNano(minute(0)),
    timeUnixNano: unixNano(minute(1) + 30_000),
    count: '1',
    sum: value,
    explicitBounds: [most],
    bucketCounts: ['1', '0'],
  })
  await sendMetrics(perfloop, { 'service.name': 'absurd', 'service.instance.id': 'one' }, [
    { name: 'process.memory.usage', unit: 'By', kind: 'updown', points },
    {
      name: 'process.cpu.time',
      unit: 's',
      kind: 'delta',
      points: points.map(point => ({ ...point, startMs: minute(0) })),
    },
    {
      name: 'v8js.gc.duration',
      unit: 's',
      histogram: { aggregationTemporality: 1, dataPoints: [added(most), added(most), added(0.5)] },
    },
  ])
  const runtime = await runtimeOf('absurd', ({ memory_bytes }) => memory_bytes?.length === 1)
  expect(runtime.memory_bytes?.map(({ values }) => values[1])).toEqual([7])
  expect(rounded(runtime.cpu_cores?.[0]?.values.slice(1, 2))).toEqual([0.35])
  expect(rounded(runtime.gc[0]?.paused_ratio?.slice(1, 2))).toEqual([0.0166667])
})

it('says of each process whether a day was stable, and of less than a day that it cannot tell', async () => {
  const MB = 1_000_000
  const told = (instance: string, hours: number, mb: (hour: number) => number) =>
    sendMetrics(perfloop, { 'service.name': 'day', 'service.instance.id': instance }, [
      {
        name: 'process.memory.usage',
        unit: 'By',
        kind: 'updown',
        points: Array.from({ length: hours * 12 }, (_, n) => ({
          atMs: Date.now() - (hours - n / 12) * 60 * MINUTE_MS,
          // Five values of noise that repeat.
          value: (mb(n / 12) + (n % 5)) * MB,
        })),
      },
    ])
  await told('flat', 25, () => 200)
  await told('growing', 25, hour => 200 * (1 + 0.005 * hour))
  await told('young', 20, () => 200)
  const memory = await eventually('all three to be judged', async () => {
    const ask = 'environment=development&service=day'
    const { data } = await perfloop.get(`/measure/runtime/memory?${ask}`)
    return Array.isArray(data) && data.length === 3 ? data : undefined
  })
  expect(memory).toMatchObject([
    { instance: 'flat', of: 'resident', verdict: 'stable' },
    { instance: 'growing', verdict: 'not_stable' },
    { instance: 'young', verdict: 'not_enough_data', level_bytes: null },
  ])
  expect(memory[1].growth_bytes_per_hour / MB).toBeCloseTo(1, 1)
})

describe('a blocked event loop', () => {
  it('is told by its place with what it ran for, and is neither operation nor job of its own', async () => {
    const hex = (bytes: number) => randomBytes(bytes).toString('hex')
    const [busy, alone] = [hex(16), hex(16)]
    const request = hex(8)
    const block = (
      traceId: string,
      parentSpanId: string | undefined,
      ms: number,
      line: number,
    ) => ({
      traceId,
      spanId: hex(8),
      ...(parentSpanId === undefined ? {} : { parentSpanId }),
      name: 'event loop block',
      kind: 1,
      startTimeUnixNano: unixNano(minute(5) + 10),
      endTimeUnixNano: unixNano(minute(5) + 10 + ms),
      attributes: otlpAttributes({
        'code.function.name': 'sortAll',
        'code.file.path': '/app/sort.js',
        'code.line.number': line,
        'code.stacktrace': 'at sortAll (/app/sort.js:7)',
      }),
    })
    const response = await fetch(`${perfloop.otlpHttpUrl}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        resourceSpans: [
          {
            resource: {
              attributes: otlpAttributes({
                'service.name': 'blocked',
                'service.instance.id': 'one',
              }),
            },
            scopeSpans: [
              {
                scope: { name: EVENT_LOOP_SCOPE },
                spans: [
                  block(busy, request, 400, 7),
                  block(busy, request, 200, 7),
                  block(alone, undefined, 900, 30),
                  {
                    ...block(hex(16), undefined, 100, 0),
                    name: STARVED_EVENT_LOOP,
                    attributes: [],
                  },
                ],
              },
              {
                scope: { name: 'http' },
                spans: [
                  {
                    traceId: busy,
                    spanId: request,
                    name: 'GET /sort',
                    kind: 2,
                    startTimeUnixNano: unixNano(minute(5)),
                    endTimeUnixNano: unixNano(minute(5) + 700),
                  },
                ],
              },
            ],
          },
        ],
      }),
    })
    expect(response.status).toBe(200)
    const ask = `environment=development&service=blocked&from=${FROM}&to=${TO}`
    const blocks = await eventually('the blocks', async () => {
      const { data } = await perfloop.get(`/measure/runtime/blocks?${ask}`)
      return Array.isArray(data) && data.length === 3 ? data : undefined
    })
    expect(blocks).toMatchObject([
      {
        code_location: '/app/sort.js:30',
        operation: null,
        blocks: 1,
        longest_ns: 900e6,
        trace_id: alone,
      },
      {
        code_location: '/app/sort.js:7',
        function: 'sortAll',
        operation: 'GET /sort',
        operation_kind: 'server',
        blocks: 2,
        total_ns: 600e6,
        longest_ns: 400e6,
        trace_id: busy,
        starved: false,
      },
      { code_location: null, function: null, operation: null, longest_ns: 100e6, starved: true },
    ])
    const { data: operations } = await eventually('the request to be measured', async () => {
      const answer = await perfloop.get(`/measure/operations?service=blocked&from=${FROM}&to=${TO}`)
      return Array.isArray(answer.data) && answer.data.length > 0 ? answer : undefined
    })
    expect(operations).toMatchObject([{ operation: 'GET /sort' }])
    expect(operations).toHaveLength(1)
    const { data: traces } = await perfloop.get(`/traces?service=blocked&from=${FROM}&to=${TO}`)
    expect(traces).toMatchObject([{ trace_id: busy }])
    const { data: trace } = await perfloop.get(`/traces/${alone}`)
    expect(trace).toMatchObject({ spans: [{ name: 'event loop block', is_entry: false }] })
  })
})

describe('live', () => {
  it('tells who told of itself, whenever there is something new', async () => {
    const stream = await fetch(`${perfloop.url}/api/v1/stream?topics=runtime`, {
      headers: { authorization: `Bearer ${perfloop.adminToken}` },
    })
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
    let heard = ''
    const hear = async (what: string) => {
      while (!heard.includes(what)) heard += (await reader?.read())?.value ?? ''
    }
    await sendMetrics(perfloop, { 'service.name': 'fresh', 'service.instance.id': 'just-now' }, [
      {
        name: 'process.memory.usage',
        unit: 'By',
        kind: 'updown',
        points: [{ atMs: Date.now(), value: 1 }],
      },
    ])
    await hear('"instance":"just-now"')
    expect(heard).toContain('event: runtime')
    await reader?.cancel()
  })
})
