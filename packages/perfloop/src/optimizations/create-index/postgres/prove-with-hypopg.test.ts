import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fingerprint } from '../../../domain/fingerprint.ts'
import { Settings } from '../../../settings/settings.ts'
import { postgresTarget } from '../../../targets/postgres/postgres-target.ts'
import { createIndex } from '../create-index.ts'

/** Debian's PostgreSQL 15: before GENERIC_PLAN, and with HypoPG, which no npm package brings. */
const BIN = '/usr/lib/postgresql/15/bin'
const isThere = existsSync(BIN) && existsSync('/usr/share/postgresql/15/extension/hypopg.control')
if (!isThere) console.warn('SKIPPED: postgresql-15 with postgresql-15-hypopg is not installed')

const settings = Settings.parse({}).optimizer
const parent = mkdtempSync(join(tmpdir(), 'perfloop-hypopg-'))
const account = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
let server: ChildProcess | undefined
let url: string

describe.skipIf(!isThere)('HypoPG on PostgreSQL 15', () => {
  beforeAll(async () => {
    const data = join(parent, 'data')
    chmodSync(parent, 0o755)
    mkdirSync(data)
    if (account.uid !== undefined) chownSync(data, account.uid, account.gid)
    const as = { ...account, cwd: parent, env: { ...process.env, LC_ALL: 'C' } }
    const initialized = spawnSync(
      join(BIN, 'initdb'),
      ['-D', data, '-U', 'postgres', '--auth', 'trust'],
      { ...as, encoding: 'utf8' },
    )
    if (initialized.status !== 0) throw new Error(initialized.stderr)
    const port = await freePort()
    url = `postgres://postgres@127.0.0.1:${port}/postgres`
    server = spawn(
      join(BIN, 'postgres'),
      ['-D', data, '-p', String(port), '-c', 'unix_socket_directories=', '-c', 'fsync=off'],
      { ...as, stdio: 'ignore' },
    )
    await change('CREATE EXTENSION hypopg')
    await change(`
      CREATE TABLE purchase (id bigserial PRIMARY KEY, buyer_id int NOT NULL, seller_id int NOT NULL, placed_at timestamptz);
      INSERT INTO purchase (buyer_id, seller_id, placed_at)
        SELECT n * 7919 % 5000, n * 7907 % 4000, now() - n * interval '1 minute' FROM generate_series(1, 50000) n;
      ANALYZE;`)
  }, 60_000)
  afterAll(async () => {
    const stopped = new Promise(resolve => server?.once('exit', resolve))
    if (server?.kill('SIGINT')) await stopped
    rmSync(parent, { recursive: true, force: true })
  })

  it('explains without literals by a forced generic plan', async () => {
    await using target = await postgresTarget.connect({ url }, settings)
    const { facts, skipped } = await target.collect([
      observed('SELECT * FROM purchase WHERE buyer_id = ? AND placed_at > ?'),
      observed('SELECT count(*) FROM purchase'),
      observed('SELECT * FROM purchase WHERE nothing = ?'),
    ])
    const plans = facts.filter(fact => fact.fact === 'plan')
    expect(plans).toHaveLength(2)
    expect(plans[0]?.plan).toMatchObject({
      node: 'Seq Scan',
      filter: expect.stringContaining('$1'),
    })
    expect(skipped[0]?.reason).toContain('column "nothing" does not exist')
    expect((await target.check()).notes.join()).toContain('HypoPG')
  })

  it('proves an index on the target’s own planner, and leaves the target as it was', async () => {
    const recommendation = await planOne(
      'SELECT * FROM purchase WHERE buyer_id = ? ORDER BY placed_at',
    )
    expect(recommendation?.proof).toMatchObject({
      method: 'hypopg',
      statements: [{ usesChange: true }],
    })
    const [proof] = recommendation?.proof.statements ?? []
    expect(proof?.costAfter).toBeLessThan((proof?.costBefore ?? 0) / 5)
    expect(proof?.planAfter.join()).toContain('perfloop_purchase_buyer_id_placed_at_')
    expect(await change("SELECT count(*) FROM pg_class WHERE relname LIKE 'perfloop%'")).toEqual([
      { count: '0' },
    ])
  })

  it('proves the indexes of both sides of an OR together, since neither helps alone', async () => {
    const recommendation = await planOne(
      'SELECT * FROM purchase WHERE buyer_id = ? OR seller_id = ?',
    )
    expect(recommendation?.title).toBe('Index public.purchase by buyer_id and by seller_id')
    const [proof] = recommendation?.proof.statements ?? []
    expect(recommendation?.proof.method).toBe('hypopg')
    expect(proof?.costAfter).toBeLessThan((proof?.costBefore ?? 0) / 5)
    expect(proof?.planAfter.join()).toContain('perfloop_purchase_buyer_id_')
    expect(proof?.planAfter.join()).toContain('perfloop_purchase_seller_id_')
  })

  it('proves one index for an OR whose other side has the key of the table', async () => {
    const recommendation = await planOne('SELECT * FROM purchase WHERE id = ? OR seller_id = ?')
    expect(recommendation?.title).toBe('Index public.purchase by seller_id')
    expect(recommendation?.proof).toMatchObject({
      method: 'hypopg',
      statements: [{ usesChange: true }],
    })
  })
})

const STATEMENT = fingerprint('0123456789abcdef')

function observed(text: string) {
  return { statement: STATEMENT, text, calls: 1, totalNs: 1 }
}

async function planOne(sql: string) {
  await using target = await postgresTarget.connect({ url }, settings)
  const { facts } = await target.collect([observed(sql)])
  const [recommendation] = await createIndex.plan(
    [
      {
        id: 'issue',
        kind: 'missing-index',
        environment: 'test',
        service: 'store',
        operation: 'GET /page',
        operationKind: 'server',
        statement: STATEMENT,
        recoverableNsPerHour: 1e9,
        evidence: {},
      },
    ],
    {
      targetId: 'target',
      targetKind: 'postgres',
      targetOptions: { url },
      facts,
      settings,
      scratchDirectory: parent,
      signal: new AbortController().signal,
    },
  )
  return recommendation
}

/** Also waits for the server to be there. */
async function change(sql: string): Promise<unknown> {
  for (let attempt = 0; ; attempt += 1) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    try {
      await client.connect()
      const result: { rows?: unknown } = await client.query(sql)
      return result.rows
    } catch (error) {
      const code = (error as { code?: string }).code ?? ''
      if (attempt > 100 || !['ECONNREFUSED', '57P03'].includes(code)) throw error
      await sleep(50)
    } finally {
      await client.end().catch(() => {})
    }
  }
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })
}
