import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missingIndex } from '../../packages/perfloop/src/analyzers/missing-index/missing-index.ts'
import { durationNs } from '../../packages/perfloop/src/domain/duration.ts'
import { fingerprint } from '../../packages/perfloop/src/domain/fingerprint.ts'
import { fingerprintStatement } from '../../packages/perfloop/src/ingest/fingerprint/fingerprint-statement.ts'
import type { Collected, TargetConnection } from '../../packages/perfloop/src/optimizer/target.ts'
import { defaultSettings } from '../../packages/perfloop/src/settings/settings.ts'
import type { PlanFact } from '../../packages/perfloop/src/store/telemetry/target-facts.ts'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { postgresTarget } from '../../packages/perfloop/src/targets/postgres/postgres-target.ts'
import { sqliteTarget } from '../../packages/perfloop/src/targets/sqlite/sqlite-target.ts'

/**
 * Statements as ordinary applications write them, on a parcel service that nobody has seen: from the text that
 * telemetry has of them to what missing-index says, on the planners of both databases.
 */
const directory = mkdtempSync(join(tmpdir(), 'perfloop-which-index-'))
const file = join(directory, 'parcels.db')
const settings = defaultSettings()
let server: EmbeddedPostgres

const NUMBERS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < '
const SCHEMA = `
  CREATE TABLE depot (id INTEGER PRIMARY KEY, city TEXT NOT NULL, region TEXT NOT NULL);
  CREATE TABLE carrier (id INTEGER PRIMARY KEY, label TEXT NOT NULL);
  CREATE TABLE parcel (
    id INTEGER PRIMARY KEY, tracking TEXT NOT NULL, depot_id INTEGER NOT NULL, status TEXT NOT NULL,
    fragile BOOLEAN NOT NULL, grams INTEGER NOT NULL, made_at INTEGER NOT NULL, email TEXT NOT NULL, gone_at INTEGER
  );
  CREATE TABLE scan (id INTEGER PRIMARY KEY, parcel_id INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL);
  CREATE TABLE "Invoice" ("Id" INTEGER PRIMARY KEY, "CustomerId" INTEGER NOT NULL, "IssuedAt" INTEGER NOT NULL);
  CREATE INDEX scan_at ON scan (at, parcel_id);
  ${NUMBERS}400) INSERT INTO depot SELECT i, 'city ' || i, 'region ' || (i % 5) FROM n;
  ${NUMBERS}20) INSERT INTO carrier SELECT i, 'carrier ' || i FROM n;
  ${NUMBERS}60000) INSERT INTO parcel
    SELECT i, 'T' || i, 1 + i * 7919 % 400, 'status ' || (i % 4), i % 2 = 0, i % 5000, i, 'm' || (i % 9000) || '@x.org',
      CASE WHEN i % 100 = 0 THEN i END FROM n;
  ${NUMBERS}60000) INSERT INTO scan SELECT i, 1 + i * 7919 % 30000, i, 'kind ' || (i % 6) FROM n;
  ${NUMBERS}40000) INSERT INTO "Invoice" SELECT i, 1 + i * 7919 % 4000, i FROM n;
  ANALYZE;`

const POSTGRES_ONLY = `
  CREATE SCHEMA archive;
  CREATE TABLE archive.parcel (id INTEGER PRIMARY KEY, depot_id INTEGER NOT NULL);
  INSERT INTO archive.parcel SELECT i, 1 + i * 7919 % 5000 FROM generate_series(1, 50000) i;
  CREATE TABLE public.depot_note (id INTEGER PRIMARY KEY, depot_id INTEGER NOT NULL);
  CREATE TABLE archive.depot_note (id INTEGER PRIMARY KEY, depot_id INTEGER NOT NULL);
  INSERT INTO archive.depot_note SELECT i, 1 + i * 7919 % 5000 FROM generate_series(1, 50000) i;
  ANALYZE;
  CREATE TABLE fresh (id INTEGER PRIMARY KEY, code INTEGER NOT NULL);
  INSERT INTO fresh SELECT i, i FROM generate_series(1, 50000) i;`

beforeAll(async () => {
  const database = new DatabaseSync(file)
  database.exec(SCHEMA)
  database.close()
  server = await startEmbeddedPostgres({
    directory: join(directory, 'server'),
    settings: { fsync: 'off', autovacuum: 'off' },
  })
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  await client.query(SCHEMA.replaceAll('i % 2 = 0, i', '(i % 2 = 0)::boolean, i'))
  await client.query(POSTGRES_ONLY)
  await client.query('SELECT pg_stat_force_next_flush()')
  await client.end()
}, 60_000)

afterAll(async () => {
  await server?.stop()
  rmSync(directory, { recursive: true, force: true })
})

type Engine = 'postgresql' | 'sqlite'

function connect(engine: Engine): Promise<TargetConnection> {
  return engine === 'postgresql'
    ? postgresTarget.connect({ url: server.url }, settings.optimizer)
    : sqliteTarget.connect({ file }, settings.optimizer)
}

const STATEMENT = '0123456789abcdef'

async function planOf(engine: Engine, text: string): Promise<PlanFact> {
  await using target = await connect(engine)
  const observed = { statement: STATEMENT, text, calls: 100, totalNs: 1e9 }
  const { facts, skipped }: Collected = await target.collect([observed])
  const plan = facts.find(fact => fact.fact === 'plan')
  if (plan?.fact !== 'plan') throw new Error(skipped[0]?.reason ?? 'no plan')
  return plan
}

/** The index that the finding names, as `table(column, …)`; undefined where there is no finding. */
async function indexFor(engine: Engine, sql: string): Promise<string | undefined> {
  const { normalized, summary, verb } = fingerprintStatement(sql, engine)
  const plan = await planOf(engine, normalized)
  const row = {
    environment: 'production',
    service: 'parcels',
    statement: fingerprint(STATEMENT),
    text: normalized,
    summary,
    verb,
    dialect: engine,
    models: [],
    operation: 'GET /parcels',
    kind: 'server' as const,
    operation_ratio: 1,
    operations: 1,
    by_operation: [],
    calls: 100,
    seen_calls: 100,
    failed_calls: 0,
    duration_ns: durationNs(2e9),
    p10_ns: durationNs(18e6),
    p50_ns: durationNs(20e6),
    p95_ns: durationNs(25e6),
    max_ns: durationNs(30e6),
    excess_ns: [],
    rows_median: null,
    request_rows_median: null,
    code_location: '',
    trace_id: '0'.repeat(32),
    span_id: '0'.repeat(16),
    target: 'parcels',
    collected_at: '2026-11-01 10:00:00',
    plan,
  }
  const window = { fromUnixNs: 0n, toUnixNs: 300_000_000_000n, offline: false }
  const [finding] = missingIndex.judge([row], window, settings.analyzers.missingIndex)
  if (finding === undefined) return undefined
  const { table } = finding.evidence as { table: string }
  const columns = /an index on (\(.*\)), in /.exec(finding.title)?.[1]
  return `${table.replace(/^public\./, '')}${columns}`
}

const BOTH: readonly (readonly [name: string, sql: string, index: string | undefined])[] = [
  ['a look-up', "SELECT * FROM parcel WHERE tracking = 'T7'", 'parcel(tracking)'],
  [
    'a cast of the value',
    'SELECT * FROM parcel WHERE tracking = CAST($1 AS TEXT)',
    'parcel(tracking)',
  ],
  ['a list of values', 'SELECT * FROM parcel WHERE depot_id IN (1, 2, 3)', 'parcel(depot_id)'],
  [
    'equality and a range',
    'SELECT * FROM parcel WHERE made_at > 5 AND depot_id = 7',
    'parcel(depot_id, made_at)',
  ],
  [
    'a page in an order',
    'SELECT * FROM parcel WHERE depot_id = 7 ORDER BY made_at DESC LIMIT 20',
    'parcel(depot_id, made_at)',
  ],
  [
    'the newest of all',
    'SELECT * FROM parcel ORDER BY made_at DESC LIMIT 20 OFFSET 40',
    'parcel(made_at)',
  ],
  [
    'a join by a foreign key',
    "SELECT p.* FROM depot d JOIN parcel p ON p.depot_id = d.id WHERE d.city = 'city 9'",
    'parcel(depot_id)',
  ],
  [
    'a lateral count of children',
    'SELECT p.id, (SELECT count(*) FROM scan s WHERE s.parcel_id = p.id) FROM parcel p WHERE p.id = 5',
    'scan(parcel_id)',
  ],
  ['an update', "UPDATE parcel SET status = 'x' WHERE tracking = 'T7'", 'parcel(tracking)'],
  ['a delete', 'DELETE FROM scan WHERE parcel_id = 7', 'scan(parcel_id)'],
  [
    'an index whose first column is another',
    'SELECT * FROM scan WHERE parcel_id = 7',
    'scan(parcel_id)',
  ],
  [
    'rows that are nearly all there',
    'SELECT * FROM parcel WHERE gone_at IS NULL AND depot_id = 7',
    'parcel(depot_id)',
  ],
  [
    'a count of few',
    "SELECT count(*) FROM parcel WHERE email = 'm7@x.org' LIMIT 1",
    'parcel(email)',
  ],
  ['names in mixed case', 'SELECT * FROM "Invoice" WHERE "CustomerId" = 7', 'Invoice(CustomerId)'],

  ['a primary key', 'SELECT * FROM parcel WHERE id = 7', undefined],
  ['all rows', 'SELECT * FROM parcel', undefined],
  ['a page by the primary key', 'SELECT * FROM parcel ORDER BY id LIMIT 50', undefined],
  ['a column of few values', "SELECT * FROM parcel WHERE status = 'status 1'", undefined],
  ['a boolean', 'SELECT * FROM parcel WHERE fragile', undefined],
  [
    'a count of a column of few values',
    "SELECT count(*) FROM parcel WHERE status = 'a'",
    undefined,
  ],
  ['… with a limit', "SELECT count(*) FROM parcel WHERE status = 'a' LIMIT 1", undefined],
  ['the first of many', "SELECT * FROM parcel WHERE status = 'status 1' LIMIT 1", undefined],
  ['sums of groups', 'SELECT status, sum(grams) FROM parcel GROUP BY status', undefined],
  [
    'a page of groups',
    'SELECT status, count(*) FROM parcel GROUP BY status ORDER BY status LIMIT 10',
    undefined,
  ],
  ['a table of 20 rows', "SELECT * FROM carrier WHERE label = 'carrier 7'", undefined],
  ['a table of 400 rows', "SELECT * FROM depot WHERE city = 'city 7'", undefined],
  ['a function around the column', 'SELECT * FROM parcel WHERE length(email) = 7', undefined],
  [
    'a folded column of few values',
    "SELECT * FROM parcel WHERE lower(status) = 'status 1'",
    undefined,
  ],
  ['a pattern', "SELECT * FROM parcel WHERE email LIKE '%x.org'", undefined],
  [
    'an OR over columns',
    "SELECT * FROM parcel WHERE tracking = 'T7' OR email = 'x'",
    'parcel(tracking) and one on (email)',
  ],
  [
    'an OR of which the other branch has the key',
    "SELECT * FROM parcel WHERE id = 7 OR email = 'x'",
    'parcel(email)',
  ],
  [
    'an OR of which one branch needs all rows',
    "SELECT * FROM parcel WHERE tracking = 'T7' OR length(email) = 7",
    undefined,
  ],
  ['what is not so', "SELECT * FROM parcel WHERE status <> 'status 1'", undefined],
  ['an index that is there', 'SELECT * FROM scan WHERE at = 7 AND parcel_id = 3', undefined],
  [
    'a join of all',
    'SELECT p.id, d.city FROM parcel p JOIN depot d ON d.id = p.depot_id',
    undefined,
  ],
]

describe.each(['postgresql', 'sqlite'] as const)('on %s, the index that is missing for', engine => {
  it.each(BOTH)('%s', async (_, sql, expected) => {
    expect(await indexFor(engine, sql)).toBe(expected)
  })
})

describe('on postgresql, the index that is missing for', () => {
  it.each([
    ['a bounded range', 'SELECT * FROM parcel WHERE made_at BETWEEN 5 AND 9', 'parcel(made_at)'],
    [
      'a cast as it writes it',
      'SELECT * FROM parcel WHERE tracking = $1::text',
      'parcel(tracking)',
    ],
    [
      'a folded column',
      "SELECT * FROM parcel WHERE lower(email) = 'm7@x.org'",
      'parcel(lower(email))',
    ],
    ['an array', 'SELECT * FROM parcel WHERE tracking = ANY($1)', 'parcel(tracking)'],
    [
      'the other of two tables of one name',
      'SELECT * FROM archive.depot_note WHERE depot_id = 7',
      'archive.depot_note(depot_id)',
    ],
    ['a table that was never analyzed', 'SELECT * FROM fresh WHERE code = 7', 'fresh(code)'],
    [
      'one row of each by a subquery',
      'SELECT * FROM depot d WHERE EXISTS (SELECT 1 FROM parcel p WHERE p.tracking = $1 AND p.depot_id = d.id)',
      'parcel(tracking, depot_id)',
    ],
  ])('%s', async (_, sql, expected) => {
    expect(await indexFor('postgresql', sql)).toBe(expected)
  })
})

describe('on sqlite, the index that is missing for', () => {
  it.each([
    ['a folded column', "SELECT * FROM parcel WHERE lower(email) = 'm7@x.org'", undefined],
    [
      'a join that makes an index of its own each time',
      'SELECT i.* FROM parcel p JOIN Invoice i ON i.CustomerId = p.grams WHERE p.id < 50',
      'Invoice(CustomerId)',
    ],
    [
      'names in whatever case',
      'SELECT I.id FROM invoice AS I WHERE I.customerid = 7',
      'Invoice(CustomerId)',
    ],
    [
      'a bounded range',
      'SELECT * FROM parcel WHERE made_at >= 5 AND made_at < 9',
      'parcel(made_at)',
    ],
    ['a range of unknown width', 'SELECT * FROM parcel WHERE made_at > 5', undefined],
  ])('%s', async (_, sql, expected) => {
    expect(await indexFor('sqlite', sql)).toBe(expected)
  })
})
