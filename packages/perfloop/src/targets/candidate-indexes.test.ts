import { describe, expect, it } from 'vitest'
import { Settings } from '../settings/settings.ts'
import type { IndexFact, TableFact } from '../store/telemetry/target-facts.ts'
import { candidateIndexes, columnList } from './candidate-indexes.ts'
import { toExplainable } from './explainable-statement.ts'
import { quoteName, readAccesses } from './table-access.ts'

const settings = Settings.parse({}).optimizer.createIndex

function table(subject: string, columns: Readonly<Record<string, number | null>>): TableFact {
  return {
    fact: 'table',
    subject,
    rows: 100_000,
    sizeBytes: 1e7,
    sequentialScans: null,
    columns: Object.entries(columns).map(([name, distinctValues]) => ({
      name,
      type: 'text',
      nullable: true,
      distinctValues,
      nullRatio: name === 'gone_at' ? 0.99 : 0,
      correlation: null,
    })),
  }
}

const TABLES = [
  table('public.buyer', { id: -1, email: -1, land: 20, active: 2 }),
  table('public.purchase', {
    id: -1,
    buyer_id: 5_000,
    state: 3,
    kind: 40,
    placed_at: -0.9,
    gone_at: 50,
    user: 9,
  }),
  table('archive.purchase', { id: -1, buyer_id: 5_000 }),
]

function index(columns: readonly string[], change: Partial<IndexFact> = {}): IndexFact {
  return {
    fact: 'index',
    subject: `public.${columns.join('_')}`,
    table: 'public.purchase',
    definition: '',
    columns: [...columns],
    unique: false,
    partial: null,
    valid: true,
    scans: null,
    sizeBytes: null,
    ...change,
  }
}

async function read(sql: string, indexes: readonly IndexFact[] = []) {
  const statement = await toExplainable(sql, 'postgresql', { limitRows: 50 })
  if (statement.verb === 'none') throw new Error(statement.reason)
  return candidateIndexes(readAccesses(statement.tree, TABLES), TABLES, indexes, settings)
}

async function candidates(sql: string, indexes?: readonly IndexFact[]): Promise<readonly string[]> {
  const found = await read(sql, indexes)
  return found.candidates.map(
    candidate =>
      `${candidate.table}(${columnList(candidate)})${candidate.predicate === null ? '' : ` WHERE ${candidate.predicate}`}`,
  )
}

describe('a statement that a database may be asked about', () => {
  it.each([
    ['another one behind it', 'SELECT 1; DROP TABLE purchase'],
    ['another one for those who stop at NUL', 'SELECT 1\0; DROP TABLE purchase'],
    ['another one for those whose comments do not nest', '/* /* */ PRAGMA x; -- */ SELECT 1'],
    ['a table it makes', 'SELECT * INTO copied FROM purchase'],
    ['a write in a CTE', 'WITH gone AS (DELETE FROM purchase RETURNING *) SELECT * FROM gone'],
    ['code', 'DO $$ BEGIN PERFORM 1; END $$'],
    ['an execution', 'EXPLAIN ANALYZE DELETE FROM purchase'],
    ['a program', "COPY purchase TO PROGRAM 'id'"],
  ])('holds not %s', async (_, sql) => {
    for (const dialect of ['postgresql', 'sqlite'] as const) {
      expect(await toExplainable(sql, dialect, { limitRows: 50 })).toMatchObject({ verb: 'none' })
    }
  })
})

describe('candidate indexes', () => {
  it.each([
    [
      'the most selective of the fixed columns first',
      'SELECT * FROM purchase WHERE state = ? AND buyer_id = ?',
      ['public.purchase(buyer_id, state)'],
    ],
    [
      'a column inside a function that folds case',
      'SELECT * FROM buyer WHERE lower(email) = lower(?)',
      ['public.buyer(lower(email))'],
    ],
    [
      'such a column that is cast to text before, as Django does',
      'SELECT * FROM buyer WHERE UPPER(buyer.email::text) = UPPER(?)',
      ['public.buyer(upper(email))'],
    ],
    [
      'the order wanted of a column that is told by its place in the result',
      'SELECT id, placed_at FROM purchase WHERE buyer_id = ? ORDER BY 2 DESC LIMIT ?',
      ['public.purchase(buyer_id, placed_at)'],
    ],
    [
      'such a column of a list of values behind what is fixed, and alone',
      'SELECT * FROM buyer b WHERE ? = b.land AND upper(b.email) IN (?)',
      ['public.buyer(land, upper(email))', 'public.buyer(upper(email))'],
    ],
    [
      'no column of few values inside a function, whose planner would believe it has many',
      'SELECT * FROM buyer WHERE lower(land) = ?',
      [],
    ],
    [
      'one bounded column last',
      'SELECT * FROM purchase WHERE placed_at > ? AND buyer_id = ? AND kind BETWEEN ? AND ?',
      ['public.purchase(buyer_id, placed_at)'],
    ],
    [
      'the order wanted behind what is fixed',
      'SELECT * FROM purchase WHERE buyer_id = ? ORDER BY placed_at DESC, id DESC LIMIT ?',
      ['public.purchase(buyer_id, placed_at, id)'],
    ],
    [
      'mixed orders as they are, or all the other way round',
      'SELECT * FROM purchase ORDER BY placed_at DESC, id',
      ['public.purchase(placed_at, id DESC)'],
    ],
    [
      'no order behind a list of values',
      'SELECT * FROM purchase WHERE buyer_id IN (?) ORDER BY placed_at',
      ['public.purchase(buyer_id)'],
    ],
    [
      'equality of one column by OR as a list',
      'SELECT * FROM purchase WHERE buyer_id = ? OR buyer_id = ?',
      ['public.purchase(buyer_id)'],
    ],
    [
      'one for each branch of an OR over several columns',
      'SELECT * FROM purchase WHERE buyer_id = ? OR placed_at > ?',
      ['public.purchase(buyer_id)', 'public.purchase(placed_at)'],
    ],
    [
      'the columns of each branch, beside what is asked in any case',
      'SELECT * FROM purchase p WHERE p.state = ? AND (p.buyer_id = ? AND p.kind = ? OR p.placed_at BETWEEN ? AND ?)',
      ['public.purchase(state)', 'public.purchase(buyer_id, kind)', 'public.purchase(placed_at)'],
    ],
    [
      'the columns of a join, on either side',
      'SELECT * FROM buyer b LEFT JOIN purchase AS p ON p.buyer_id = b.id WHERE b.land = ?',
      ['public.buyer(land)', 'public.buyer(id, land)', 'public.purchase(buyer_id)'],
    ],
    [
      'USING and IN (SELECT …) as joins',
      'SELECT * FROM purchase JOIN archive.purchase a USING (buyer_id) WHERE purchase.kind IN (SELECT land FROM buyer)',
      ['public.purchase(buyer_id, kind)', 'archive.purchase(buyer_id)'],
    ],
    [
      'conditions of subqueries, correlated ones too',
      'SELECT *, (SELECT count(*) FROM purchase p WHERE p.buyer_id = b.id) FROM buyer b WHERE EXISTS (SELECT FROM purchase q WHERE q.kind = ?)',
      ['public.buyer(id)', 'public.purchase(kind)', 'public.purchase(buyer_id)'],
    ],
    [
      'conditions within CTEs, unions and FROM',
      'WITH c AS (SELECT * FROM purchase WHERE kind = ?) SELECT * FROM c UNION SELECT * FROM (SELECT * FROM purchase WHERE state = ?) s',
      ['public.purchase(kind)', 'public.purchase(state)'],
    ],
    [
      'UPDATE and DELETE',
      'DELETE FROM purchase USING buyer WHERE purchase.buyer_id = buyer.id AND buyer.email = ?',
      ['public.purchase(buyer_id)', 'public.buyer(email)', 'public.buyer(id, email)'],
    ],
    [
      'booleans as a condition or a partial index',
      'SELECT * FROM buyer WHERE active IS TRUE AND land = ?',
      ['public.buyer(land, active)', 'public.buyer(land) WHERE active = true'],
    ],
    [
      'NOT of a boolean',
      'SELECT * FROM buyer WHERE NOT active',
      ['public.buyer(active)', 'public.buyer(active) WHERE active = false'],
    ],
    [
      'what is rarely there as a partial index',
      'SELECT * FROM purchase WHERE gone_at IS NOT NULL ORDER BY id',
      ['public.purchase(id)', 'public.purchase(id) WHERE gone_at IS NOT NULL'],
    ],
    [
      'the groups, in place of an order',
      'SELECT kind, count(*) FROM purchase GROUP BY kind',
      ['public.purchase(kind)'],
    ],
    [
      'an output column by its number',
      'SELECT kind FROM purchase ORDER BY 1',
      ['public.purchase(kind)'],
    ],
    [
      'an output column by its name',
      'SELECT kind AS k FROM purchase ORDER BY k',
      ['public.purchase(kind)'],
    ],
    [
      'nothing for an unusual order of NULLs',
      'SELECT * FROM purchase ORDER BY kind NULLS FIRST',
      [],
    ],
    [
      'nothing for an order over two tables',
      'SELECT * FROM purchase, buyer ORDER BY kind, land',
      [],
    ],
    ['nothing for a table that is not known', 'SELECT * FROM nowhere WHERE a = ?', []],
    ['nothing without conditions', 'SELECT * FROM purchase', []],
    [
      'quoted names where they must be',
      'SELECT * FROM purchase WHERE "user" = ?',
      ['public.purchase("user")'],
    ],
    [
      'IS NOT DISTINCT FROM as equality',
      'SELECT * FROM purchase WHERE kind IS NOT DISTINCT FROM ?',
      ['public.purchase(kind)'],
    ],
  ])('has %s', async (_, sql, expected) => {
    expect(await candidates(sql)).toEqual(expected)
  })

  it('has no more columns than allowed, and no order that would be cut', async () => {
    expect(
      await candidates(
        'SELECT * FROM purchase WHERE buyer_id = ? AND kind = ? AND state = ? AND id = ? ORDER BY placed_at',
      ),
    ).toEqual(['public.purchase(id, buyer_id, kind)'])
  })

  it.each([
    ['the same columns', index(['buyer_id', 'state']), []],
    ['the same columns in another order', index(['state', 'buyer_id']), []],
    ['more columns', index(['buyer_id', 'state', 'kind']), []],
    ['a unique key', index(['buyer_id'], { unique: true }), []],
    ['fewer columns', index(['buyer_id']), ['public.purchase(buyer_id, state)']],
    [
      'a partial one',
      index(['buyer_id', 'state'], { partial: 'kind = 1' }),
      ['public.purchase(buyer_id, state)'],
    ],
    [
      'an invalid one',
      index(['buyer_id', 'state'], { valid: false }),
      ['public.purchase(buyer_id, state)'],
    ],
  ])('is compared with an index there is: %s', async (_, existing, expected) => {
    const sql = 'SELECT * FROM purchase WHERE state = ? AND buyer_id = ?'
    expect(await candidates(sql, [existing])).toEqual(expected)
  })

  it.each(['lower(email)', 'lower((email)::text)'])('is not %s where there is one', async key => {
    const existing = index([key], { table: 'public.buyer' })
    expect(await candidates('SELECT * FROM buyer WHERE lower(email) = ?', [existing])).toEqual([])
    expect(await candidates('SELECT * FROM buyer WHERE upper(email) = ?', [existing])).toEqual([
      'public.buyer(upper(email))',
    ])
  })

  it('adds nothing to a unique key that a join finds its rows by', async () => {
    const key = index(['id'], { unique: true, table: 'public.buyer' })
    const sql = 'SELECT * FROM purchase p JOIN buyer b ON b.id = p.buyer_id WHERE b.email = ?'
    expect(await candidates(sql, [key])).toEqual([
      'public.purchase(buyer_id)',
      'public.buyer(email)',
    ])
  })

  it.each([
    ['coalesce(kind, ?) = ?', 'COALESCE around kind hides it from an index on the column'],
    ['kind::text = ?', 'a cast around kind hides it from an index on the column'],
    ['id + ? > ?', 'an expression around id hides it from an index on the column'],
    ['length(kind) = ?', 'the function length around kind hides it from an index on the column'],
    ['lower(kind) > ?', 'the function lower around kind hides it from an index on the column'],
    [
      'kind ILIKE ?',
      'kind is matched by a pattern: with a leading wildcard no ordinary index helps',
    ],
    ['kind @> ?', '@> on kind is not served by an ordinary index'],
    ['kind = ? OR length(state) = ?', 'an OR over several columns is not served by one index'],
  ])('is none for %s, and the reason is told', async (condition, obstacle) => {
    const found = await read(`SELECT * FROM purchase WHERE ${condition}`)
    expect(found).toEqual({ candidates: [], obstacles: [obstacle] })
  })

  it('takes the branches of an OR together, but for those that have an index', async () => {
    const sql = 'SELECT * FROM purchase WHERE buyer_id = ? OR placed_at > ?'
    const { candidates: both } = await read(sql)
    expect(new Set(both.map(({ together }) => together)).size).toBe(1)
    expect(both[0]?.together).toBeDefined()
    const { candidates: one } = await read(sql, [index(['placed_at'])])
    expect(one).toMatchObject([{ columns: [{ name: 'buyer_id' }] }])
    expect(one[0]?.together).toBeUndefined()
    expect(await candidates(sql, [index(['placed_at']), index(['buyer_id'])])).toEqual([])
  })

  it.each([
    'purchase p JOIN buyer b ON b.id = p.buyer_id WHERE p.state = ? OR b.email = ?',
    'purchase p WHERE p.kind = ? OR EXISTS (SELECT 1 FROM buyer b WHERE b.id = p.buyer_id)',
    'purchase p WHERE p.kind = ? OR ? = ?',
    'purchase p WHERE p.kind = ? OR p.state = ? OR p.id = ? OR p.buyer_id = ? OR p.placed_at = ?',
  ])('has none for branches that no index of one table serves: %s', async from => {
    const { candidates: found } = await read(`SELECT * FROM ${from}`)
    expect(found.filter(({ together }) => together !== undefined)).toEqual([])
  })

  it('is not misled by what is no condition on a column', async () => {
    for (const condition of [
      'kind <> ?',
      'kind NOT IN (?)',
      'kind = state',
      '? = ?',
      'active_x = ?',
    ]) {
      expect(
        await candidates(`SELECT * FROM purchase WHERE ${condition}`),
        condition,
      ).not.toContain('public.purchase(active_x)')
    }
  })
})

describe('names', () => {
  it('are quoted when they are words of SQL, or not plain', () => {
    expect(['order', 'Mixed', 'a b', 'say "x"', 'plain_1'].map(quoteName)).toEqual([
      '"order"',
      '"Mixed"',
      '"a b"',
      '"say ""x"""',
      'plain_1',
    ])
  })
})
