import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Settings } from '../../settings/settings.ts'
import { type PlanFact, TargetFact } from '../../store/telemetry/target-facts.ts'
import { readStep } from './query-plan.ts'
import { sqliteTarget } from './sqlite-target.ts'

const settings = Settings.parse({}).optimizer
const parent = mkdtempSync(join(tmpdir(), 'perfloop-sqlite-target-'))
const file = join(parent, 'shop with space, 50% #1?.db')

beforeAll(() => {
  const database = new DatabaseSync(file)
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE buyer (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, left_at TEXT);
    CREATE TABLE purchase (
      id INTEGER PRIMARY KEY, buyer_id INT NOT NULL, state TEXT NOT NULL, placed_at TEXT NOT NULL
    );
    CREATE TABLE pair (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE INDEX purchase_state ON purchase (state);
    CREATE INDEX buyer_left ON buyer (left_at) WHERE left_at IS NOT NULL;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO buyer SELECT i, 'secret' || i || '@x.org', CASE WHEN i % 50 = 0 THEN 'then' END FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000)
      INSERT INTO purchase SELECT i, 1 + i * 7919 % 5000, 'state' || (i % 3), datetime(i * 60, 'unixepoch') FROM n;
    INSERT INTO pair VALUES (1, 2), (1, 3);`)
  database.close()
})
afterAll(() => rmSync(parent, { recursive: true, force: true }))

async function collect(...texts: string[]) {
  await using target = await sqliteTarget.connect({ file }, settings)
  const observed = texts.map((text, at) => ({
    statement: at.toString(16).padStart(16, '0'),
    text,
    calls: 1,
    totalNs: 1,
  }))
  return target.collect(observed)
}

async function planOf(text: string): Promise<PlanFact> {
  const { facts, skipped } = await collect(text)
  const plan = facts.find(fact => fact.fact === 'plan')
  if (plan?.fact !== 'plan') throw new Error(`not explained: ${skipped[0]?.reason}`)
  return plan
}

describe('EXPLAIN QUERY PLAN', () => {
  it.each([
    [
      'SEARCH TABLE purchase USING INDEX purchase_state (state=?)',
      'SEARCH',
      'purchase',
      'purchase_state',
    ],
    [
      'SEARCH TABLE purchase AS p USING INDEX purchase_state (state=?)',
      'SEARCH',
      'p',
      'purchase_state',
    ],
    ['SEARCH p USING COVERING INDEX purchase_state (state=?)', 'SEARCH', 'p', 'purchase_state'],
    ['SEARCH p USING INTEGER PRIMARY KEY (rowid=?)', 'SEARCH', 'p', 'integer primary key'],
    ['SEARCH p USING AUTOMATIC PARTIAL COVERING INDEX (a=?)', 'SEARCH', 'p', 'automatic index'],
    ['SCAN TABLE purchase', 'SCAN', 'purchase', undefined],
    ['SCAN purchase', 'SCAN', 'purchase', undefined],
    ['SCAN purchase USING INDEX purchase_state', 'SCAN', 'purchase', 'purchase_state'],
    ['USE TEMP B-TREE FOR ORDER BY', 'TEMP B-TREE', undefined, undefined],
    ['SCAN CONSTANT ROW', 'SCAN CONSTANT ROW', undefined, undefined],
    ['CO-ROUTINE x', 'CO-ROUTINE x', undefined, undefined],
  ])('reads %s', (detail, node, name, index) => {
    expect(readStep(detail)).toMatchObject({ node, ...(name && { name }), ...(index && { index }) })
    expect(readStep(detail).index).toBe(index)
  })
})

describe('sqlite target', () => {
  it('tells its version, and that it may build indexes', async () => {
    await using target = await sqliteTarget.connect({ file }, settings)
    expect(await target.check()).toMatchObject({
      version: expect.stringMatching(/^SQLite 3\..* \(wal\)$/),
      canCollect: true,
      canChange: true,
      notes: [],
    })
  })

  it('does not make a file that is not there', async () => {
    const missing = join(parent, 'missing.db')
    await using target = await sqliteTarget.connect({ file: missing }, settings)
    await expect(target.check()).rejects.toMatchObject({ code: 'TARGET_UNREACHABLE' })
  })

  it('collects tables and indexes with estimates, and no value of anybody’s data', async () => {
    const { facts } = await collect()
    expect(facts.map(fact => TargetFact.parse(fact))).toEqual(facts)
    const purchase = facts.find(fact => fact.subject === 'purchase')
    expect(purchase).toMatchObject({ fact: 'table', rows: 30_000 })
    if (purchase?.fact !== 'table') throw new Error('no table')
    const [id, , state] = purchase.columns
    expect(id?.distinctValues).toBeCloseTo(-1, 1)
    expect(state?.distinctValues).toBe(3)
    expect(facts.filter(fact => fact.fact === 'index').map(fact => fact.subject)).toEqual(
      expect.arrayContaining(['buyer (rowid)', 'buyer_left', 'purchase_state']),
    )
    expect(facts).toContainEqual(
      expect.objectContaining({ subject: 'buyer_left', partial: 'left_at IS NOT NULL' }),
    )
    expect(JSON.stringify(facts)).not.toMatch(/secret|state0/)
  })

  it('sees a full scan and a sort, and names the index that spares both', async () => {
    const plan = await planOf(
      'SELECT * FROM "purchase" AS p WHERE p.buyer_id = ? ORDER BY p.placed_at DESC LIMIT ?, ?',
    )
    expect(plan.words).toEqual([
      'scans all 30,000 rows of purchase',
      'sorts with temp B-tree for ORDER BY',
    ])
    expect(plan.fullScans).toEqual([
      {
        table: 'purchase',
        tableRows: 30_000,
        rowsRead: 30_000,
        estimatedRowsOut: expect.any(Number),
        filter: 'buyer_id = ?',
      },
    ])
    expect(plan.sorts).toEqual([{ keys: ['placed_at DESC'], table: 'purchase' }])
    expect(plan.candidates.map(({ columns }) => columns.map(({ name }) => name))).toEqual([
      ['buyer_id', 'placed_at'],
    ])
  })

  it('knows how little an OR of two columns lets through, and what would find it', async () => {
    const plan = await planOf('SELECT * FROM purchase WHERE id = ? OR buyer_id = ?')
    const [scan] = plan.fullScans
    expect(scan?.filter).toBe('(id OR buyer_id)')
    expect(scan?.estimatedRowsOut).toBeLessThan(30_000 / 4)
    expect(plan.candidates.map(({ columns }) => columns.map(({ name }) => name))).toContainEqual([
      'buyer_id',
    ])
  })

  it('knows that a page in order needs no more rows than the page', async () => {
    const plan = await planOf('SELECT id FROM purchase ORDER BY placed_at DESC LIMIT ? OFFSET ?')
    expect(plan.fullScans).toMatchObject([{ tableRows: 30_000, estimatedRowsOut: 50 }])
    const all = await planOf('SELECT id FROM purchase ORDER BY placed_at DESC')
    expect(all.fullScans).toMatchObject([{ estimatedRowsOut: 30_000 }])
  })

  it('says which index is used', async () => {
    const plan = await planOf('SELECT id FROM `purchase` WHERE state = :state ORDER BY placed_at')
    expect(plan.words).toEqual([
      'uses purchase_state on purchase (state=?)',
      'sorts with temp B-tree for ORDER BY',
    ])
    expect((await planOf('SELECT * FROM buyer WHERE email = ?')).candidates).toEqual([])
    expect((await planOf('SELECT * FROM [buyer] WHERE id == @id')).candidates).toEqual([])
  })

  it('explains nothing that could change anything', async () => {
    const { facts, skipped } = await collect(
      'PRAGMA journal_mode = DELETE',
      'SELECT 1; DROP TABLE buyer',
      'SELECT * FROM nowhere',
    )
    expect(facts.filter(fact => fact.fact === 'plan')).toEqual([])
    expect(skipped).toHaveLength(3)
  })
})
