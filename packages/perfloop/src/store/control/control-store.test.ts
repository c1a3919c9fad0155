import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { Kysely, SqliteDialect, sql } from 'kysely'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { byUrgency } from '../../analysis/urgency.ts'
import { durationNs } from '../../domain/duration.ts'
import { startEmbeddedPostgres } from '../../targets/postgres/embedded-postgres.ts'
import type {
  AgentRecord,
  ControlStore,
  DeclarationRecord,
  IssueRecord,
  OptimizationRecord,
  ProfileRecord,
  RunRecord,
  TargetRecord,
} from './control-store.ts'
import { migrateControl, migrateControlDown } from './migrate.ts'
import { nameFailures } from './name-failures.ts'
import { openControlStore } from './open-control-store.ts'
import { postgresDialect } from './postgres-dialect.ts'
import { openSqliteDatabase } from './sqlite-database.ts'

const START = '2026-03-01T10:00:00.000Z'
const directory = mkdtempSync(join(tmpdir(), 'perfloop-control-'))
let clockMs = Date.parse(START)
const clock = { nowUnixMs: () => clockMs }

interface Engine {
  readonly name: 'sqlite' | 'postgres'
  start(): Promise<void>
  stop(): Promise<void>
  /** A fresh, empty database. */
  create(): Promise<{ dataDirectory: string; url: string | null }>
  /** Any SQL, as somebody with the database's own client would send it. */
  raw(at: { dataDirectory: string; url: string | null }, sql: string): Promise<readonly unknown[]>
}

const sqlite: Engine = {
  name: 'sqlite',
  async start() {},
  async stop() {},
  async create() {
    return { dataDirectory: join(directory, randomUUID()), url: null }
  },
  async raw({ dataDirectory }, sql) {
    const database = new DatabaseSync(join(dataDirectory, 'control.sqlite'))
    try {
      return database.prepare(sql).all()
    } finally {
      database.close()
    }
  },
}

let server: Awaited<ReturnType<typeof startEmbeddedPostgres>> | undefined
const postgres: Engine = {
  name: 'postgres',
  async start() {
    server = await startEmbeddedPostgres({
      directory: join(directory, 'postgres'),
      settings: { fsync: 'off' },
    })
  },
  async stop() {
    await server?.stop()
  },
  async create() {
    const name = `control_${randomUUID().replaceAll('-', '')}`
    const url = server?.url ?? ''
    await ask(url, `CREATE DATABASE ${name}`)
    return { dataDirectory: directory, url: url.replace(/postgres$/, name) }
  },
  async raw({ url }, sql) {
    return await ask(url ?? '', sql)
  },
}

async function ask(url: string, sql: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

function issue(change: Partial<IssueRecord> = {}): IssueRecord {
  return {
    id: randomUUID(),
    kind: 'slow-statement',
    title: 'A statement is slow',
    description: 'It reads too much.',
    severity: 'medium',
    status: 'open',
    environment: 'production',
    service: 'library',
    operation: 'GET /loans',
    operationKind: 'server',
    fingerprint: randomUUID().replaceAll('-', '').slice(0, 16),
    statement: null,
    statementText: null,
    codeLocation: null,
    confidence: 0.9,
    recoverableNsPerHour: 1_000_000,
    evidence: { calls: 12, text: 'quote " and ü' },
    exemplarTrace: '0af7651916cd43dd8448eb211c80319c',
    exemplarSpans: ['b7ad6b7169203331'],
    windowsSeen: 1,
    firstSeen: START,
    lastSeen: START,
    ignoredUntil: null,
    ignoreReason: null,
    createdAt: START,
    updatedAt: START,
    ...change,
  }
}

function optimization(change: Partial<OptimizationRecord> = {}): OptimizationRecord {
  return {
    id: randomUUID(),
    type: 'create-index',
    title: 'An index on loans (member_id)',
    description: 'Spares a full scan.',
    status: 'proposed',
    environment: 'production',
    service: 'library',
    targetId: randomUUID(),
    change: 'CREATE INDEX …',
    undo: 'DROP INDEX …',
    risk: 'Writes get a little slower.',
    recommendation: { kind: 'create-index' },
    expectedGain: { low: 0.4, high: 0.9 },
    recoverableNsPerHour: 5e9,
    impact: null,
    failure: null,
    issueIds: [],
    changeKey: randomUUID(),
    appliedAt: null,
    createdAt: START,
    updatedAt: START,
    ...change,
  }
}

function target(change: Partial<TargetRecord> = {}): TargetRecord {
  return {
    id: randomUUID(),
    kind: 'postgres',
    name: 'main',
    environment: 'production',
    services: ['library'],
    options: { dsn: 'postgres://somewhere' },
    status: 'unknown',
    version: null,
    notes: [],
    canChange: false,
    collectedAt: null,
    createdAt: START,
    ...change,
  }
}

function run(change: Partial<RunRecord> = {}): RunRecord {
  return {
    id: randomUUID(),
    kind: 'benchmark',
    name: 'nightly',
    actor: 'admin',
    environment: 'production',
    service: 'library',
    parameters: { iterations: 10 },
    version: '1.2.3',
    result: null,
    status: 'running',
    startedAt: START,
    finishedAt: null,
    ...change,
  }
}

const LATER = '2026-03-02T10:00:00.000Z'

function agent(letter: string, change: Partial<AgentRecord> = {}): AgentRecord {
  return {
    id: letter.repeat(16),
    environment: 'production',
    service: 'library',
    instance: `host-${letter}`,
    agentVersion: '0.1.0',
    runtime: 'nodejs',
    runtimeVersion: '22.1.0',
    host: 'host',
    processId: 7,
    frameworks: [{ name: 'express', version: '5.2.1' }],
    knobs: [],
    declarations: null,
    startedAt: START,
    firstSeen: START,
    lastSeen: START,
    ...change,
  }
}

const declaration: DeclarationRecord = {
  environment: 'production',
  service: 'library',
  revision: '0123456789abcdef',
  routes: [{ method: 'GET', route: '/loans/:loan_id', framework: 'express' }],
  models: [{ name: 'Loan', table: 'loans', mapper: 'prisma' }],
  omitted: 0,
  declaredAt: START,
}

function profile(change: Partial<ProfileRecord> = {}): ProfileRecord {
  return {
    id: randomUUID(),
    agent: 'a'.repeat(16),
    environment: 'production',
    service: 'library',
    instance: 'host-a',
    kind: 'cpu',
    origin: 'request',
    status: 'requested',
    durationMs: 1_000,
    actor: 'admin',
    requestedAt: START,
    startedAt: null,
    finishedAt: null,
    failure: null,
    sizeBytes: 0,
    ...change,
  }
}

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe.each([sqlite, postgres])('the control store on $name', engine => {
  let at: { dataDirectory: string; url: string | null }
  let store: ControlStore

  beforeAll(() => engine.start())
  afterAll(() => engine.stop())
  beforeEach(async () => {
    clockMs = Date.parse(START)
    at = await engine.create()
    store = await openControlStore({ ...at, clock })
  })
  afterEach(async () => {
    await store[Symbol.asyncDispose]()
  })

  it('gives an issue back as it was put in', async () => {
    const one = issue({ statement: '00112233445566ff', ignoredUntil: '2026-03-02T00:00:00.000Z' })
    await store.issues.insert(one)
    expect(await store.issues.get(one.id)).toEqual(one)
    expect(await store.issues.findByIdentity(one)).toEqual(one)
    expect(await store.issues.get(randomUUID())).toBeUndefined()
  })

  it('moves updated_at and leaves created_at when an issue changes', async () => {
    const one = issue()
    await store.issues.insert(one)
    clockMs += 60_000
    await store.issues.update(one.id, {
      status: 'acknowledged',
      evidence: { calls: 13 },
      exemplarSpans: [],
      lastSeen: '2026-03-01T10:00:59Z',
    })
    expect(await store.issues.get(one.id)).toEqual({
      ...one,
      status: 'acknowledged',
      evidence: { calls: 13 },
      exemplarSpans: [],
      lastSeen: '2026-03-01T10:00:59.000Z',
      updatedAt: '2026-03-01T10:01:00.000Z',
    })
  })

  it('refuses a step of an issue that is not legal, and names an unknown issue', async () => {
    const one = issue({ status: 'resolved' })
    await store.issues.insert(one)
    await expect(store.issues.update(one.id, { status: 'acknowledged' })).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { from: 'resolved', to: 'acknowledged' },
    })
    await expect(store.issues.update(randomUUID(), { title: 'x' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  it('lists issues filtered, sorted and in pages', async () => {
    const light = issue({ severity: 'critical', recoverableNsPerHour: 1 })
    const heavy = issue({ severity: 'low', recoverableNsPerHour: 3, status: 'acknowledged' })
    const recent = issue({
      severity: 'high',
      recoverableNsPerHour: 2,
      lastSeen: '2026-03-01T11:00:00.000Z',
      service: 'billing',
      operation: 'invoice run',
      kind: 'error-rate',
      environment: 'staging',
    })
    for (const one of [light, heavy, recent]) await store.issues.insert(one)
    const ids = async (filter: Partial<Parameters<ControlStore['issues']['list']>[0]>) => {
      const page = await store.issues.list({ limit: 10, offset: 0, ...filter })
      expect(page.total).toBeGreaterThanOrEqual(page.rows.length)
      return page.rows.map(row => row.id)
    }

    expect(await ids({ sort: 'recoverable' })).toEqual([heavy.id, recent.id, light.id])
    expect(await ids({ sort: 'recent' }).then(all => all[0])).toBe(recent.id)
    expect(await ids({})).toEqual([heavy.id, recent.id, light.id])
    expect(await ids({ sort: 'severity' })).toEqual([light.id, recent.id, heavy.id])
    expect(await ids({ minSeverity: 'high' })).toEqual([recent.id, light.id])
    expect(await ids({ statuses: ['acknowledged'] })).toEqual([heavy.id])
    expect(await ids({ statuses: [] })).toEqual([])
    expect(await ids({ kind: 'error-rate' })).toEqual([recent.id])
    expect(await ids({ environment: 'staging', service: 'billing' })).toEqual([recent.id])
    expect(await ids({ operation: 'GET /loans', offset: 1 })).toEqual([light.id])
    expect(await store.issues.list({ limit: 1, offset: 0 })).toMatchObject({ total: 3 })
  })

  it('lists issues by severity as findings are ranked: what costs nobody time yet first among what is as bad', async () => {
    const issues = (['medium', 'critical', 'high', 'low'] as const).flatMap(severity =>
      [5e9, 0, 1].map(recoverableNsPerHour => issue({ severity, recoverableNsPerHour })),
    )
    for (const one of issues) await store.issues.insert(one)
    const { rows } = await store.issues.list({ sort: 'severity', limit: 20, offset: 0 })
    const ranked = rows.map(one => ({
      ...one,
      recoverableNsPerHour: durationNs(one.recoverableNsPerHour),
    }))
    expect(ranked.toSorted(byUrgency)).toEqual(ranked)
    expect(ranked.slice(0, 4)).toMatchObject([
      { severity: 'critical', recoverableNsPerHour: 0 },
      { severity: 'critical', recoverableNsPerHour: 5e9 },
      { severity: 'critical', recoverableNsPerHour: 1 },
      { severity: 'high', recoverableNsPerHour: 0 },
    ])
  })

  it('keeps one point of history a window and the newest thousand of an issue', async () => {
    const one = issue()
    await store.issues.insert(one)
    const start = Date.parse(START)
    await store.transaction(async () => {
      for (let point = 0; point < 1_003; point++) {
        await store.issues.appendHistory(
          one.id,
          new Date(start + point * 1_000).toISOString(),
          point,
        )
      }
    })
    await store.issues.appendHistory(one.id, new Date(start + 1_002_000).toISOString(), 77)
    const history = await store.issues.history(one.id)
    expect(history).toHaveLength(1_000)
    expect(history.at(0)?.recoverableNsPerHour).toBe(3)
    expect(history.at(-1)).toEqual({ at: '2026-03-01T10:16:42.000Z', recoverableNsPerHour: 77 })
  })

  it('gives an optimization back with its issues, and finds it by its change and by an issue', async () => {
    const [first, second] = [issue(), issue()]
    await store.issues.insert(first)
    await store.issues.insert(second)
    const one = optimization({ issueIds: [second.id, first.id], failure: { code: 'X' } })
    await store.optimizations.insert(one)
    await store.optimizations.insert(optimization({ type: 'pool-size', service: 'billing' }))

    expect(await store.optimizations.get(one.id)).toEqual(one)
    expect(await store.optimizations.get(randomUUID())).toBeUndefined()
    expect(await store.optimizations.findByChangeKey(one.changeKey)).toEqual(one)
    const found = await store.optimizations.list({
      issueId: first.id,
      type: 'create-index',
      statuses: ['proposed'],
      environment: 'production',
      service: 'library',
      limit: 5,
      offset: 0,
    })
    expect(found).toEqual({ rows: [one], total: 1 })
    await store.optimizations.update(one.id, {
      issueIds: [first.id],
      expectedGain: { low: 0, high: 1 },
    })
    expect(await store.optimizations.get(one.id)).toMatchObject({
      issueIds: [first.id],
      expectedGain: { low: 0, high: 1 },
    })
    await expect(store.optimizations.update(randomUUID(), {})).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    expect((await store.optimizations.list({ limit: 5, offset: 5 })).rows).toEqual([])
  })

  it('lets only one of two hands take an optimization further, along legal steps', async () => {
    const one = optimization()
    await store.optimizations.insert(one)
    const approvals = await Promise.all([
      store.optimizations.transition(one.id, 'proposed', 'approved'),
      store.optimizations.transition(one.id, 'proposed', 'approved'),
    ])
    expect(approvals.toSorted()).toEqual([false, true])
    await store.optimizations.transition(one.id, 'approved', 'applying', {
      appliedAt: '2026-03-01T12:00:00Z',
      impact: { verdict: 'improved' },
    })
    expect(await store.optimizations.get(one.id)).toMatchObject({
      status: 'applying',
      appliedAt: '2026-03-01T12:00:00.000Z',
      impact: { verdict: 'improved' },
    })
    await expect(
      store.optimizations.transition(one.id, 'applying', 'verified'),
    ).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  it('keeps the ledger in order and lets nobody change or empty it', async () => {
    const subjectId = randomUUID()
    for (const to of ['a', 'b', 'c']) {
      await store.ledger.append({
        at: START,
        subjectType: 'policy',
        subjectId,
        actor: 'admin',
        from: null,
        to,
        reason: null,
        evidence: { to },
      })
    }
    const entries = await store.ledger.of('policy', subjectId)
    expect(entries.map(entry => entry.to)).toEqual(['a', 'b', 'c'])
    expect(entries[0]).toMatchObject({ at: START, actor: 'admin', evidence: { to: 'a' } })

    await expect(engine.raw(at, `UPDATE ledger SET actor = 'nobody'`)).rejects.toThrow(
      /append-only/,
    )
    await expect(engine.raw(at, 'DELETE FROM ledger')).rejects.toThrow(/append-only/)
    if (engine.name === 'postgres') {
      await expect(engine.raw(at, 'TRUNCATE ledger')).rejects.toThrow(/append-only/)
    } else {
      const replace = 'INSERT OR REPLACE INTO ledger SELECT * FROM ledger'
      await expect(engine.raw(at, replace)).rejects.toThrow(/append-only/)
    }
  })

  it('keeps targets, tokens, runs and state', async () => {
    const one = target()
    await store.targets.insert(one)
    await store.targets.update(one.id, {
      status: 'ok',
      canChange: true,
      notes: ['may change'],
      options: { dsn: 'x' },
      services: [],
      collectedAt: START,
    })
    await store.targets.update(one.id, {})
    expect(await store.targets.list()).toEqual([
      {
        ...one,
        status: 'ok',
        canChange: true,
        notes: ['may change'],
        options: { dsn: 'x' },
        services: [],
        collectedAt: START,
      },
    ])
    await expect(store.targets.update(randomUUID(), {})).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
    await store.targets.remove(one.id)
    expect(await store.targets.get(one.id)).toBeUndefined()

    const token = { id: randomUUID(), name: 'ci', environment: 'staging', tokenHash: 'abc' }
    await store.ingestTokens.insert({ ...token, createdAt: START, revokedAt: null })
    expect(await store.ingestTokens.revoke(token.id, START)).toBe(true)
    expect(await store.ingestTokens.revoke(token.id, START)).toBe(false)
    expect(await store.ingestTokens.list()).toMatchObject([{ ...token, revokedAt: START }])

    const started = run()
    await store.runs.insert(started)
    const end = { status: 'finished', result: { p95Ms: 12 }, finishedAt: START } as const
    expect(await store.runs.finish(started.id, end)).toBe(true)
    expect(await store.runs.finish(started.id, end)).toBe(false)
    expect(await store.runs.get(started.id)).toEqual({ ...started, ...end })
    expect(
      await store.runs.list({
        kind: 'benchmark',
        environment: 'production',
        service: 'library',
        limit: 5,
        offset: 0,
      }),
    ).toMatchObject({ total: 1 })

    expect(await store.state.get('nothing')).toBeUndefined()
    for (const value of [{ a: [1, 'x', null] }, 'text', null, 4, true]) {
      await store.state.set('document', value)
      expect(await store.state.get('document')).toEqual(value)
    }
  })

  it('keeps all of a transaction or nothing', async () => {
    const one = issue()
    await expect(
      store.transaction(async inner => {
        await inner.issues.insert(one)
        throw new Error('changed my mind')
      }),
    ).rejects.toThrow('changed my mind')
    expect(await store.issues.get(one.id)).toBeUndefined()
  })

  it('joins whatever is called inside a transaction to it, so that nothing waits for itself', async () => {
    const one = issue()
    await expect(
      store.transaction(async () => {
        await store.issues.insert(one)
        expect(await store.issues.get(one.id)).toBeDefined()
        await store.transaction(inner => inner.state.set('inner', 1))
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await store.state.get('inner')).toBeUndefined()
  })

  it('runs transactions that were begun at the same time one after the other', async () => {
    await store.state.set('counter', 0)
    await Promise.all(
      Array.from({ length: 5 }, () =>
        store.transaction(async inner => {
          // PostgreSQL runs them side by side; the ledger row makes no lock, so take one.
          if (engine.name === 'sqlite') {
            await inner.state.set('counter', Number(await inner.state.get('counter')) + 1)
          } else await inner.state.set(`counter-${Math.random()}`, 1)
        }),
      ),
    )
    if (engine.name === 'sqlite') expect(await store.state.get('counter')).toBe(5)
  })

  it('leaves a transaction that is over to those who outlive it', async () => {
    let later: Promise<unknown> = Promise.resolve()
    await store.transaction(async inner => {
      later = new Promise(resolve => setTimeout(resolve, 20)).then(() => inner.state.set('late', 1))
    })
    await later
    expect(await store.state.get('late')).toBe(1)
  })

  it.each([
    ['a severity that is none', { severity: 'dreadful' as never }],
    ['a status that is none', { status: 'gone' as never }],
    ['an id that is no UUID', { id: 'one' }],
    ['a fingerprint that is none', { fingerprint: 'XYZ' }],
    ['an empty title', { title: '' }],
    ['no title at all', { title: null as never }],
    ['a negative time', { recoverableNsPerHour: -1 }],
  ])('refuses an issue with %s in the database itself', async (_, change) => {
    await expect(store.issues.insert(issue(change))).rejects.toThrow()
  })

  it('refuses a second issue of the same identity or id, and broken JSON', async () => {
    const one = issue()
    await store.issues.insert(one)
    await expect(store.issues.insert({ ...one, id: randomUUID() })).rejects.toThrow()
    await expect(store.issues.insert({ ...issue(), id: one.id })).rejects.toThrow()
    await expect(
      engine.raw(at, `UPDATE performance_issues SET evidence = '{broken' WHERE 1 = 1`),
    ).rejects.toThrow()
    await expect(
      store.optimizations.insert(optimization({ issueIds: [randomUUID()] })),
    ).rejects.toThrow()
  })

  it('answers its lists and identities by index', async () => {
    for (let n = 0; n < 300; n++) await store.issues.insert(issue({ operation: `GET /${n}` }))
    const heaviest = [
      `SELECT * FROM performance_issues WHERE status IN ('open','reopened') ORDER BY recoverable_ns_per_hour DESC, id LIMIT 20`,
      `SELECT * FROM performance_issues WHERE environment = 'production' AND service = 'library' AND operation = 'GET /7' AND kind = 'slow-statement' AND fingerprint = '0000000000000000'`,
      `SELECT * FROM performance_optimizations WHERE status IN ('applied') ORDER BY created_at DESC LIMIT 20`,
      `SELECT * FROM ledger WHERE subject_type = 'issue' AND subject_id = 'x' ORDER BY sequence`,
      `SELECT * FROM ledger WHERE subject_type = 'optimization' AND to_status IN ('applied', 'rolled_back') AND at >= '2026-01-01T00:00:00.000Z' AND at < '2026-01-02T00:00:00.000Z'`,
      `SELECT * FROM performance_runs WHERE environment = 'a' AND service = 'b' ORDER BY started_at DESC LIMIT 20`,
    ]
    for (const sql of heaviest) {
      const plan =
        engine.name === 'sqlite'
          ? await engine.raw(at, `EXPLAIN QUERY PLAN ${sql}`)
          : await explainWithoutScans(at.url ?? '', sql)
      expect(JSON.stringify(plan), sql).toMatch(/SEARCH .* USING|Index Scan|Index Only Scan/)
      expect(JSON.stringify(plan), sql).not.toMatch(/SCAN performance|Seq Scan/)
    }
  })

  it('opens again on what is there, also when a newer version has migrated it further', async () => {
    const one = issue()
    await store.issues.insert(one)
    await engine.raw(
      at,
      `INSERT INTO kysely_migration (name, timestamp) VALUES ('9999-from-the-future', '2030-01-01')`,
    )
    await using again = await openControlStore({ ...at, clock })
    expect(await again.issues.get(one.id)).toEqual(one)
  })

  it('knows an agent by what it told last, keeps one declaration for all that have it, and forgets both', async () => {
    await store.agents.put(agent('a', { host: 'one' }))
    await store.agents.declare('a'.repeat(16), declaration)
    await store.agents.put(agent('a', { host: 'two', firstSeen: LATER, lastSeen: LATER }))
    await store.agents.put(agent('b'))
    await store.agents.declare('b'.repeat(16), declaration)
    expect(await store.agents.get('a'.repeat(16))).toEqual(
      agent('a', { host: 'two', lastSeen: LATER, declarations: declaration.revision }),
    )
    const { rows, total } = await store.agents.list({ service: 'library', limit: 1, offset: 0 })
    expect([rows.map(({ id }) => id), total]).toEqual([['a'.repeat(16)], 2])
    const told = () => store.agents.declaration('production', 'library', declaration.revision)
    expect(await told()).toEqual(declaration)

    const living = new Set<string>()
    const bounds = { before: START, most: 10, mostDeclarationsBytes: 1_000, living }
    await store.agents.prune({ ...bounds, before: LATER })
    expect(await store.agents.get('b'.repeat(16))).toBeUndefined()
    expect(await told()).toEqual(declaration)

    const newer = { ...declaration, revision: 'f'.repeat(16), declaredAt: LATER }
    await store.agents.put(agent('c', { lastSeen: LATER }))
    await store.agents.declare('c'.repeat(16), newer)
    await store.agents.seen('a'.repeat(16), START)
    await store.agents.prune({ ...bounds, mostDeclarationsBytes: 200 })
    expect(await told()).toBeUndefined()
    // One that comes back is asked for them.
    expect((await store.agents.get('a'.repeat(16)))?.declarations).toBeNull()
    expect(await store.agents.declaration('production', 'library', newer.revision)).toEqual(newer)

    await store.agents.declare('a'.repeat(16), declaration)
    await store.agents.prune({ ...bounds, most: 0 })
    expect(await told()).toBeUndefined()
  })

  it('forgets of agents that were seen at the same time always the same ones, and never one that is alive', async () => {
    for (const id of ['e', 'c', 'a', 'd', 'b']) {
      await store.agents.put(agent(id))
      await store.agents.declare(id.repeat(16), { ...declaration, revision: id.repeat(16) })
    }
    const left = async () => {
      const { rows } = await store.agents.list({ limit: 9, offset: 0 })
      return rows.map(({ id, declarations }) => [id[0], declarations?.[0]])
    }
    const length = (await store.agents.declarationsBytes()) / 5
    const living = new Set(['e', 'd'].map(id => id.repeat(16)))
    const bounds = { before: START, most: 4, mostDeclarationsBytes: length * 3, living }
    await store.agents.prune(bounds)
    expect(await left()).toEqual([
      ['a', 'a'],
      ['b', undefined],
      ['d', 'd'],
      ['e', 'e'],
    ])
    expect(await store.agents.declarationsBytes()).toBe(length * 3)
    await store.agents.prune({ before: LATER, most: 1, mostDeclarationsBytes: 0, living })
    expect(await left()).toEqual([
      ['d', 'd'],
      ['e', 'e'],
    ])
  })

  it('keeps profiles as they came, within days and bytes, the oldest gone first', async () => {
    const ids = [START, LATER].map(requestedAt => ({ requestedAt, id: randomUUID() }))
    const bytes = Buffer.from([0, 255, 31, 139, 8])
    for (const change of ids) {
      await store.profiles.insert(profile({ ...change, origin: 'continuous' }))
      expect(await store.profiles.change(change.id, ['requested'], { status: 'running' })).toBe(
        true,
      )
      expect(await store.profiles.change(change.id, ['requested'], { status: 'failed' })).toBe(
        false,
      )
    }
    const [older, newer] = ids.map(({ id }) => id) as [string, string]
    expect((await store.profiles.open('a'.repeat(16))).map(({ id }) => id)).toEqual([older, newer])
    await store.profiles.finish(older, bytes, LATER)
    await store.profiles.finish(newer, bytes, LATER)
    expect(await store.profiles.open()).toEqual([])
    expect(Buffer.from((await store.profiles.bytes(newer)) ?? [])).toEqual(bytes)
    expect(await store.profiles.get(newer)).toMatchObject({ status: 'finished', sizeBytes: 5 })

    await store.profiles.prune(START, 9, 9)
    const { rows, total } = await store.profiles.list({ kind: 'cpu', limit: 9, offset: 0 })
    expect([rows.map(({ id }) => id), total]).toEqual([[newer], 1])
    expect(await store.profiles.bytes(older)).toBeUndefined()
    const newest = profile({ requestedAt: '2026-12-31T00:00:00.000Z' })
    await store.profiles.insert(newest)
    await store.profiles.prune(START, 9, 1)
    expect(await store.profiles.get(newer)).toBeUndefined()
    expect(await store.profiles.get(newest.id)).toEqual(newest)
    await store.profiles.prune('2027-01-01T00:00:00.000Z', 9, 9)
    expect(await store.profiles.get(newest.id)).toBeUndefined()
  })

  it('has one open profile of an agent at a time, and takes the first answer to it', async () => {
    const inserted = await Promise.all(
      Array.from({ length: 5 }, () => store.profiles.insert(profile())),
    )
    expect(inserted.filter(Boolean)).toHaveLength(1)
    const [open] = await store.profiles.open('a'.repeat(16))
    const { id } = open ?? profile()
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map(byte =>
        store.transaction(inside => inside.profiles.finish(id, Buffer.from([byte]), LATER)),
      ),
    )
    expect(answers.filter(Boolean)).toHaveLength(1)
    expect([...((await store.profiles.bytes(id)) ?? [])]).toEqual([answers.indexOf(true) + 1])
    expect(await store.profiles.insert(profile())).toBe(true)
  })

  it('knows how a knob is turned, once for each service', async () => {
    const knob = {
      environment: 'production',
      service: 'library',
      name: 'pg.pool.max',
      value: 12.5,
      actor: 'admin',
      reason: null,
      setAt: START,
      expiresAt: LATER,
    }
    await store.knobValues.put(knob)
    await store.knobValues.put({ ...knob, value: 20, reason: 'try' })
    await store.knobValues.put({ ...knob, service: 'archive' })
    expect(await store.knobValues.list(knob)).toEqual([{ ...knob, value: 20, reason: 'try' }])
    expect(await store.knobValues.list()).toHaveLength(2)
    expect(await store.knobValues.remove('production', 'library', 'pg.pool.max')).toBe(true)
    expect(await store.knobValues.remove('production', 'library', 'pg.pool.max')).toBe(false)
  })

  it('says that the database is away, and goes on when it is back', async () => {
    if (at.url === null) return
    const { url } = at
    const cut = store.transaction(async inside => {
      await inside.state.set('a', 1)
      await ask(
        url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'perfloop'`,
      )
      await inside.state.get('a')
    })
    await expect(cut).rejects.toMatchObject({ code: 'CONTROL_STORE_FAILED' })
    await store.state.set('a', 2)
    expect(await store.state.get('a')).toBe(2)
  })

  it('can be migrated down and up again', async () => {
    const db = new Kysely<unknown>({
      dialect:
        at.url === null
          ? new SqliteDialect({
              database: openSqliteDatabase(join(at.dataDirectory, 'control.sqlite')),
            })
          : postgresDialect(at.url),
    })
    await migrateControlDown(db, engine.name)
    await migrateControlDown(db, engine.name)
    expect((await db.introspection.getTables()).map(table => table.name)).not.toContain('agents')
    await migrateControlDown(db, engine.name)
    expect((await db.introspection.getTables()).length).toBeGreaterThan(0)
    await migrateControlDown(db, engine.name)
    expect(await db.introspection.getTables()).toEqual([])
    await migrateControl(db, engine.name)
    expect((await db.introspection.getTables()).map(table => table.name)).toContain('ledger')
    await db.destroy()
  })
})

/** On small tables PostgreSQL rightly prefers a scan; what is asked here is whether an index can serve. */
async function explainWithoutScans(url: string, sql: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('SET enable_seqscan = off; SET enable_bitmapscan = off')
    return (await client.query(`EXPLAIN ${sql}`)).rows
  } finally {
    await client.end()
  }
}

it('keeps what it knows from other users of the machine', async () => {
  const dataDirectory = join(directory, 'private')
  await using _ = await openControlStore({ dataDirectory, url: null, clock })
  expect(statSync(join(dataDirectory, 'control.sqlite')).mode & 0o077).toBe(0)
})

it('syncs every commit and writes ahead', () => {
  const database = openSqliteDatabase(join(directory, 'pragmas.sqlite'))
  expect(database.prepare('PRAGMA journal_mode').all([])).toEqual([{ journal_mode: 'wal' }])
  expect(database.prepare('PRAGMA synchronous').all([])).toEqual([{ synchronous: 2 }])
  expect(database.prepare('PRAGMA foreign_keys').all([])).toEqual([{ foreign_keys: 1 }])
  expect(() => database.prepare('SELECT ?').all([{}])).toThrow(/cannot bind/)
  expect(database.prepare('SELECT ? AS flag').all([true])).toEqual([{ flag: 1 }])
  expect([...database.prepare('SELECT ? AS bytes').iterate([undefined])]).toEqual([{ bytes: null }])
  database.close()
})

it('says what is wrong when it cannot be opened', async () => {
  await expect(
    openControlStore({ dataDirectory: '/dev/null/nowhere', url: null, clock }),
  ).rejects.toMatchObject({ code: 'CONTROL_STORE_FAILED' })
  await expect(
    openControlStore({ dataDirectory: directory, url: 'postgres://127.0.0.1:1/none', clock }),
  ).rejects.toMatchObject({ code: 'CONTROL_STORE_FAILED' })
})

it('says that the disk is full in SQLite’s words, and what was begun is undone', async () => {
  const database = openSqliteDatabase(join(directory, 'full.sqlite'))
  const db = new Kysely<{ t: { a: string } }>({
    dialect: nameFailures(new SqliteDialect({ database })),
  })
  await sql`CREATE TABLE t (a text)`.execute(db)
  await sql`PRAGMA max_page_count = 10`.execute(db)
  const insert = (a: string) => db.insertInto('t').values({ a }).execute()
  const tooMuch = db.transaction().execute(async inside => {
    await inside.insertInto('t').values({ a: 'little' }).execute()
    await inside
      .insertInto('t')
      .values({ a: 'x'.repeat(100_000) })
      .execute()
  })
  await expect(tooMuch).rejects.toMatchObject({
    code: 'CONTROL_STORE_FAILED',
    details: { reason: 'database or disk is full' },
  })
  await insert('after')
  expect(await db.selectFrom('t').selectAll().execute()).toEqual([{ a: 'after' }])
  await expect(sql`SELECT * FROM nothing`.execute(db)).rejects.not.toMatchObject({
    code: 'CONTROL_STORE_FAILED',
  })
  await db.destroy()
})
