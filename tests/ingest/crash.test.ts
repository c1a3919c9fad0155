import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { defaultSettings } from '../../packages/perfloop/src/settings/settings.ts'
import { openTelemetryStore } from '../../packages/perfloop/src/store/telemetry/open-telemetry-store.ts'

const HOST = fileURLToPath(new URL('./receiver-host.mjs', import.meta.url))
const SPANS_PER_BATCH = 50
const KILLS = 4
let data: string
let child: ChildProcess | undefined

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'perfloop-crash-'))
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await rm(data, { recursive: true, force: true })
})

async function startHost(port: number): Promise<{ child: ChildProcess; port: number }> {
  const host = spawn(process.execPath, [HOST, data, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child = host
  const [line] = await once(host.stdout, 'data')
  return { child: host, port: Number(JSON.parse(String(line)).httpPort) }
}

function batch(): { body: string; spanIds: readonly string[] } {
  const spanIds = Array.from({ length: SPANS_PER_BATCH }, () => randomBytes(8).toString('hex'))
  const startUnixNs = BigInt(Date.now()) * 1_000_000n
  const spans = spanIds.map(spanId => ({
    traceId: randomBytes(16).toString('hex'),
    spanId,
    name: 'GET /orders/:id',
    kind: 2,
    startTimeUnixNano: String(startUnixNs),
    endTimeUnixNano: String(startUnixNs + 5_000_000n),
    attributes: [{ key: 'http.route', value: { stringValue: '/orders/:id' } }],
  }))
  const attributes = [{ key: 'service.name', value: { stringValue: 'crash-test' } }]
  const body = JSON.stringify({
    resourceSpans: [{ resource: { attributes }, scopeSpans: [{ spans }] }],
  })
  return { body, spanIds }
}

/** Repeats the same bytes until they are acknowledged, as exporters do. */
async function sendUntilAcknowledged(port: number, body: string): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      await response.arrayBuffer()
      if (response.status === 200) return
      if (response.status < 429) throw new RangeError(`refused with ${response.status}`)
    } catch (error) {
      if (error instanceof RangeError) throw error
    }
    await sleep(20)
  }
}

function storeProcessOf(pid: number): number | undefined {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap(task => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
    .map(Number)
    .find(found => found > 0)
}

async function storedOnce(sent: readonly string[]): Promise<void> {
  const store = await openTelemetryStore({ dataDirectory: data, settings: defaultSettings() })
  try {
    const rows = await store.engine.query('SELECT lower(hex(span_id)) AS id FROM spans', {})
    const ids = rows.map(row => String(Object.values(row ?? {})[0]))
    expect(ids.length).toBe(sent.length)
    expect(new Set(ids)).toEqual(new Set(sent))
    const [rollup] = await store.engine.query(
      'SELECT sum(calls) AS calls FROM operations_minute',
      {},
    )
    expect(Number(Object.values(rollup ?? {})[0])).toBe(sent.length)
  } finally {
    await store.close()
  }
}

it.runIf(existsSync('/proc/self/task'))(
  'keeps every acknowledged span exactly once, in spans and rollups, when receiver, loader and store are killed',
  async () => {
    let { child: host, port } = await startHost(0)
    const sent: string[] = []
    let stopped = false
    const senders = Array.from({ length: 3 }, async () => {
      while (!stopped) {
        const { body, spanIds } = batch()
        await sendUntilAcknowledged(port, body)
        sent.push(...spanIds)
      }
    })

    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(150 + Math.random() * 500)
      const storeProcess = storeProcessOf(host.pid ?? 0)
      if (kill % 2 === 0 || storeProcess === undefined) {
        const ended = once(host, 'exit')
        host.kill('SIGKILL')
        await ended
        ;({ child: host, port } = await startHost(port))
      } else process.kill(storeProcess, 'SIGKILL')
    }
    await sleep(300)
    stopped = true
    await Promise.all(senders)
    const ended = once(host, 'exit')
    host.kill('SIGTERM')
    await ended

    expect(sent.length).toBeGreaterThan(KILLS * SPANS_PER_BATCH)
    expect((await readdir(join(data, 'spool'))).filter(name => /^\d/.test(name))).toEqual([])
    expect(existsSync(join(data, 'quarantine'))).toBe(false)
    await storedOnce(sent)
  },
)
