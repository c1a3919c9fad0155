import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Logger, silentLogger } from '../domain/logger.ts'
import { OPTIMIZATION_KINDS } from '../optimizations/built-in.ts'
import { Settings } from '../settings/settings.ts'
import type {
  ControlStore,
  IssueRecord,
  OptimizationRecord,
} from '../store/control/control-store.ts'
import { openControlStore } from '../store/control/open-control-store.ts'
import {
  type OpenTelemetryStore,
  openTelemetryStore,
} from '../store/telemetry/open-telemetry-store.ts'
import { targetFactCounts } from '../store/telemetry/queries/target-facts.query.ts'
import { TARGET_KINDS } from '../targets/built-in.ts'
import { createOptimizer } from './create-optimizer.ts'
import type { OptimizationKind } from './optimization.ts'
import type { Optimizer } from './optimizer.ts'

const STATEMENT = '0123456789abcdef'
const ANOTHER = 'fedcba9876543210'
const directory = mkdtempSync(join(tmpdir(), 'perfloop-optimizer-'))
/** Near the true time: the store drops facts that are a month old. */
const START_UNIX_MS = Math.floor(Date.now() / 60_000) * 60_000
const clock = { unixMs: START_UNIX_MS, nowUnixMs: () => clock.unixMs }
let telemetry: OpenTelemetryStore

beforeAll(async () => {
  telemetry = await openTelemetryStore({
    dataDirectory: join(directory, 'store'),
    settings: Settings.parse({}),
  })
}, 60_000)
afterAll(async () => {
  await telemetry?.close()
  rmSync(directory, { recursive: true, force: true })
})

let control: ControlStore
let optimizer: Optimizer
let file: string
/** Each test has a world of its own in the shared store: an environment, a database, a control store. */
let environment: string

beforeEach(async () => {
  clock.unixMs = START_UNIX_MS
  environment = `test-${randomUUID().slice(0, 8)}`
  const own = mkdtempSync(join(directory, 'world-'))
  file = join(own, 'shop.db')
  makeDatabase(file)
  control = await openControlStore({ dataDirectory: own, url: null, clock })
  optimizer = makeOptimizer()
  await observe(STATEMENT, 'SELECT * FROM purchase WHERE buyer_id = ?')
})
afterEach(async () => {
  await optimizer[Symbol.asyncDispose]()
  await control[Symbol.asyncDispose]()
})

function makeOptimizer(
  settings: Readonly<Record<string, unknown>> = {},
  kinds: readonly OptimizationKind[] = OPTIMIZATION_KINDS,
  logger: Logger = silentLogger,
): Optimizer {
  return createOptimizer({
    control,
    telemetry,
    engine: telemetry.engine,
    settings: Settings.parse({ optimizer: settings }),
    targetKinds: TARGET_KINDS,
    optimizationKinds: kinds,
    clock,
    logger,
    dataDirectory: directory,
  })
}

function makeDatabase(path: string): void {
  const database = new DatabaseSync(path)
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE purchase (id INTEGER PRIMARY KEY, buyer_id INT NOT NULL, state TEXT, cents INT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
      INSERT INTO purchase SELECT i, i * 7919 % 2000, 'open', i % 1000 FROM n;`)
  database.close()
}

function indexes(): readonly string[] {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 2_000 })
  try {
    return database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'index'")
      .all()
      .map(row => String(Object.values(row ?? {})[0]))
  } finally {
    database.close()
  }
}

/** As the loader would have rolled it up. */
async function observe(statement: string, text: string): Promise<void> {
  await telemetry.engine.execute(
    `INSERT INTO patterns (statement, dialect, text, summary, verb, models, last_seen)
     VALUES ({statement:String}, 'sqlite', {text:String}, 'SELECT purchase', 'SELECT', ['purchase'], now())`,
    { statement, text },
  )
  await telemetry.engine.execute(
    `INSERT INTO statements (step_s, environment, service, statement, bucket, calls, duration_ns)
     VALUES (60, {environment:String}, 'store', {statement:String}, toDateTime({at:UInt32}), 100, 1e9)`,
    { environment, statement, at: START_UNIX_MS / 1_000 - 120 },
  )
}

/** Executions of an operation in `[from, to)`, evenly, with a little noise in their time. */
async function traffic(
  fromUnixMs: number,
  toUnixMs: number,
  meanMs: number,
  { operation = 'GET /purchases', everyMs = 200 } = {},
): Promise<void> {
  const count = Math.floor((toUnixMs - fromUnixMs) / everyMs)
  await telemetry.engine.execute(
    `INSERT INTO measurements (environment, service, operation, kind, start_unix_ns, trace_id, span_id, total_ns, db_ns, weight, received_at)
     SELECT {environment:String}, 'store', {operation:String}, 'server',
       toUInt64({from:UInt64} + number * {every_ns:UInt64}), toFixedString('t', 16), toFixedString('s', 8),
       toUInt64({mean:Float64} * (0.9 + 0.2 * (cityHash64(number, {mean:Float64}) % 1000) / 1000)),
       toUInt64({mean:Float64} * 0.8 * (0.9 + 0.2 * (cityHash64(number + 1, {mean:Float64}) % 1000) / 1000)),
       1, now()
     FROM numbers({count:UInt64})`,
    {
      environment,
      operation,
      from: BigInt(fromUnixMs) * 1_000_000n,
      every_ns: everyMs * 1e6,
      mean: meanMs * 1e6,
      count,
    },
  )
}

async function openIssue(change: Partial<IssueRecord> = {}): Promise<IssueRecord> {
  const at = new Date(clock.unixMs).toISOString()
  const issue: IssueRecord = {
    id: randomUUID(),
    kind: 'missing-index',
    title: 'All rows are read',
    description: '',
    severity: 'high',
    status: 'open',
    environment,
    service: 'store',
    operation: 'GET /purchases',
    operationKind: 'server',
    fingerprint: STATEMENT,
    statement: STATEMENT,
    statementText: null,
    codeLocation: null,
    confidence: 0.9,
    recoverableNsPerHour: 1e9,
    evidence: {},
    exemplarTrace: '',
    exemplarSpans: [],
    windowsSeen: 1,
    firstSeen: at,
    lastSeen: at,
    ignoredUntil: null,
    ignoreReason: null,
    createdAt: at,
    updatedAt: at,
    ...change,
  }
  await control.issues.insert(issue)
  return issue
}

async function addTarget() {
  return optimizer.addTarget(
    { kind: 'sqlite', name: 'shop', environment, services: [], options: { file } },
    'admin',
  )
}

async function propose(): Promise<OptimizationRecord> {
  await addTarget()
  await openIssue()
  await optimizer.collectTargets()
  expect(await optimizer.recommend()).toBe(1)
  const { rows } = await control.optimizations.list({ limit: 10, offset: 0 })
  const [record] = rows
  if (record === undefined) throw new Error('nothing proposed')
  return record
}

/** As many again of a proposal, each for a change and an operation of its own. */
async function proposeMore(record: OptimizationRecord, count: number): Promise<void> {
  const recommendation = { ...(record.recommendation as object), operations: [] }
  const createdAt = new Date(clock.unixMs + 1_000).toISOString()
  await control.transaction(async store => {
    for (let n = 0; n < count; n++) {
      const changeKey = `${record.changeKey} ${n}`
      const more = { ...record, id: randomUUID(), recommendation, changeKey, createdAt }
      await store.optimizations.insert({ ...more, issueIds: [] })
    }
  })
}

async function statusOf(id: string): Promise<string | undefined> {
  return (await control.optimizations.get(id))?.status
}

/** What the ledger says beside the steps. */
async function remarks(id: string): Promise<readonly string[]> {
  const ledger = await control.ledger.of('optimization', id)
  return ledger.flatMap(({ from, to, reason }) => (from === to && reason !== null ? [reason] : []))
}

async function story(id: string): Promise<readonly string[]> {
  return (await control.ledger.of('optimization', id)).map(({ actor, to }) => `${actor}: ${to}`)
}

/** Moves the clock to where the verification of an applied change has its last look. */
function toLastLook(appliedUnixMs: number): number {
  const { settleMs, measurementDelayMs, looksMs } = Settings.parse({}).optimizer.verification
  clock.unixMs = appliedUnixMs + settleMs + measurementDelayMs + Math.max(...looksMs)
  return clock.unixMs
}

describe('targets', () => {
  it('are checked when they are added, and keep their secrets to themselves', async () => {
    const target = await addTarget()
    expect(target).toMatchObject({ status: 'ok', canChange: true })
    expect(optimizer.shownOptions(target)).toEqual({ file })
    const secret = { ...target, kind: 'postgres', options: { url: 'postgres://me:hush@db/shop' } }
    expect(optimizer.shownOptions(secret)).toEqual({ url: '***' })
    expect(await control.ledger.of('target', target.id)).toHaveLength(1)
    await optimizer.removeTarget(target.id, 'admin')
    expect(await control.targets.list()).toEqual([])
  })

  it('are refused where another one has the name', async () => {
    const { id, kind, name, services, options } = await addTarget()
    const again = { kind, name, environment, services, options }
    await expect(optimizer.addTarget(again, 'admin')).rejects.toMatchObject({
      code: 'TARGET_NAME_TAKEN',
      details: { target: id },
    })
    expect(await control.targets.list()).toHaveLength(1)
  })

  it('are refused with the reason when their kind or options are wrong', async () => {
    const target = { kind: 'sqlite', name: 'x', environment, services: [], options: {} }
    await expect(optimizer.addTarget(target, 'admin')).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      details: { problems: [expect.stringContaining('options.file')] },
    })
    await expect(optimizer.addTarget({ ...target, kind: 'oracle' }, 'admin')).rejects.toMatchObject(
      { code: 'INVALID_REQUEST' },
    )
  })

  it('that are away are said to be so, and do not keep the others from being asked', async () => {
    const away = await optimizer.addTarget(
      { kind: 'sqlite', name: 'away', environment, services: [], options: { file: '/none/x.db' } },
      'admin',
    )
    const there = await addTarget()
    expect(away.status).toBe('unreachable')
    await optimizer.collectTargets()
    expect((await control.targets.get(away.id))?.status).toBe('unreachable')
    expect((await control.targets.get(there.id))?.collectedAt).not.toBeNull()
  })
})

describe('a target that is removed', () => {
  it('is no longer believed: what it told is forgotten, also when it was being asked meanwhile', async () => {
    const { targetId } = await propose()
    const known = async () => {
      const counts = await telemetry.run(targetFactCounts, {})
      return counts.some(({ target, plans }) => target === targetId && plans > 0)
    }
    expect(await known()).toBe(true)
    await Promise.all([optimizer.collectTargets(), optimizer.removeTarget(targetId, 'admin')])
    await optimizer.collectTargets()
    expect(await known()).toBe(false)
  })

  it('takes what was proposed for it along', async () => {
    const { id, targetId } = await propose()
    await optimizer.removeTarget(targetId, 'admin')
    expect(await statusOf(id)).toBe('dismissed')
    expect(await story(id)).toEqual(['perfloop: proposed', 'admin: dismissed'])
    await expect(optimizer.checkTarget(targetId)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('takes everything that was proposed for it along, however much it is', async () => {
    const record = await propose()
    await proposeMore(record, 1_010)
    await optimizer.removeTarget(record.targetId, 'admin')
    const open = await control.optimizations.list({ statuses: ['proposed'], limit: 1, offset: 0 })
    expect(open.total).toBe(0)
  })

  it('has what a failed change left behind swept up first, or is refused while that cannot be told', async () => {
    const { id, targetId } = await propose()
    await optimizer.approve(id, 'admin')
    await control.optimizations.transition(id, 'approved', 'applying')
    await control.optimizations.transition(id, 'applying', 'failed')
    let isAway = true
    let undone = 0
    const half = makeOptimizer({}, [
      {
        ...kindOf(),
        async inspect() {
          if (isAway) throw new Error('away')
          return 'partial'
        },
        undo: async () => void undone++,
      },
    ])
    await expect(half.removeTarget(targetId, 'admin')).rejects.toMatchObject({
      code: 'TARGET_IN_USE',
      details: { optimizations: [{ id, status: 'failed' }] },
    })
    expect(await statusOf(id)).toBe('failed')
    isAway = false
    await half.removeTarget(targetId, 'admin')
    expect(undone).toBe(1)
    expect(await statusOf(id)).toBe('dismissed')
    await half[Symbol.asyncDispose]()
  })

  it('waits for what the loop is doing to it, and refuses at once what that will not change', async () => {
    const { id, targetId } = await propose()
    await optimizer.approve(id, 'admin')
    await control.optimizations.transition(id, 'approved', 'applying')
    const inspecting = gate()
    const mayGoOn = gate()
    const slow = makeOptimizer({}, [
      {
        ...kindOf(),
        async inspect() {
          inspecting.open()
          await mayGoOn.opened
          return 'absent'
        },
      },
    ])
    const recovering = slow.recover()
    await inspecting.opened
    await expect(slow.removeTarget(targetId, 'admin')).rejects.toMatchObject({ code: 'CONFLICT' })
    await control.optimizations.transition(id, 'applying', 'failed')
    const removing = slow.removeTarget(targetId, 'admin')
    await new Promise(resolve => setTimeout(resolve, 50))
    expect(await control.targets.get(targetId)).toBeDefined()
    mayGoOn.open()
    await Promise.all([recovering, removing])
    expect(await control.targets.get(targetId)).toBeUndefined()
    await slow[Symbol.asyncDispose]()
  })

  it('is refused while its change could be taken back, and by force leaves it to a person', async () => {
    const { id, targetId, title, undo } = await propose()
    await optimizer.approve(id, 'admin')
    await optimizer.apply(id, 'admin')
    await expect(optimizer.removeTarget(targetId, 'admin')).rejects.toMatchObject({
      code: 'TARGET_IN_USE',
      details: { target: 'shop', optimizations: [{ id, title, status: 'applied' }] },
    })
    await optimizer.removeTarget(targetId, 'admin', true)
    // Nobody judged it: it is not `verified`.
    expect(await statusOf(id)).toBe('manual_required')
    expect(indexes()).toHaveLength(1)
    await expect(optimizer.approve(id, 'admin')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const [last] = (await control.ledger.of('optimization', id)).slice(-1)
    expect(last).toMatchObject({
      reason: expect.stringContaining('taken back by hand'),
      evidence: { undo },
    })
  })

  it('by force leaves a kept change as it is, and nothing to complain about at each step', async () => {
    const { id, targetId } = await propose()
    await optimizer.approve(id, 'admin')
    await optimizer.apply(id, 'admin')
    await optimizer.keep(id, 'admin')
    await optimizer.removeTarget(targetId, 'admin', true)
    expect(await statusOf(id)).toBe('verified')
    const said: string[] = []
    const logger = { ...silentLogger, warn: (_: object, message: string) => said.push(message) }
    const watching = makeOptimizer({}, OPTIMIZATION_KINDS, logger)
    await watching.tick()
    expect(said).toEqual([])
    await watching[Symbol.asyncDispose]()
  })

  it('can be removed when its change was taken back', async () => {
    const { id, targetId } = await propose()
    await optimizer.approve(id, 'admin')
    await optimizer.apply(id, 'admin')
    await optimizer.rollBack(id, 'admin')
    await optimizer.removeTarget(targetId, 'admin')
    expect(await control.targets.list()).toEqual([])
  })
})

describe('recommendations', () => {
  it('are made once, with proof, and change nothing', async () => {
    const record = await propose()
    expect(record).toMatchObject({
      type: 'create-index',
      status: 'proposed',
      environment,
      service: 'store',
      title: 'Index purchase by buyer_id',
      change: expect.stringMatching(
        /^CREATE INDEX perfloop_purchase_buyer_id_\w{6} ON purchase \(buyer_id\);$/,
      ),
      recommendation: { proof: { method: 'sqlite-copy' } },
    })
    expect(await optimizer.recommend()).toBe(0)
    expect(indexes()).toEqual([])
  })

  it('are not made again after they were dismissed, also by a restarted Perfloop', async () => {
    const record = await propose()
    await optimizer.dismiss(record.id, 'admin', 'we know better')
    await optimizer[Symbol.asyncDispose]()
    optimizer = makeOptimizer()
    expect(await optimizer.recommend()).toBe(0)
    expect(await statusOf(record.id)).toBe('dismissed')
    expect(optimizer.allowed({ ...record, status: 'dismissed' })).toEqual([])
  })
})

describe('changes', () => {
  it('need a person’s approval and a person’s order where nothing is set', async () => {
    const record = await propose()
    await expect(optimizer.apply(record.id, 'admin')).rejects.toMatchObject({ code: 'CONFLICT' })
    await optimizer.approve(record.id, 'admin')
    await optimizer.tick()
    expect(await statusOf(record.id)).toBe('approved')
    expect(indexes()).toEqual([])
    await optimizer.apply(record.id, 'admin')
    expect(indexes()).toHaveLength(1)
  })

  it('have their undo in the ledger before they are made', async () => {
    const record = await propose()
    await optimizer.approve(record.id, 'admin', 'go on')
    await optimizer.apply(record.id, 'admin')
    const ledger = await control.ledger.of('optimization', record.id)
    expect(ledger.map(({ to }) => to)).toEqual(['proposed', 'approved', 'applying', 'applied'])
    expect(ledger[2]?.evidence).toMatchObject({ change: record.change, undo: record.undo })
    expect(ledger[1]).toMatchObject({ actor: 'admin', reason: 'go on' })
  })

  it('are made once, however many ask for them at the same time', async () => {
    const record = await propose()
    await optimizer.approve(record.id, 'admin')
    const asked = await Promise.allSettled(
      Array.from({ length: 5 }, () => optimizer.apply(record.id, 'admin')),
    )
    expect(asked.some(({ status }) => status === 'fulfilled')).toBe(true)
    expect(indexes()).toHaveLength(1)
    expect((await story(record.id)).filter(line => line.endsWith(': applying'))).toHaveLength(1)
    expect((await optimizer.apply(record.id, 'admin')).status).toBe('applied')
    expect((await story(record.id)).filter(line => line.endsWith(': applying'))).toHaveLength(1)
  })

  it('follow an approval by themselves where the policy says so', async () => {
    const record = await propose()
    await optimizer.setRules(
      [{ kind: 'create-index', environment, service: '*', mode: 'approve' }],
      'admin',
    )
    await optimizer.tick()
    expect(await statusOf(record.id)).toBe('proposed')
    await optimizer.approve(record.id, 'admin')
    await optimizer.tick()
    expect(await statusOf(record.id)).toBe('verifying')
    expect(indexes()).toHaveLength(1)
  })

  it('wait for the maintenance window', async () => {
    const record = await propose()
    await optimizer.approve(record.id, 'admin')
    const night = makeOptimizer({ maintenanceWindow: { from: '23:00', to: '04:00' } })
    const noon = Math.floor(START_UNIX_MS / 86_400_000) * 86_400_000 + 12 * 3_600_000
    clock.unixMs = noon
    await expect(night.apply(record.id, 'admin')).rejects.toMatchObject({ code: 'CONFLICT' })
    clock.unixMs = noon + 13 * 3_600_000
    expect((await night.apply(record.id, 'admin')).status).toBe('applied')
    await night[Symbol.asyncDispose]()
  })

  it('that were approved say in the ledger what they wait for, once for each reason', async () => {
    const { id } = await propose()
    const noon = Math.floor(START_UNIX_MS / 86_400_000) * 86_400_000 + 12 * 3_600_000
    clock.unixMs = noon
    const night = makeOptimizer({
      maintenanceWindow: { from: '23:00', to: '04:00' },
      rules: [{ kind: '*', environment: '*', service: '*', mode: 'approve' }],
    })
    await night.tick()
    expect(await remarks(id)).toEqual([])
    await night.approve(id, 'admin')
    await night.tick()
    await night.setKillSwitch(true, 'admin')
    await night.tick()
    await night.tick()
    const reasons = [
      'It waits for the maintenance window, 23:00 to 04:00 UTC.',
      'It waits: every change is stopped by the kill switch.',
    ]
    expect(await remarks(id)).toEqual(reasons)
    await night[Symbol.asyncDispose]()

    const restarted = makeOptimizer({
      rules: [{ kind: '*', environment: '*', service: '*', mode: 'approve' }],
    })
    await restarted.tick()
    expect(await remarks(id)).toEqual(reasons)
    await restarted.setKillSwitch(false, 'admin')
    await restarted.tick()
    expect(await statusOf(id)).toBe('verifying')
    await restarted[Symbol.asyncDispose]()
  })

  it('stop at the kill switch', async () => {
    const record = await propose()
    await optimizer.setRules([{ kind: '*', environment: '*', service: '*', mode: 'auto' }], 'admin')
    await optimizer.setKillSwitch(true, 'admin', 'incident')
    await optimizer.tick()
    expect(await statusOf(record.id)).toBe('proposed')
    await optimizer.approve(record.id, 'admin')
    await expect(optimizer.apply(record.id, 'admin')).rejects.toMatchObject({
      code: 'KILL_SWITCH_ENGAGED',
    })
    expect(await optimizer.policy()).toMatchObject({
      killSwitch: true,
      killSwitchReason: 'incident',
    })
    await optimizer.setKillSwitch(false, 'admin')
    await optimizer.tick()
    expect(indexes()).toHaveLength(1)
    expect(await control.ledger.of('policy', 'kill-switch')).toHaveLength(2)
  })

  it('of the same operation wait for each other', async () => {
    await observe(ANOTHER, 'SELECT * FROM purchase WHERE cents = ?')
    await addTarget()
    await openIssue()
    await openIssue({ statement: ANOTHER, fingerprint: ANOTHER })
    await optimizer.collectTargets()
    expect(await optimizer.recommend()).toBe(2)
    const { rows } = await control.optimizations.list({ limit: 10, offset: 0 })
    for (const { id } of rows) await optimizer.approve(id, 'admin')
    const [first = '', second = ''] = rows.map(({ id }) => id)
    await optimizer.apply(first, 'admin')
    await expect(optimizer.apply(second, 'admin')).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { optimization: first },
    })
    expect(indexes()).toHaveLength(1)
  })

  it('that nobody knows are not found', async () => {
    await expect(optimizer.approve('nothing', 'admin')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('can be taken back by a person, twice without harm', async () => {
    const record = await propose()
    await optimizer.approve(record.id, 'admin')
    await optimizer.apply(record.id, 'admin')
    expect((await optimizer.rollBack(record.id, 'admin', 'changed my mind')).status).toBe(
      'rolled_back',
    )
    expect((await optimizer.rollBack(record.id, 'admin')).status).toBe('rolled_back')
    expect(indexes()).toEqual([])
  })

  it('that Perfloop may not make are left to a person, with what to run', async () => {
    const refusing: OptimizationKind = {
      ...kindOf(),
      async apply() {
        const { PerfloopError } = await import('../domain/perfloop-error.ts')
        throw new PerfloopError('TARGET_PERMISSION_DENIED', { reason: 'read only' })
      },
    }
    const record = await propose()
    const other = makeOptimizer({}, [refusing])
    await other.approve(record.id, 'admin')
    const left = await other.apply(record.id, 'admin')
    expect(left).toMatchObject({
      status: 'manual_required',
      failure: { code: 'TARGET_PERMISSION_DENIED' },
    })
    await other[Symbol.asyncDispose]()
  })
})

describe('after a crash', () => {
  async function crashed(): Promise<OptimizationRecord> {
    const record = await propose()
    await optimizer.approve(record.id, 'admin')
    await control.optimizations.transition(record.id, 'approved', 'applying')
    return record
  }

  it('a change that was made is known as applied', async () => {
    const record = await crashed()
    await kindOf().apply(record.recommendation as never, {
      targetKind: 'sqlite',
      targetOptions: { file },
      settings: Settings.parse({}).optimizer,
      signal: new AbortController().signal,
    })
    await optimizer.recover()
    expect(await statusOf(record.id)).toBe('applied')
  })

  it('a change that was not made is known as failed, and can be approved again', async () => {
    const record = await crashed()
    await optimizer.recover()
    expect(await statusOf(record.id)).toBe('failed')
    await optimizer.approve(record.id, 'admin')
    expect((await optimizer.apply(record.id, 'admin')).status).toBe('applied')
  })

  it('a change that was half made is taken back', async () => {
    const record = await crashed()
    let undone = 0
    const half = makeOptimizer({}, [
      { ...kindOf(), inspect: async () => 'partial', undo: async () => void undone++ },
    ])
    await half.recover()
    expect(undone).toBe(1)
    expect(await statusOf(record.id)).toBe('failed')
    // What is left later, because something held it up, is swept up in passing.
    await half.tick()
    expect(undone).toBe(2)
    await half[Symbol.asyncDispose]()
  })
})

describe('the verdict', () => {
  async function applied(): Promise<OptimizationRecord> {
    const record = await propose()
    await traffic(clock.unixMs - 600_000, clock.unixMs, 100)
    await optimizer.approve(record.id, 'admin')
    return optimizer.apply(record.id, 'admin')
  }

  it('is improved when the route is faster, and the change stays', async () => {
    const { id } = await applied()
    await traffic(clock.unixMs, toLastLook(clock.unixMs), 30)
    await optimizer.tick()
    const record = await control.optimizations.get(id)
    expect(record).toMatchObject({ status: 'verified', impact: { verdict: 'improved' } })
    const impact = record?.impact as { comparisons: { metric: string; change: number }[] }
    const median = impact.comparisons.find(({ metric }) => metric === 'p50_ns')
    expect(median?.change).toBeCloseTo(-0.7, 1)
    expect(median).toMatchObject({ before_count: 3_000, after_count: 3_000 })
    expect(indexes()).toHaveLength(1)
    expect(await story(id)).toEqual([
      'perfloop: proposed',
      'admin: approved',
      'admin: applying',
      'admin: applied',
      'perfloop: verifying',
      'perfloop: verified',
    ])
  })

  it('is found early when it is plain', async () => {
    const { id } = await applied()
    const from = clock.unixMs
    clock.unixMs += 130_000
    await traffic(from, clock.unixMs, 30)
    await optimizer.tick()
    expect(await statusOf(id)).toBe('verified')
  })

  it('is no effect when nothing changed, and the change is undone', async () => {
    const { id } = await applied()
    await traffic(clock.unixMs, toLastLook(clock.unixMs), 100.01)
    await optimizer.tick()
    expect(await control.optimizations.get(id)).toMatchObject({
      status: 'rolled_back',
      impact: { verdict: 'no_effect', reason: expect.stringContaining('No significant effect') },
    })
    expect(indexes()).toEqual([])
  })

  it('is regressed when the route is much slower, and the change is undone at once', async () => {
    const { id } = await applied()
    const from = clock.unixMs
    clock.unixMs += 85_000
    await traffic(from, clock.unixMs, 180)
    await optimizer.tick()
    expect(await control.optimizations.get(id)).toMatchObject({
      status: 'rolled_back',
      impact: { verdict: 'regressed' },
    })
    expect(indexes()).toEqual([])
  })

  it('is waited for while there is too little traffic, and that is said', async () => {
    const { id } = await applied()
    toLastLook(clock.unixMs)
    await optimizer.tick()
    expect(await control.optimizations.get(id)).toMatchObject({
      status: 'verifying',
      impact: { verdict: 'inconclusive', reason: expect.stringContaining('Too little traffic') },
    })
    expect(optimizer.allowed({ ...(await record(id)) })).toEqual(['rollback', 'keep'])
    await traffic(clock.unixMs - 300_000, clock.unixMs, 30)
    await optimizer.tick()
    expect(await statusOf(id), 'so soon nothing new is to be seen').toBe('verifying')
    clock.unixMs += 60_000
    await optimizer.tick()
    expect(await statusOf(id)).toBe('verified')
  })

  it('is inconclusive at the first look when there was too little traffic before, and nothing stays unproven', async () => {
    const { id } = await propose()
    await traffic(clock.unixMs - 600_000, clock.unixMs, 100, { everyMs: 60_000 })
    await optimizer.approve(id, 'admin')
    await optimizer.apply(id, 'admin')
    const from = clock.unixMs
    clock.unixMs += 85_000
    await traffic(from, clock.unixMs, 30)
    await optimizer.tick()
    expect(await record(id)).toMatchObject({
      status: 'rolled_back',
      impact: {
        verdict: 'inconclusive',
        reason: expect.stringMatching(
          /^Too little traffic before .* executed 10 times in the 24 h before .* what is not shown to help does not stay/,
        ),
      },
    })
    expect(indexes()).toEqual([])
  })

  it('is inconclusive when nobody came for long, and the change stays where the settings say so', async () => {
    const keeping = makeOptimizer({ verification: { undecided: 'keep', longestMs: 7_200_000 } })
    const { id } = await applied()
    clock.unixMs += 7_000_000
    await keeping.tick()
    expect(await statusOf(id)).toBe('verifying')
    clock.unixMs += 400_000
    await keeping.tick()
    expect(await record(id)).toMatchObject({
      status: 'verified',
      impact: { verdict: 'inconclusive', reason: expect.stringContaining('It stays') },
    })
    expect(indexes()).toHaveLength(1)
    await keeping[Symbol.asyncDispose]()
  })

  it('ends when traffic stays too little to compare, looked at ever more rarely', async () => {
    const { id } = await applied()
    const from = clock.unixMs
    await traffic(from, from + 24 * 3_600_000, 30, { everyMs: 2_000 })
    toLastLook(from)
    await optimizer.tick()
    expect(await statusOf(id)).toBe('verifying')
    clock.unixMs = from + 25 * 3_600_000
    await optimizer.tick()
    expect(await record(id)).toMatchObject({
      status: 'rolled_back',
      impact: { verdict: 'inconclusive', reason: expect.stringContaining('cannot be compared') },
    })
  })

  it('of a rare operation goes back further before the change for something to compare with', async () => {
    const { id } = await propose()
    await traffic(clock.unixMs - 6 * 3_600_000, clock.unixMs, 100, { everyMs: 60_000 })
    await optimizer.approve(id, 'admin')
    await optimizer.apply(id, 'admin')
    const from = clock.unixMs
    clock.unixMs += 2 * 3_600_000
    await traffic(from, clock.unixMs, 30, { everyMs: 60_000 })
    await optimizer.tick()
    expect(await record(id)).toMatchObject({ status: 'verified', impact: { verdict: 'improved' } })
  })

  it('does not give a change the merits of the one before it', async () => {
    await observe(ANOTHER, 'SELECT * FROM purchase WHERE cents = ?')
    await addTarget()
    await openIssue()
    await openIssue({ statement: ANOTHER, fingerprint: ANOTHER })
    await optimizer.collectTargets()
    await optimizer.recommend()
    await optimizer.setRules(
      [{ kind: '*', environment: '*', service: '*', mode: 'approve' }],
      'admin',
    )
    const { rows } = await control.optimizations.list({ limit: 10, offset: 0 })
    const [first = '', second = ''] = rows.map(({ id }) => id)
    await traffic(clock.unixMs - 600_000, clock.unixMs, 100)
    await optimizer.approve(first, 'admin')
    await optimizer.tick()
    const appliedUnixMs = clock.unixMs
    clock.unixMs += 130_000
    await traffic(appliedUnixMs, appliedUnixMs + 3_600_000, 30)
    await optimizer.tick()
    expect(await statusOf(first)).toBe('verified')

    // However much else is proposed meanwhile.
    await proposeMore(await record(second), 210)
    await optimizer.approve(second, 'admin')
    await optimizer.tick()
    await optimizer.tick()
    expect(await statusOf(second), 'too soon after the other').toBe('approved')
    const waits = /^It waits until .*: the same operation was changed at /
    expect((await remarks(second)).filter(reason => waits.test(reason))).toHaveLength(1)
    clock.unixMs = appliedUnixMs + 600_000
    await optimizer.tick()
    expect(await statusOf(second)).toBe('verifying')
    toLastLook(clock.unixMs)
    await optimizer.tick()
    expect(await record(second)).toMatchObject({
      status: 'rolled_back',
      impact: { verdict: 'no_effect' },
    })
  })

  it('of a person who keeps the change is the last word', async () => {
    const { id } = await applied()
    expect((await optimizer.keep(id, 'admin', 'needed tomorrow')).status).toBe('verified')
    toLastLook(clock.unixMs)
    await optimizer.tick()
    expect(await statusOf(id)).toBe('verified')
  })

  it('is put into effect later when the undo fails at first', async () => {
    const { id } = await applied()
    await traffic(clock.unixMs, toLastLook(clock.unixMs), 100.01)
    let isStuck = true
    const kind = kindOf()
    const stuck = makeOptimizer({}, [
      {
        ...kind,
        undo: async (...undo) => {
          if (isStuck) throw new Error('locked')
          await kind.undo(...undo)
        },
      },
    ])
    await stuck.tick()
    expect(await record(id)).toMatchObject({
      status: 'verifying',
      failure: { code: 'CHANGE_FAILED' },
    })
    isStuck = false
    await stuck.tick()
    expect(await statusOf(id)).toBe('rolled_back')
    expect(indexes()).toEqual([])
    await stuck[Symbol.asyncDispose]()
  })

  it('is nobody else’s to say while the change is taken back', async () => {
    const { id } = await applied()
    const kind = kindOf()
    const isUndoing = gate()
    const mayGoOn = gate()
    const slow = makeOptimizer({}, [
      {
        ...kind,
        undo: async (...undo) => {
          isUndoing.open()
          await mayGoOn.opened
          await kind.undo(...undo)
        },
      },
    ])
    const rollingBack = slow.rollBack(id, 'admin')
    await isUndoing.opened
    await expect(slow.keep(id, 'another')).rejects.toMatchObject({ code: 'CONFLICT' })
    await expect(slow.rollBack(id, 'another')).rejects.toMatchObject({ code: 'CONFLICT' })
    mayGoOn.open()
    expect((await rollingBack).status).toBe('rolled_back')
    expect(indexes()).toEqual([])
    await slow[Symbol.asyncDispose]()
  })

  it('is watched: a change that nothing uses any more is reported once', async () => {
    const { id } = await applied()
    await optimizer.keep(id, 'admin')
    const watching = makeOptimizer({}, [{ ...kindOf(), findWaste: () => 'nobody uses it' }])
    clock.unixMs += 60_000
    await watching.collectTargets()
    await watching.tick()
    await watching.tick()
    const ledger = await control.ledger.of('optimization', id)
    expect(ledger.filter(({ reason }) => reason?.includes('nobody uses it'))).toHaveLength(1)
    await watching[Symbol.asyncDispose]()
  })

  async function record(id: string): Promise<OptimizationRecord> {
    const found = await control.optimizations.get(id)
    if (found === undefined) throw new Error('gone')
    return found
  }
})

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open: () => open() }
}

function kindOf(): OptimizationKind {
  const [kind] = OPTIMIZATION_KINDS
  if (kind === undefined) throw new Error('no kinds')
  return kind
}
