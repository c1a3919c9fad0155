import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually, type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'
import { type ApplicationProcess, startApplication } from './application-process.ts'

const quarry = fileURLToPath(new URL('quarry_express.mjs', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'perfloop-unseen-loop-'))
let perfloop: PerfloopProcess
let postgres: EmbeddedPostgres

const SETTINGS = {
  // What is read must be of now, to the tick.
  PERFLOOP_SERVER_ANSWER_FRESH_MS: '0',
  PERFLOOP_SERVER_ANSWER_STALE_MS: '0',
  PERFLOOP_ANALYSIS_INTERVAL_MS: '2000',
  PERFLOOP_ANALYSIS_SETTLE_MS: '2000',
  PERFLOOP_OPTIMIZER_INTERVAL_MS: '1000',
  PERFLOOP_OPTIMIZER_COLLECT_INTERVAL_MS: '2000',
  PERFLOOP_OPTIMIZER_VERIFICATION_BEFORE_MS: '60000',
  PERFLOOP_OPTIMIZER_VERIFICATION_SETTLE_MS: '1000',
  PERFLOOP_OPTIMIZER_VERIFICATION_MEASUREMENT_DELAY_MS: '6000',
  PERFLOOP_OPTIMIZER_VERIFICATION_LOOKS_MS: '[10000,20000,30000]',
  PERFLOOP_OPTIMIZER_VERIFICATION_BLOCK_MS: '1000',
}

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
  perfloop = await startPerfloop({ env: SETTINGS })
})

afterAll(async () => {
  await perfloop?.[Symbol.asyncDispose]()
  await postgres?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

const ENOUGH_CALLS = 300

let made = 0

/** A name that no earlier try has used. */
function anew(name: string): string {
  made++
  return `${name}-${made}`
}

interface Optimization {
  readonly id: string
  readonly status: string
  readonly change: string
  readonly issue_ids: readonly string[]
  readonly impact: { readonly verdict: string } | null
}

async function sql(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

function indexesOn(url: string, column: string) {
  return sql(
    url,
    `SELECT indexdef FROM pg_indexes WHERE tablename = 'slab' AND indexdef LIKE '%(${column})%'`,
  )
}

interface Used extends AsyncDisposable {
  readonly application: ApplicationProcess
  readonly url: string
}

/** The application without its index on lots, with visitors who go on asking for them. */
async function inUse(service: string, targetUrl = (url: string) => url): Promise<Used> {
  await sql(postgres.url, `CREATE DATABASE "${service}"`)
  const url = postgres.url.replace(/\/postgres(\?|$)/, `/${service}$1`)
  const application = await startApplication({
    perfloop,
    service,
    command: [process.execPath, quarry],
    env: port => ({ QUARRY_DATABASE: url, QUARRY_PORT: String(port), QUARRY_FAULT: 'where' }),
  })
  const target = {
    kind: 'postgres',
    name: service,
    services: [service],
    options: { url: targetUrl(url) },
  }
  const added = await perfloop.send('POST', '/config/targets', target)
  expect(added.status, JSON.stringify(added.body)).toBe(201)
  let going = true
  const visits = (async () => {
    for (let n = 1; going; n++) {
      await (await fetch(`${application.url}/slabs/lots/L${n * 31}`)).arrayBuffer()
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  })()
  return {
    application,
    url,
    async [Symbol.asyncDispose]() {
      going = false
      await visits
      await application[Symbol.asyncDispose]()
    },
  }
}

async function optimizationOf(service: string): Promise<Optimization | undefined> {
  const { data } = await perfloop.get(`/insights/optimizations?service=${service}`)
  const found = data as Optimization[]
  expect(found.length).toBeLessThan(2)
  return found[0]
}

/** The proposal, when there has been traffic enough to compare with. */
async function proposalOf(service: string): Promise<Optimization> {
  await eventually(
    `traffic of ${service}`,
    async () => {
      const { data } = await perfloop.get(`/measure/operations?service=${service}&from=-PT1H`)
      const operations = data as { operation: string; red: { calls: number } }[]
      const calls = operations.find(({ operation }) => operation.includes(':lot'))?.red.calls ?? 0
      return calls >= ENOUGH_CALLS ? true : undefined
    },
    180_000,
  )
  return optimization(service, 'proposed')
}

function optimization(service: string, ...statuses: string[]): Promise<Optimization> {
  return eventually(
    `the optimization of ${service} to be ${statuses.join(' or ')}`,
    async () => {
      const found = await optimizationOf(service)
      return found !== undefined && statuses.includes(found.status) ? found : undefined
    },
    150_000,
  )
}

async function step(id: string, name: string): Promise<number> {
  return (await perfloop.send('POST', `/insights/optimizations/${id}/${name}`, {})).status
}

it.concurrent('makes the index that is missing, and keeps it since requests became faster', async () => {
  const service = anew('quarry-improved')
  await using used = await inUse(service)
  const { id, change } = await proposalOf(service)
  expect(change).toMatch(/CREATE INDEX CONCURRENTLY .*\(lot\)/)
  expect(await indexesOn(used.url, 'lot')).toEqual([])
  expect(await step(id, 'approve')).toBe(200)
  expect(await step(id, 'apply')).toBe(200)
  expect(await indexesOn(used.url, 'lot')).toHaveLength(1)
  const { impact } = await optimization(service, 'verified', 'rolled_back')
  expect(impact).toMatchObject({ verdict: 'improved' })
  expect(await indexesOn(used.url, 'lot')).toHaveLength(1)
}, 360_000)

it.concurrent('takes the index back when requests become slower after it', async () => {
  const service = anew('quarry-regressed')
  await using used = await inUse(service)
  const { id } = await proposalOf(service)
  await step(id, 'approve')
  await fetch(`${used.application.url}/pause/150`, { method: 'POST' })
  await step(id, 'apply')
  const { status, impact } = await optimization(service, 'verified', 'rolled_back')
  expect([status, impact?.verdict]).toEqual(['rolled_back', 'regressed'])
  expect(await indexesOn(used.url, 'lot')).toEqual([])
}, 360_000)

it.concurrent('asks a person to make the index where its role may only read', async () => {
  const service = anew('quarry-locked')
  const role = service.replaceAll('-', '_')
  await sql(postgres.url, `CREATE ROLE ${role} LOGIN PASSWORD 'looks' IN ROLE pg_read_all_data`)
  await using used = await inUse(service, url => url.replace(/\/\/[^@]*@/, `//${role}:looks@`))
  const { id } = await optimization(service, 'proposed')
  await step(id, 'approve')
  await step(id, 'apply')
  const { status } = await optimization(service, 'manual_required', 'applied', 'failed')
  expect(status).toBe('manual_required')
  expect(await indexesOn(used.url, 'lot')).toEqual([])
}, 360_000)

it('knows the truth after it was killed while it built an index', async () => {
  const dataDirectory = join(scratch, 'killed')
  const env = { ...SETTINGS, PERFLOOP_OPTIMIZER_CREATE_INDEX_LOCK_TIMEOUT_MS: '60000' }
  const shared = perfloop
  try {
    perfloop = await startPerfloop({ env, dataDirectory })
    const service = anew('quarry-killed')
    await using used = await inUse(service)
    const { id } = await optimization(service, 'proposed')
    await step(id, 'approve')

    // A writer that does not end: building waits for it, with an index that is not yet valid.
    const writer = new pg.Client({ connectionString: used.url })
    await writer.connect()
    await writer.query('BEGIN; UPDATE slab SET weight = 1 WHERE id = 1')
    step(id, 'apply').catch(() => {})
    await eventually('the index to be begun', async () =>
      (await indexesOn(used.url, 'lot')).length > 0 ? true : undefined,
    )
    process.kill(perfloop.pid, 'SIGKILL')
    await perfloop[Symbol.asyncDispose]()
    await writer.end()

    perfloop = await startPerfloop({ env, dataDirectory })
    const { status } = await optimization(service, 'failed', 'verifying', 'verified')
    const valid = await sql(
      used.url,
      `SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE i.indrelid = 'slab'::regclass AND pg_get_indexdef(c.oid) LIKE '%(lot)%'`,
    )
    expect(valid).toEqual(status === 'failed' ? [] : [{ indisvalid: true }])
    await perfloop[Symbol.asyncDispose]()
  } finally {
    perfloop = shared
  }
}, 360_000)
