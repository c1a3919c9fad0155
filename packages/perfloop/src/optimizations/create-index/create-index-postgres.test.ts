import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { fingerprint } from '../../domain/fingerprint.ts'
import type {
  ApplyContext,
  IssueToSettle,
  PlanningContext,
  Recommendation,
} from '../../optimizer/optimization.ts'
import { Settings } from '../../settings/settings.ts'
import type { TargetFact } from '../../store/telemetry/target-facts.ts'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../targets/postgres/embedded-postgres.ts'
import { postgresTarget } from '../../targets/postgres/postgres-target.ts'
import { createIndex } from './create-index.ts'

const settings = Settings.parse({ optimizer: { createIndex: { lockTimeoutMs: 400 } } }).optimizer
const parent = mkdtempSync(join(tmpdir(), 'perfloop-create-index-'))
const scratchDirectory = join(parent, 'scratch')
let server: EmbeddedPostgres

beforeAll(async () => {
  server = await startEmbeddedPostgres({
    directory: join(parent, 'server'),
    settings: { fsync: 'off', autovacuum: 'off', max_parallel_maintenance_workers: '0' },
  })
  await change(`
    CREATE TYPE state AS ENUM ('open', 'paid', 'sent');
    CREATE TABLE buyer (id int PRIMARY KEY, email varchar(80) NOT NULL);
    CREATE TABLE purchase (
      id bigserial PRIMARY KEY, buyer_id int NOT NULL, state state NOT NULL,
      placed_at timestamptz NOT NULL, cents int NOT NULL, gone_at timestamptz, note text
    );
    INSERT INTO buyer SELECT n, n || '@x.org' FROM generate_series(1, 5000) n;
    INSERT INTO purchase (buyer_id, state, placed_at, cents, gone_at, note)
      SELECT 1 + n * 7919 % 5000, (ARRAY['open','paid','sent']::state[])[1 + n % 3],
             now() - n * interval '1 minute', n % 10000,
             CASE WHEN n % 100 = 0 THEN now() END, repeat('x', 60)
      FROM generate_series(1, 200000) n;
    VACUUM ANALYZE;
    CREATE ROLE looker LOGIN PASSWORD 'looker';
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker;`)
}, 120_000)
afterAll(async () => {
  await server?.stop()
  rmSync(parent, { recursive: true, force: true })
})
beforeEach(async () => {
  for (const name of await ourIndexes()) await change(`DROP INDEX "${name}"`)
})

async function change(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  try {
    await client.query("SET lock_timeout = '5s'")
    for (const statement of sql.split(';\n')) await client.query(statement)
  } finally {
    await client.end()
  }
}

async function ourIndexes(): Promise<readonly string[]> {
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  try {
    const result = await client.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relkind = 'i' AND relname LIKE 'perfloop%'",
    )
    return result.rows.map(({ name }) => name)
  } finally {
    await client.end()
  }
}

async function factsOf(texts: readonly string[]): Promise<readonly TargetFact[]> {
  await using target = await postgresTarget.connect({ url: server.url }, settings)
  const observed = texts.map((text, at) => ({
    statement: statementOf(at),
    text,
    calls: 1,
    totalNs: 1,
  }))
  return (await target.collect(observed)).facts
}

function statementOf(at: number) {
  return fingerprint(at.toString(16).padStart(16, '0'))
}

function issueOn(at: number): IssueToSettle {
  return {
    id: `issue-${at}`,
    kind: 'missing-index',
    environment: 'test',
    service: 'store',
    operation: `GET /page/${at}`,
    operationKind: 'server',
    statement: statementOf(at),
    recoverableNsPerHour: 1e9,
    evidence: {},
  }
}

async function plan(texts: readonly string[]): Promise<readonly Recommendation[]> {
  const context: PlanningContext = {
    targetId: 'target',
    targetKind: 'postgres',
    targetOptions: { url: server.url },
    facts: await factsOf(texts),
    settings,
    scratchDirectory,
    signal: new AbortController().signal,
  }
  return createIndex.plan(
    texts.map((_, at) => issueOn(at)),
    context,
  )
}

function applying(url = server.url): ApplyContext {
  return {
    targetKind: 'postgres',
    targetOptions: { url },
    settings,
    signal: new AbortController().signal,
  }
}

async function planOne(text: string): Promise<Recommendation> {
  const [recommendation] = await plan([text])
  if (recommendation === undefined) throw new Error('nothing recommended')
  return recommendation
}

const BY_BUYER = 'SELECT * FROM purchase WHERE buyer_id = ? ORDER BY placed_at DESC LIMIT ?'

describe('create-index on PostgreSQL: the proof', () => {
  it('is given by a copy that has the statistics and not the data, and leaves nothing behind', async () => {
    const recommendation = await planOne(BY_BUYER)
    expect(recommendation).toMatchObject({
      kind: 'create-index',
      title: 'Index public.purchase by buyer_id, placed_at',
      change: expect.stringMatching(
        /^CREATE INDEX CONCURRENTLY (perfloop_purchase_buyer_id_placed_at_\w{6}) ON public\.purchase USING btree \(buyer_id, placed_at\);$/,
      ),
      undo: expect.stringMatching(/^DROP INDEX CONCURRENTLY IF EXISTS public\.perfloop_purchase_/),
      operations: [
        { environment: 'test', service: 'store', operation: 'GET /page/0', kind: 'server' },
      ],
      issueIds: ['issue-0'],
    })
    const [proof] = recommendation.proof.statements
    expect(recommendation.proof.method).toBe('statistics-copy')
    expect(proof?.usesChange).toBe(true)
    expect(proof?.costAfter).toBeLessThan((proof?.costBefore ?? 0) / 20)
    expect(proof?.planBefore[0]).toMatch(/^scans all 200,000 rows of purchase and keeps/)
    expect(proof?.planAfter.join()).toContain('uses perfloop_purchase_buyer_id_placed_at_')
    expect(readdirSync(scratchDirectory)).toEqual([])
    expect(await ourIndexes()).toEqual([])
  }, 20_000)

  it('agrees with what the planner of the full database says, before and after', async () => {
    const recommendation = await planOne('SELECT * FROM purchase WHERE buyer_id = ?')
    const [proof] = recommendation.proof.statements
    const [before] = (await factsOf(['SELECT * FROM purchase WHERE buyer_id = ?'])).filter(
      fact => fact.fact === 'plan',
    )
    await createIndex.apply(recommendation, applying())
    const [after] = (await factsOf(['SELECT * FROM purchase WHERE buyer_id = ?'])).filter(
      fact => fact.fact === 'plan',
    )
    if (before?.fact !== 'plan' || after?.fact !== 'plan') throw new Error('not explained')
    expect(proof?.costBefore).toBeCloseTo(before.plan.cost ?? 0, 0)
    expect((proof?.costAfter ?? 0) / (after.plan.cost ?? 1)).toBeCloseTo(1, 1)
    expect(after.words.join()).toContain('uses perfloop_purchase_buyer_id_')
  }, 20_000)

  it('offers one composite index for two statements that it serves both', async () => {
    const recommendations = await plan([
      'SELECT * FROM purchase WHERE buyer_id = ?',
      'SELECT * FROM purchase WHERE buyer_id = ? AND placed_at > ?',
    ])
    expect(recommendations.map(({ title }) => title)).toEqual([
      'Index public.purchase by buyer_id, placed_at',
    ])
    expect(recommendations[0]?.issueIds).toEqual(['issue-0', 'issue-1'])
  }, 20_000)

  it('offers a partial index where a condition without parameters throws most rows away', async () => {
    const recommendation = await planOne(
      'SELECT * FROM purchase WHERE gone_at IS NOT NULL AND cents = ? AND state = ?',
    )
    expect(recommendation.change).toContain('WHERE (gone_at IS NOT NULL);')
    await createIndex.apply(recommendation, applying())
    expect(await createIndex.inspect(recommendation, applying())).toBe('present')
  }, 20_000)

  it('is an index for each branch of an OR, proven, made and taken back together', async () => {
    const sql = 'SELECT * FROM purchase WHERE buyer_id = ? OR cents = ?'
    const recommendation = await planOne(sql)
    expect(recommendation.title).toBe('Index public.purchase by buyer_id and by cents')
    const [proof] = recommendation.proof.statements
    expect(proof?.planBefore.join()).toContain('scans all')
    expect(proof?.usesChange).toBe(true)
    await createIndex.apply(recommendation, applying())
    expect(await createIndex.inspect(recommendation, applying())).toBe('present')
    expect(await ourIndexes()).toHaveLength(2)
    const [after] = (await factsOf([sql])).filter(fact => fact.fact === 'plan')
    expect(JSON.stringify(after?.plan)).toContain('BitmapOr')
    expect((proof?.costAfter ?? 0) / (after?.plan.cost ?? 1)).toBeCloseTo(1, 1)
    expect(await plan([sql])).toEqual([])
    await createIndex.undo(recommendation, applying())
    expect(await ourIndexes()).toEqual([])
  }, 20_000)

  it('is one for an OR of which the other branch has its index, also beside a statement of its own', async () => {
    const recommendations = await plan([
      'SELECT * FROM purchase WHERE id = ? OR cents = ?',
      'SELECT * FROM purchase WHERE cents = ?',
    ])
    expect(recommendations.map(({ title }) => title)).toEqual(['Index public.purchase by cents'])
    expect(recommendations[0]?.issueIds).toEqual(['issue-0', 'issue-1'])
  }, 20_000)

  it('is offered on an expression, and recognized as PostgreSQL tells it', async () => {
    const sql = 'SELECT * FROM buyer WHERE lower(email) = ?'
    const recommendation = await planOne(sql)
    expect(recommendation.title).toBe('Index public.buyer by lower(email)')
    expect(recommendation.proof.statements[0]?.usesChange).toBe(true)
    await createIndex.apply(recommendation, applying())
    await createIndex.apply(recommendation, applying())
    expect(await createIndex.inspect(recommendation, applying())).toBe('present')
    expect(await plan([sql])).toEqual([])
    await createIndex.undo(recommendation, applying())
    expect(await ourIndexes()).toEqual([])
  }, 20_000)

  it('is not given for an index that the planner would ignore, or that exists', async () => {
    expect(
      await plan([
        'SELECT * FROM purchase WHERE state = ?',
        'SELECT * FROM purchase',
        'SELECT * FROM purchase WHERE id = ?',
        'SELECT * FROM purchase WHERE lower(note) = ?',
      ]),
    ).toEqual([])
  }, 20_000)

  it('holds for a join', async () => {
    const recommendation = await planOne(
      'SELECT * FROM buyer b JOIN purchase p ON p.buyer_id = b.id WHERE b.id = ?',
    )
    expect(recommendation.title).toBe('Index public.purchase by buyer_id')
  }, 20_000)
})

describe('create-index on PostgreSQL: the change', () => {
  it('builds the index, is idempotent, and takes it away again', async () => {
    const recommendation = await planOne(BY_BUYER)
    expect(await createIndex.inspect(recommendation, applying())).toBe('absent')
    await createIndex.apply(recommendation, applying())
    await createIndex.apply(recommendation, applying())
    expect(await ourIndexes()).toEqual([recommendation.owns.name])
    expect(await createIndex.inspect(recommendation, applying())).toBe('present')
    await createIndex.undo(recommendation, applying())
    await createIndex.undo(recommendation, applying())
    expect(await ourIndexes()).toEqual([])
  }, 20_000)

  it('gives up a build that waits too long for an old transaction, and undo removes what is left', async () => {
    const recommendation = await planOne(BY_BUYER)
    const blocker = new pg.Client({ connectionString: server.url })
    await blocker.connect()
    try {
      await blocker.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await blocker.query('UPDATE purchase SET cents = cents WHERE id = 1')
      await expect(createIndex.apply(recommendation, applying())).rejects.toMatchObject({
        code: 'CHANGE_FAILED',
        details: { reason: expect.stringContaining('lock timeout'), invalidIndex: 'left' },
      })
      expect(await createIndex.inspect(recommendation, applying())).toBe('partial')
    } finally {
      await blocker.query('ROLLBACK')
      await blocker.end()
    }
    await createIndex.undo(recommendation, applying())
    expect(await ourIndexes()).toEqual([])
  }, 20_000)

  it('cleans up the invalid index of a build that was stopped', async () => {
    const recommendation = await planOne(BY_BUYER)
    const blocker = new pg.Client({ connectionString: server.url })
    await blocker.connect()
    await blocker.query('BEGIN')
    await blocker.query('UPDATE purchase SET cents = cents WHERE id = 1')
    const stop = new AbortController()
    const patient = Settings.parse({ optimizer: { createIndex: { lockTimeoutMs: 10_000 } } })
    const stopped = createIndex
      .apply(recommendation, { ...applying(), settings: patient.optimizer, signal: stop.signal })
      .catch(error => error)
    await vi.waitFor(async () => expect(await ourIndexes()).toHaveLength(1), 5_000)
    stop.abort()
    await blocker.query('ROLLBACK')
    await blocker.end()
    expect(await stopped).toMatchObject({
      code: 'CHANGE_FAILED',
      details: { reason: expect.stringContaining('user request'), invalidIndex: 'removed' },
    })
    expect(await ourIndexes()).toEqual([])
  }, 20_000)

  it('recognizes an invalid index of a crashed build as partial, and builds it anew', async () => {
    const recommendation = await planOne(BY_BUYER)
    await createIndex.apply(recommendation, applying())
    await change(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = '${recommendation.owns.name}'::regclass`,
    )
    expect(await createIndex.inspect(recommendation, applying())).toBe('partial')
    await createIndex.apply(recommendation, applying())
    expect(await createIndex.inspect(recommendation, applying())).toBe('present')
  }, 20_000)

  it('says when its role may not build indexes', async () => {
    const recommendation = await planOne(BY_BUYER)
    const looker = server.url.replace(/\/\/[^@]*@/, '//looker:looker@')
    await expect(createIndex.apply(recommendation, applying(looker))).rejects.toMatchObject({
      code: 'TARGET_PERMISSION_DENIED',
      details: { sql: recommendation.change },
    })
    expect(await ourIndexes()).toEqual([])
  }, 20_000)

  it('does not touch an index of its name that is somebody else’s', async () => {
    const recommendation = await planOne(BY_BUYER)
    await change(`CREATE INDEX ${recommendation.owns.name} ON purchase (cents)`)
    for (const act of [createIndex.apply, createIndex.undo]) {
      await expect(act(recommendation, applying())).rejects.toMatchObject({ code: 'CHANGE_FAILED' })
    }
    expect(await createIndex.inspect(recommendation, applying())).toBe('absent')
    expect(await ourIndexes()).toHaveLength(1)
  }, 20_000)

  it('stops a build when asked to', async () => {
    const recommendation = await planOne(BY_BUYER)
    const stop = new AbortController()
    stop.abort()
    await expect(
      createIndex.apply(recommendation, { ...applying(), signal: stop.signal }),
    ).rejects.toThrow()
    expect(await ourIndexes()).toEqual([])
  }, 20_000)

  it('tells when nothing uses the index it made', async () => {
    const recommendation = await planOne(BY_BUYER)
    await createIndex.apply(recommendation, applying())
    expect(createIndex.findWaste?.(recommendation, await factsOf([]))).toMatch(
      /no statement has used/,
    )
  }, 20_000)
})
