import { pprof } from '../agent/write-pprof.ts'
import type { PerfloopProcess } from '../perfloop-process.ts'
import { otlpAttributes, type SentMetric, sendMetrics, unixNano } from '../send-metrics.ts'

/** What an agent of the bakery tells: a knob, routes of which some are never called, and a profile. */
export async function seedAgentPages(
  perfloop: Pick<PerfloopProcess, 'otlpHttpUrl' | 'send'>,
): Promise<{ readonly agent: string; readonly profileId: string; readonly runningId: string }> {
  const tell = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${perfloop.otlpHttpUrl}/agent/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Record<string, unknown>
  }
  const { agent } = await tell('/report', {
    protocol: 1,
    service: 'bakery',
    environment: 'development',
    instance: 'oven-4711',
    agent_version: '0.1.0',
    runtime: { name: 'nodejs', version: '22.11.0' },
    host: 'oven',
    process_id: 4711,
    started_at: new Date(Date.now() - 3_600_000).toISOString(),
    frameworks: [
      { name: 'express', version: '5.2.1' },
      { name: 'prisma', version: '7.1.0' },
    ],
    knobs: [
      knob('http.max_sockets', '{connection}', 'Connections to one host', 2 ** 31 - 1, 10, 200),
      knob('pg.pool.max', '{connection}', 'Connections of each pool of pg', 10, 2, 50),
      knob('pg.pool.idle_timeout', 'ms', 'How long a connection may be idle', 10_000, 0, 60_000),
    ],
  })
  const route = (text: string) => {
    const [method = '', path = ''] = text.split(' ')
    return { method, route: path, framework: 'express' }
  }
  await tell(`/declarations?agent=${agent}`, {
    routes: [
      'GET /orders',
      'GET /loaves',
      'POST /orders',
      'DELETE /orders/:order',
      'ALL /admin',
    ].map(route),
    models: [
      { name: 'Loaf', table: 'loaf', mapper: 'prisma' },
      { name: 'Recipe', table: 'recipe', mapper: 'prisma' },
    ],
    omitted: 0,
  })
  await perfloop.send('PUT', '/config/knobs', {
    environment: 'development',
    service: 'bakery',
    name: 'pg.pool.max',
    value: 20,
  })
  const { profile: profileId } = await tell(
    `/profiles?agent=${agent}&duration_ms=10000`,
    pprof(STACKS),
  )
  const asked = await perfloop.send('POST', '/measure/profiles', {
    agent,
    duration_ms: 60_000,
  })
  const { data } = asked.body as { data: { id: string } }
  await tellRuntime(perfloop)
  return { agent: String(agent), profileId: String(profileId), runningId: data.id }
}

/** Ten minutes of two processes, as the agent measures them. */
async function tellRuntime(perfloop: Pick<PerfloopProcess, 'otlpHttpUrl'>): Promise<void> {
  const nowMs = Date.now()
  const startMs = nowMs - 3_600_000
  const times = Array.from({ length: 40 }, (_, n) => nowMs - (39 - n) * 15_000)
  const metric = (
    name: string,
    kind: SentMetric['kind'],
    value: (n: number) => number,
    attributes: Record<string, string> = {},
  ): SentMetric => ({
    name,
    unit: '1',
    kind,
    points: times.map((atMs, n) => ({ atMs, startMs, value: value(n), attributes })),
  })
  const space = (name: string) => ({ 'v8js.heap.space.name': name })
  const pool = { 'db.client.connection.pool.name': 'db:5432/bakery' }
  const wave = (n: number) => Math.sin(n / 4) + 1
  for (const instance of ['oven-4711', 'oven-4712']) {
    await sendMetrics(
      perfloop,
      {
        'service.name': 'bakery',
        'deployment.environment.name': 'development',
        'service.instance.id': instance,
        'process.runtime.name': 'nodejs',
        'process.runtime.version': '22.11.0',
      },
      [
        metric('process.cpu.time', 'counter', n => n * 4 + wave(n), { 'cpu.mode': 'user' }),
        metric('process.memory.usage', 'updown', n => 2e8 + n * 5e5),
        metric('v8js.memory.heap.used', 'updown', n => 4e7 + wave(n) * 1e7, space('old_space')),
        metric('v8js.memory.heap.used', 'updown', n => wave(n) * 8e6, space('new_space')),
        metric('v8js.memory.heap.limit', 'updown', () => 2 ** 31),
        metric('perfloop.v8js.memory.heap.floor', 'gauge', n => 3e7 + n * 2e5),
        metric('nodejs.eventloop.delay.p50', 'gauge', () => 0.001),
        metric('nodejs.eventloop.delay.p99', 'gauge', n => 0.02 * wave(n)),
        metric('nodejs.eventloop.utilization', 'gauge', n => 0.2 * wave(n)),
        metric('http.server.active_requests', 'updown', n => Math.round(wave(n) * 4)),
        metric('db.client.connection.count', 'updown', n => Math.round(wave(n) * 4), {
          ...pool,
          'db.client.connection.state': 'used',
        }),
        metric('db.client.connection.max', 'updown', () => 10, pool),
        {
          name: 'v8js.gc.duration',
          unit: 's',
          histogram: {
            aggregationTemporality: 2,
            dataPoints: times.map((atMs, n) => ({
              startTimeUnixNano: unixNano(startMs),
              timeUnixNano: unixNano(atMs),
              count: String(n * 6),
              sum: n * 0.03,
              explicitBounds: [0.001, 0.01],
              bucketCounts: [String(n * 5), String(n), '0'],
              attributes: otlpAttributes({ 'v8js.gc.type': 'minor' }),
            })),
          },
        },
      ],
    )
  }
}

function knob(
  name: string,
  unit: string,
  description: string,
  value: number,
  minimum: number,
  maximum: number,
) {
  return { name, unit, description, value, own_value: value, minimum, maximum }
}

const MS = 1_000_000

/** Ten seconds of a server that renders, queries and collects garbage. */
const STACKS: Readonly<Record<string, number>> = {
  '(root);processTicks@node:internal/process/task_queues;handleOrders;renderOrders;escapeText':
    1_900 * MS,
  '(root);processTicks@node:internal/process/task_queues;handleOrders;renderOrders;formatPrice':
    700 * MS,
  '(root);processTicks@node:internal/process/task_queues;handleOrders;renderOrders': 400 * MS,
  '(root);processTicks@node:internal/process/task_queues;handleOrders;sumPrices': 300 * MS,
  '(root);processTicks@node:internal/process/task_queues;handleLoaves;parseRow@/app/node_modules/pg/lib/result.js;toDate@/app/node_modules/pg-types/lib/dates.js':
    850 * MS,
  '(root);processTicks@node:internal/process/task_queues;handleLoaves;parseRow@/app/node_modules/pg/lib/result.js':
    350 * MS,
  '(root);onStreamRead@node:net;parsePacket@/app/node_modules/pg-protocol/dist/parser.js;readString@/app/node_modules/pg-protocol/dist/buffer-reader.js':
    600 * MS,
  '(root);(garbage collector)': 450 * MS,
  '(root);(idle)': 4_450 * MS,
}
