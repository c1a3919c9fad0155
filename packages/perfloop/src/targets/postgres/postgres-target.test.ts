import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Settings } from '../../settings/settings.ts'
import { type PlanFact, TargetFact } from '../../store/telemetry/target-facts.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts'
import { openSession } from './open-session.ts'
import { postgresTarget } from './postgres-target.ts'

const settings = Settings.parse({}).optimizer
const parent = mkdtempSync(join(tmpdir(), 'perfloop-target-'))
let server: EmbeddedPostgres

beforeAll(async () => {
  server = await startEmbeddedPostgres({
    directory: join(parent, 'server'),
    settings: { fsync: 'off' },
  })
  await change(server.url, SHOP)
}, 60_000)
afterAll(async () => {
  await server?.stop()
  rmSync(parent, { recursive: true, force: true })
})

const SHOP = `
  CREATE TABLE buyer (id int PRIMARY KEY, email text NOT NULL, active boolean NOT NULL, left_at timestamptz);
  CREATE TABLE purchase (
    id bigserial PRIMARY KEY, buyer_id int NOT NULL, state text NOT NULL,
    placed_at timestamptz NOT NULL, cents int NOT NULL
  );
  CREATE TABLE tiny (id int PRIMARY KEY, label text);
  INSERT INTO buyer SELECT n, 'secret' || n || '@x.org', n % 10 > 0, CASE WHEN n % 50 = 0 THEN now() END
    FROM generate_series(1, 5000) n;
  INSERT INTO purchase (buyer_id, state, placed_at, cents)
    SELECT 1 + n * 7919 % 5000, (ARRAY['open','paid','sent'])[1 + n % 3],
           now() - n * interval '1 minute', n % 10000
    FROM generate_series(1, 60000) n;
  INSERT INTO tiny SELECT n, 'x' FROM generate_series(1, 20) n;
  CREATE INDEX purchase_state ON purchase (state);
  ANALYZE;
  CREATE ROLE looker LOGIN PASSWORD 'looker';
  GRANT SELECT ON purchase TO looker;`

async function change(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

function observed(text: string, statement = '0123456789abcdef') {
  return { statement, text, calls: 1, totalNs: 1 }
}

async function collect(...texts: string[]) {
  await using target = await postgresTarget.connect({ url: server.url }, settings)
  return target.collect(texts.map((text, at) => observed(text, at.toString(16).padStart(16, '0'))))
}

async function planOf(text: string): Promise<PlanFact> {
  const { facts, skipped } = await collect(text)
  const plan = facts.find(fact => fact.fact === 'plan')
  if (plan?.fact !== 'plan') throw new Error(`not explained: ${skipped[0]?.reason}`)
  return plan
}

describe('postgres target', () => {
  it('ends a collection in time, and says what was left', async () => {
    const hurried = { ...settings, collect: { ...settings.collect, timeoutMs: 0 } }
    await using target = await postgresTarget.connect({ url: server.url }, hurried)
    const { facts, skipped } = await target.collect([observed('SELECT * FROM buyer')])
    expect(facts.some(({ fact }) => fact === 'table')).toBe(true)
    expect(facts.some(({ fact }) => fact === 'plan')).toBe(false)
    expect(skipped).toEqual([
      { statement: '0123456789abcdef', reason: expect.stringContaining('time') },
    ])
  })

  it('sets its own limits on a server that is not ours', async () => {
    await using session = await openSession(
      { url: server.url },
      { statementTimeoutMs: 1_500, lockTimeoutMs: 250, connectTimeoutMs: 5_000, readOnly: true },
    )
    const names = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
    const rows = await session.rows(
      z.object({ setting: z.string() }),
      'SELECT setting FROM pg_settings WHERE name = ANY($1) ORDER BY name',
      [names],
    )
    expect(rows.map(({ setting }) => setting)).toEqual(['1500', '250', '1500'])
  })

  it('tells its version and that the owner of the tables may build indexes', async () => {
    await using target = await postgresTarget.connect({ url: server.url }, settings)
    const status = await target.check()
    expect(status.version).toMatch(/^PostgreSQL 18/)
    expect(status).toMatchObject({ canCollect: true, canChange: true })
  })

  it('tells a role that only looks what to be granted', async () => {
    const url = server.url.replace(/\/\/[^@]*@/, '//looker:looker@')
    await using target = await postgresTarget.connect({ url }, settings)
    const status = await target.check()
    expect(status).toMatchObject({ canCollect: true, canChange: false })
    expect(status.notes).toContain(
      'To build indexes on tables of postgres: GRANT postgres TO "looker";',
    )
    expect(status.notes.join()).toContain('GRANT pg_read_all_stats TO "looker"')
    expect(status.notes.join()).toContain('GRANT CREATE ON SCHEMA public TO "looker"')
  })

  it('says that a server which is not there cannot be reached, without its password', async () => {
    await using target = await postgresTarget.connect(
      { url: 'postgres://me:hush@127.0.0.1:9/none' },
      settings,
    )
    const failure = await target.check().catch(error => error)
    expect(failure.code).toBe('TARGET_UNREACHABLE')
    expect(JSON.stringify(failure.details)).not.toContain('hush')
  })

  it('collects tables and indexes, and no value of anybody’s data', async () => {
    const { facts } = await collect()
    expect(facts.map(fact => TargetFact.parse(fact))).toEqual(facts)
    const purchase = facts.find(fact => fact.subject === 'public.purchase')
    expect(purchase).toMatchObject({ fact: 'table', rows: 60_000 })
    expect(facts).toContainEqual(
      expect.objectContaining({
        fact: 'index',
        subject: 'public.purchase_state',
        table: 'public.purchase',
        columns: ['state'],
        unique: false,
        partial: null,
        valid: true,
      }),
    )
    expect(JSON.stringify(facts)).not.toMatch(/secret|open|paid/)
  })

  it('sees a full scan and names the index that could spare it', async () => {
    const plan = await planOf('SELECT * FROM purchase WHERE buyer_id = ?')
    expect(plan.text).toBe('SELECT * FROM purchase WHERE buyer_id = $1')
    expect(plan.fullScans).toEqual([
      expect.objectContaining({ table: 'public.purchase', tableRows: 60_000 }),
    ])
    expect(plan.words[0]).toBe('scans all 60,000 rows of purchase and keeps 12')
    expect(plan.candidates).toEqual([
      expect.objectContaining({
        table: 'public.purchase',
        columns: [{ name: 'buyer_id', descending: false }],
        predicate: null,
      }),
    ])
  })

  it('orders equality first, then the order wanted, and tells sorts', async () => {
    const plan = await planOf(
      'SELECT id FROM purchase WHERE buyer_id = $1 AND state = $2 ORDER BY placed_at DESC LIMIT ?',
    )
    expect(plan.sorts).toEqual([{ keys: ['placed_at DESC'], table: 'purchase' }])
    expect(plan.words).toContain('sorts 4 rows by placed_at descending')
    expect(plan.assumptions).toEqual(['supposes a first page of 50 rows'])
    expect(plan.candidates[0]?.columns.map(column => column.name)).toEqual([
      'buyer_id',
      'state',
      'placed_at',
    ])
  })

  it('says which index is used', async () => {
    const plan = await planOf('SELECT * FROM purchase WHERE id = ?')
    expect(plan.words).toEqual(['uses purchase_pkey to find 1 row of purchase'])
    expect(plan.candidates).toEqual([])
    expect(plan.fullScans).toEqual([])
  })

  it('makes a condition without parameters the predicate of a partial index', async () => {
    const plan = await planOf(
      'SELECT * FROM buyer WHERE active = false AND left_at IS NOT NULL AND email = ?',
    )
    expect(plan.candidates.map(({ columns, predicate }) => [columns[0]?.name, predicate])).toEqual([
      ['email', null],
      ['email', 'active = false'],
      ['email', 'left_at IS NOT NULL'],
    ])
  })

  it('explains what lost its literals in odd places', async () => {
    for (const text of [
      'SELECT * FROM purchase WHERE id IN (?)',
      'SELECT * FROM purchase WHERE id = ANY(?)',
      'SELECT * FROM purchase WHERE placed_at > now() - INTERVAL ?',
      'SELECT * FROM purchase WHERE placed_at BETWEEN DATE ? AND DATE ?',
      'SELECT * FROM purchase ORDER BY placed_at FETCH FIRST ? ROWS ONLY',
      'SELECT * FROM purchase p JOIN buyer b ON b.id = p.buyer_id WHERE b.email = %s LIMIT %s OFFSET %s',
      'UPDATE purchase SET state = ? WHERE buyer_id = ?',
      'DELETE FROM purchase WHERE buyer_id = :buyer',
      'WITH recent AS (SELECT * FROM purchase WHERE cents > ?) SELECT count(*) FROM recent GROUP BY state',
      'SELECT * FROM purchase WHERE state = ? UNION ALL SELECT * FROM purchase WHERE cents = ?;',
    ]) {
      expect((await planOf(text)).plan.cost, text).toBeGreaterThan(0)
    }
  })

  it('explains nothing that could change or run anything, and says so', async () => {
    const { facts, skipped } = await collect(
      'INSERT INTO tiny VALUES (?)',
      'SELECT 1; DROP TABLE tiny',
      'WITH gone AS (DELETE FROM tiny RETURNING *) SELECT * FROM gone',
      'SELECT * INTO copied FROM tiny',
      'DROP TABLE tiny',
      'SELECT FROM WHERE',
      'SELECT * FROM nowhere WHERE id = ?',
    )
    expect(facts.filter(fact => fact.fact === 'plan')).toEqual([])
    expect(skipped.map(({ reason }) => reason)).toEqual([
      'only SELECT, UPDATE and DELETE are explained',
      'it is not one statement',
      'it is a SELECT that writes',
      'it is a SELECT that writes',
      'only SELECT, UPDATE and DELETE are explained',
      expect.stringContaining('it cannot be parsed without its literals'),
      expect.stringContaining('relation "nowhere" does not exist'),
    ])
  })

  it('proposes nothing for small tables, functions and patterns, and says why', async () => {
    const small = await planOf('SELECT * FROM tiny WHERE label = ?')
    expect(small.candidates).toEqual([])
    expect(small.obstacles).toEqual(['public.tiny has only 20 rows: reading all of them is cheap'])
    const hidden = await planOf('SELECT * FROM buyer WHERE length(email) = ? AND email LIKE ?')
    expect(hidden.candidates).toEqual([])
    expect(hidden.obstacles).toEqual([
      'the function length around email hides it from an index on the column',
      'email is matched by a pattern: with a leading wildcard no ordinary index helps',
    ])
  })
})
