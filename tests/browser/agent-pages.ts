import { pprof } from '../agent/write-pprof.ts'
import type { PerfloopProcess } from '../perfloop-process.ts'

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
  return { agent: String(agent), profileId: String(profileId), runningId: data.id }
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
