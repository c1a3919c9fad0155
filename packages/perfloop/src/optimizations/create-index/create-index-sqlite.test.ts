import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { fingerprint } from '../../domain/fingerprint.ts'
import type { ApplyContext, IssueToSettle, Recommendation } from '../../optimizer/optimization.ts'
import { Settings } from '../../settings/settings.ts'
import { sqliteTarget } from '../../targets/sqlite/sqlite-target.ts'
import { createIndex } from './create-index.ts'
import { OwnedIndex, readOwned } from './index-definition.ts'
import { makeChange } from './sqlite/sqlite-index.ts'

const settings = Settings.parse({ optimizer: { createIndex: { lockTimeoutMs: 300 } } }).optimizer
const parent = mkdtempSync(join(tmpdir(), 'perfloop-create-index-sqlite-'))
afterAll(() => rmSync(parent, { recursive: true, force: true }))

let file: string
beforeEach(() => {
  file = join(mkdtempSync(join(parent, 'world-')), 'shop.db')
  const database = new DatabaseSync(file)
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE buyer (id INTEGER PRIMARY KEY, email TEXT NOT NULL);
    CREATE TABLE purchase (
      id INTEGER PRIMARY KEY, buyer_id INT NOT NULL, state TEXT NOT NULL, placed_at TEXT, gone_at TEXT
    );
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      INSERT INTO buyer SELECT i, i || '@x.org' FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
      INSERT INTO purchase SELECT i, i * 7919 % 3000, 'state' || (i % 3), datetime(i * 60, 'unixepoch'),
        CASE WHEN i % 100 = 0 THEN 'then' END FROM n;`)
  database.close()
})

function applying(): ApplyContext {
  return {
    targetKind: 'sqlite',
    targetOptions: { file },
    settings,
    signal: new AbortController().signal,
  }
}

async function plan(...texts: string[]): Promise<readonly Recommendation[]> {
  await using target = await sqliteTarget.connect({ file }, settings)
  const statementOf = (at: number) => fingerprint(at.toString(16).padStart(16, '0'))
  const { facts } = await target.collect(
    texts.map((text, at) => ({ statement: statementOf(at), text, calls: 1, totalNs: 1 })),
  )
  const issues = texts.map(
    (_, at): IssueToSettle => ({
      id: `issue-${at}`,
      kind: 'missing-index',
      environment: 'test',
      service: 'store',
      operation: 'GET /page',
      operationKind: 'server',
      statement: statementOf(at),
      recoverableNsPerHour: 1e9,
      evidence: {},
    }),
  )
  return createIndex.plan(issues, {
    ...applying(),
    targetId: 'target',
    facts,
    scratchDirectory: parent,
  })
}

async function planOne(text: string): Promise<Recommendation> {
  const [recommendation] = await plan(text)
  if (recommendation === undefined) throw new Error('nothing recommended')
  return recommendation
}

function schema(): string {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 2_000 })
  try {
    return JSON.stringify(
      database.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all(),
    )
  } finally {
    database.close()
  }
}

const BY_BUYER = 'SELECT * FROM purchase WHERE buyer_id = ? ORDER BY placed_at DESC LIMIT ?'

describe('create-index on SQLite', () => {
  it('is proven on an empty copy, and the file stays as it is', async () => {
    const before = schema()
    const recommendation = await planOne(BY_BUYER)
    expect(recommendation).toMatchObject({
      title: 'Index purchase by buyer_id, placed_at',
      change: expect.stringMatching(
        /^CREATE INDEX perfloop_purchase_buyer_id_placed_at_\w{6} ON purchase \(buyer_id, placed_at\);$/,
      ),
      proof: { method: 'sqlite-copy' },
    })
    const [proof] = recommendation.proof.statements
    expect(proof?.planBefore).toEqual([
      'scans all 30,000 rows of purchase',
      'sorts with temp B-tree for ORDER BY',
    ])
    expect(proof?.planAfter.join()).toMatch(
      /^uses perfloop_purchase_\w+ on purchase \(buyer_id=\?\)$/,
    )
    expect(proof?.costAfter).toBeLessThan((proof?.costBefore ?? 0) / 50)
    expect(schema()).toBe(before)
  })

  it('is an index for each branch of an OR, made and taken back together', async () => {
    const before = schema()
    const sql = 'SELECT * FROM purchase WHERE buyer_id = ? OR placed_at = ?'
    const recommendation = await planOne(sql)
    expect(recommendation.title).toBe('Index purchase by buyer_id and by placed_at')
    const [proof] = recommendation.proof.statements
    expect(proof?.planBefore).toEqual(['scans all 30,000 rows of purchase'])
    expect(proof?.planAfter).toHaveLength(2)
    expect(proof?.usesChange).toBe(true)
    expect(proof?.costAfter).toBeLessThan((proof?.costBefore ?? 0) / 2)
    await createIndex.apply(recommendation, applying())
    expect(await createIndex.inspect(recommendation, applying())).toBe('present')
    const [owned] = readOwned(recommendation.owns)
    const database = new DatabaseSync(file)
    const found = database.prepare(`EXPLAIN QUERY PLAN ${sql.replaceAll('?', '1')}`).all()
    expect(JSON.stringify(found)).toContain('MULTI-INDEX OR')
    expect(await plan(sql)).toEqual([])
    database.exec(`DROP INDEX ${owned?.name}`)
    database.close()
    expect(await createIndex.inspect(recommendation, applying())).toBe('partial')
    await createIndex.undo(recommendation, applying())
    expect(await createIndex.inspect(recommendation, applying())).toBe('absent')
    expect(schema()).toBe(before)
  })

  it('is one where the other branch of the OR has the key of the table', async () => {
    const recommendation = await planOne('SELECT * FROM purchase WHERE id = ? OR buyer_id = ?')
    expect(recommendation.title).toBe('Index purchase by buyer_id')
  })

  it('leaves no half of an OR behind when the other cannot be built', async () => {
    const before = schema()
    const recommendation = await planOne(
      'SELECT * FROM purchase WHERE buyer_id = ? OR placed_at = ?',
    )
    const [, second] = readOwned(recommendation.owns)
    const database = new DatabaseSync(file)
    database.exec(`CREATE INDEX ${second?.name} ON purchase (state)`)
    await expect(createIndex.apply(recommendation, applying())).rejects.toMatchObject({
      code: 'CHANGE_FAILED',
    })
    database.exec(`DROP INDEX ${second?.name}`)
    database.close()
    expect(schema()).toBe(before)
  })

  it('runs nothing that a file hides behind its schema', async () => {
    const hidden = join(parent, 'hidden.db')
    const database = new DatabaseSync(file, { defensive: false })
    database.exec('PRAGMA writable_schema = ON')
    database
      .prepare("UPDATE sqlite_schema SET sql = sql || ? WHERE name = 'buyer'")
      .run(`; ATTACH '${hidden}' AS hidden; CREATE TABLE hidden.made (a)`)
    database.close()
    await planOne('SELECT * FROM purchase WHERE buyer_id = ?')
    expect(existsSync(hidden)).toBe(false)
  })

  it('is proven with the statistics of ANALYZE where the file has them', async () => {
    const database = new DatabaseSync(file)
    database.exec('CREATE INDEX purchase_state ON purchase (state); ANALYZE;')
    database.close()
    const recommendation = await planOne(BY_BUYER)
    expect(recommendation.proof.statements[0]?.usesChange).toBe(true)
  })

  it('is offered for a join and as a partial index', async () => {
    const join = await planOne(
      'SELECT * FROM buyer b JOIN purchase p ON p.buyer_id = b.id WHERE b.id = ?',
    )
    expect(join.title).toBe('Index purchase by buyer_id')
    const partial = await planOne(
      'SELECT * FROM purchase WHERE gone_at IS NOT NULL AND buyer_id = ?',
    )
    await createIndex.apply(partial, applying())
    expect(await createIndex.inspect(partial, applying())).toBe('present')
  })

  it('is not offered on an expression, whose function an application may have replaced', async () => {
    expect(await plan('SELECT * FROM buyer WHERE lower(email) = lower(?)')).toEqual([])
  })

  it('is not offered where few rows would be spared, or none', async () => {
    expect(
      await plan(
        'SELECT * FROM purchase WHERE state = ?',
        'SELECT * FROM purchase WHERE id = ?',
        'SELECT * FROM purchase WHERE lower(state) = ?',
      ),
    ).toEqual([])
  })

  it('is built beside an application that has the file open, and taken away again', async () => {
    const application = new DatabaseSync(file)
    try {
      const recommendation = await planOne(BY_BUYER)
      await createIndex.apply(recommendation, applying())
      await createIndex.apply(recommendation, applying())
      expect(await createIndex.inspect(recommendation, applying())).toBe('present')
      const plan = application
        .prepare('EXPLAIN QUERY PLAN SELECT * FROM purchase WHERE buyer_id = 1')
        .all()
      expect(JSON.stringify(plan)).toContain(recommendation.owns.name)
      await createIndex.undo(recommendation, applying())
      await createIndex.undo(recommendation, applying())
      expect(await createIndex.inspect(recommendation, applying())).toBe('absent')
    } finally {
      application.close()
    }
  })

  it('gives up when the application keeps writing for longer than the lock is waited for', async () => {
    const recommendation = await planOne(BY_BUYER)
    const before = schema()
    const application = new DatabaseSync(file)
    application.exec('BEGIN IMMEDIATE')
    await expect(createIndex.apply(recommendation, applying())).rejects.toMatchObject({
      code: 'CHANGE_FAILED',
      details: { reason: expect.stringContaining('locked') },
    })
    application.exec('ROLLBACK')
    application.close()
    expect(schema()).toBe(before)
  })

  it('does not touch an index of its name that is somebody else’s', async () => {
    const recommendation = await planOne(BY_BUYER)
    const database = new DatabaseSync(file)
    database.exec(`CREATE INDEX ${recommendation.owns.name} ON purchase (state)`)
    database.close()
    for (const act of [createIndex.apply, createIndex.undo]) {
      await expect(act(recommendation, applying())).rejects.toMatchObject({ code: 'CHANGE_FAILED' })
    }
    expect(await createIndex.inspect(recommendation, applying())).toBe('absent')
  })

  it('can be stopped', async () => {
    const recommendation = await planOne(BY_BUYER)
    const stop = new AbortController()
    stop.abort()
    const context = { ...applying(), signal: stop.signal }
    await expect(createIndex.apply(recommendation, context)).rejects.toThrow()
    expect(await createIndex.inspect(recommendation, applying())).toBe('absent')
  })

  it('tells what went wrong by its code, in the thread as outside it', async () => {
    const owned = OwnedIndex.parse((await planOne(BY_BUYER)).owns)
    const change = { owned, target: { file }, busyTimeoutMs: 10 } as const
    expect(makeChange({ ...change, make: 'create' })).toEqual({ status: 'done' })
    expect(makeChange({ ...change, make: 'create' })).toEqual({ status: 'done' })
    expect(makeChange({ ...change, make: 'drop' })).toEqual({ status: 'done' })
    const missing = { ...change, target: { file: join(parent, 'missing.db') } }
    expect(makeChange({ ...missing, make: 'create' })).toMatchObject({ code: 'TARGET_UNREACHABLE' })
    const nowhere = { ...owned, name: 'x', definition: 'CREATE INDEX x ON nowhere (y)' }
    expect(makeChange({ ...change, owned: nowhere, make: 'create' })).toMatchObject({
      code: 'CHANGE_FAILED',
    })
  })

  it.skipIf(process.getuid?.() === 0)('says when it may not write the file', async () => {
    const recommendation = await planOne(BY_BUYER)
    chmodSync(file, 0o444)
    await expect(createIndex.apply(recommendation, applying())).rejects.toMatchObject({
      code: 'TARGET_PERMISSION_DENIED',
    })
  })
})
