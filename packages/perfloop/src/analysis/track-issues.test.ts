import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import { durationNs } from '../domain/duration.ts'
import { fingerprint } from '../domain/fingerprint.ts'
import type { ControlStore, IssueRecord } from '../store/control/control-store.ts'
import { openControlStore } from '../store/control/open-control-store.ts'
import type { Finding, Window } from './analyzer.ts'
import { changeIssueStatus } from './change-issue-status.ts'
import type { ExplainedFinding } from './explain-findings.ts'
import { type TrackReport, trackIssues } from './track-issues.ts'

const START_MS = Date.UTC(2026, 2, 1, 10)
const MINUTE_MS = 60_000
const directory = mkdtempSync(join(tmpdir(), 'perfloop-track-'))
let nowMs = START_MS
let control: ControlStore
let databases = 0

beforeEach(async () => {
  nowMs = START_MS
  databases += 1
  control = await openControlStore({
    dataDirectory: join(directory, String(databases)),
    url: null,
    clock: { nowUnixMs: () => nowMs },
  })
})
afterEach(() => control[Symbol.asyncDispose]())
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function finding(change: Partial<Finding> = {}): Finding {
  return {
    environment: 'production',
    service: 'harbour',
    operation: 'GET /vessels',
    operationKind: 'server',
    subject: fingerprint('00000000000000aa'),
    severity: 'medium',
    title: 'N+1',
    description: 'Many queries.',
    confidence: 0.9,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanIds: ['b7ad6b7169203331'],
    evidence: { calls: 25 },
    recoverableNsPerHour: durationNs(1e9),
    ...change,
  }
}

/** Tracks the five minutes that end now. */
async function track(
  findings: readonly Finding[],
  change: {
    calls?: number
    judged?: readonly string[]
    unwatched?: string
    explained?: readonly ExplainedFinding[]
  } = {},
): Promise<TrackReport> {
  const window: Window = {
    fromUnixNs: BigInt(nowMs - 5 * MINUTE_MS) * 1_000_000n,
    toUnixNs: BigInt(nowMs) * 1_000_000n,
    offline: false,
  }
  return await trackIssues({
    control,
    window,
    findings: findings.map(one => ({ kind: 'n-plus-one', finding: one })),
    explained: change.explained ?? [],
    isWatched: (kind, _environment, service) =>
      (change.judged ?? ['n-plus-one']).includes(kind) && service !== change.unwatched,
    calls: () => change.calls ?? 100,
    quietMs: 10 * MINUTE_MS,
    quietMinCalls: 20,
  })
}

async function all(): Promise<readonly IssueRecord[]> {
  return (await control.issues.list({ limit: 100, offset: 0 })).rows
}

async function only(): Promise<IssueRecord> {
  const [issue, ...others] = await all()
  if (issue === undefined || others.length > 0) throw new Error('expected exactly one issue')
  return issue
}

it('makes one issue of one problem, however many windows show it', async () => {
  const first = await track([finding()])
  expect(first.opened).toHaveLength(1)
  for (let window = 0; window < 5; window++) {
    nowMs += MINUTE_MS
    const report = await track([finding({ recoverableNsPerHour: durationNs(2e9 + window) })])
    expect(report).toMatchObject({ opened: [], updated: first.opened })
  }
  const issue = await only()
  expect(issue).toMatchObject({
    id: first.opened[0],
    status: 'open',
    windowsSeen: 6,
    recoverableNsPerHour: 2e9 + 4,
    firstSeen: '2026-03-01T10:00:00.000Z',
    lastSeen: '2026-03-01T10:05:00.000Z',
  })
  expect(await control.issues.history(issue.id)).toHaveLength(6)
  expect(await control.ledger.of('issue', issue.id)).toMatchObject([
    { from: null, to: 'open', actor: 'perfloop' },
  ])
})

it('changes nothing when the same window is tracked again', async () => {
  await track([finding()])
  const before = await only()
  expect(await track([finding({ title: 'other words' })])).toMatchObject({
    opened: [],
    updated: [],
  })
  expect(await only()).toEqual(before)
  expect(await control.issues.history(before.id)).toHaveLength(1)
})

it('tells problems apart by operation, service, environment and subject', async () => {
  await track([
    finding(),
    finding({ operation: 'GET /crew' }),
    finding({ service: 'billing' }),
    finding({ environment: 'staging' }),
    finding({ subject: fingerprint('00000000000000bb') }),
  ])
  expect(await all()).toHaveLength(5)
})

it('lets the heavier of two findings with one identity speak', async () => {
  await track([
    finding({ title: 'light' }),
    finding({ title: 'heavy', recoverableNsPerHour: durationNs(5e9) }),
  ])
  expect(await only()).toMatchObject({ title: 'heavy' })
})

it('resolves what is gone after the quiet time, and reopens it with its history when it is back', async () => {
  const [id] = (await track([finding()])).opened
  nowMs += 9 * MINUTE_MS
  expect((await track([])).resolved).toEqual([])
  nowMs += MINUTE_MS
  expect((await track([])).resolved).toEqual([id])
  expect(await only()).toMatchObject({ status: 'resolved' })

  nowMs += 6 * MINUTE_MS
  expect((await track([finding()])).reopened).toEqual([id])
  expect(await only()).toMatchObject({ id, status: 'reopened', windowsSeen: 2 })
  expect(await control.issues.history(id ?? '')).toHaveLength(2)
  const steps = (await control.ledger.of('issue', id ?? '')).map(entry => entry.to)
  expect(steps).toEqual(['open', 'resolved', 'reopened'])
})

it('does not take what lies before the resolution for a return', async () => {
  const [id = ''] = (await track([finding()])).opened
  nowMs += MINUTE_MS
  await changeIssueStatus(control, { id, to: 'resolved', actor: 'admin', at: now() })
  nowMs += MINUTE_MS
  expect(await track([finding()])).toMatchObject({ reopened: [], updated: [] })
  nowMs += 5 * MINUTE_MS
  expect((await track([finding()])).reopened).toEqual([id])
})

it.each([
  ['nobody calls its operation', { calls: 0 }],
  ['its operation is called too rarely to tell', { calls: 19 }],
  ['its analyzer did not judge the window', { judged: ['slow-statement'] }],
  ['its analyzer could not have told of its service yet', { unwatched: 'harbour' }],
])('keeps an issue open while %s', async (_, change) => {
  await track([finding()])
  nowMs += 60 * MINUTE_MS
  expect((await track([], change)).resolved).toEqual([])
  expect(await only()).toMatchObject({ status: 'open' })
})

it('takes one run of a job without the problem for its end', async () => {
  await track([finding({ operation: 'nightly import', operationKind: 'internal' })])
  nowMs += 60 * MINUTE_MS
  expect((await track([], { calls: 1 })).resolved).toHaveLength(1)
})

it('leaves an acknowledged issue acknowledged while it updates its numbers', async () => {
  const [id = ''] = (await track([finding()])).opened
  await changeIssueStatus(control, { id, to: 'acknowledged', actor: 'admin', at: now() })
  nowMs += MINUTE_MS
  expect((await track([finding({ title: 'worse' })])).updated).toEqual([id])
  expect(await only()).toMatchObject({ status: 'acknowledged', title: 'worse' })
  nowMs += 10 * MINUTE_MS
  expect((await track([])).resolved).toEqual([id])
})

it('leaves an ignored issue ignored until its time is over', async () => {
  const [id = ''] = (await track([finding()])).opened
  await changeIssueStatus(control, {
    id,
    to: 'ignored',
    actor: 'admin',
    at: now(),
    reason: 'we know',
    ignoredUntil: new Date(nowMs + 30 * MINUTE_MS).toISOString(),
  })
  nowMs += 20 * MINUTE_MS
  expect((await track([finding()])).reopened).toEqual([])
  expect(await only()).toMatchObject({ status: 'ignored', ignoreReason: 'we know' })
  nowMs += 10 * MINUTE_MS
  expect((await track([finding()])).reopened).toEqual([id])
  expect(await only()).toMatchObject({ status: 'reopened', ignoredUntil: null, ignoreReason: null })
})

it('ignores for ever when no end was named', async () => {
  const [id = ''] = (await track([finding()])).opened
  await changeIssueStatus(control, { id, to: 'ignored', actor: 'admin', at: now() })
  nowMs += 1_000 * MINUTE_MS
  expect((await track([finding()])).reopened).toEqual([])
  nowMs += 1_000 * MINUTE_MS
  expect((await track([])).resolved).toEqual([])
})

it('keeps a statement one issue when another operation takes the lead', async () => {
  const incidental = { operationIsIncidental: true }
  const [id] = (await track([finding(incidental)])).opened
  nowMs += MINUTE_MS
  const report = await track([finding({ ...incidental, operation: 'GET /crew' })])
  expect(report).toMatchObject({ opened: [], updated: [id] })
  expect(await only()).toMatchObject({ operation: 'GET /crew' })
})

it('refuses a step that is not legal, and an issue it does not know', async () => {
  const [id = ''] = (await track([finding()])).opened
  await expect(
    changeIssueStatus(control, { id, to: 'reopened', actor: 'admin', at: now() }),
  ).rejects.toMatchObject({ code: 'CONFLICT', details: { from: 'open', to: 'reopened' } })
  await expect(
    changeIssueStatus(control, { id: crypto.randomUUID(), to: 'ignored', actor: 'a', at: now() }),
  ).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(await control.ledger.of('issue', id)).toHaveLength(1)
})

function now(): string {
  return new Date(nowMs).toISOString()
}

it('closes the issue of a symptom in favour of its cause once that is found', async () => {
  const symptom = finding({ subject: fingerprint('00000000000000bb'), title: 'Slow' })
  const [symptomId] = (await track([symptom])).opened
  nowMs += MINUTE_MS
  const cause = finding({ title: 'Cause' })
  const by = { kind: 'n-plus-one', finding: cause }
  const report = await track([cause], { explained: [{ kind: 'n-plus-one', finding: symptom, by }] })
  expect(report).toMatchObject({ resolved: [symptomId] })
  expect(await control.ledger.of('issue', symptomId ?? '')).toMatchObject([
    { to: 'open' },
    { to: 'resolved', reason: 'explained by: Cause', evidence: { explained_by: report.opened[0] } },
  ])
})
