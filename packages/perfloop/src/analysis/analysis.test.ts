import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { durationNs } from '../domain/duration.ts'
import { fingerprint } from '../domain/fingerprint.ts'
import { silentLogger } from '../domain/logger.ts'
import { PerfloopError } from '../domain/perfloop-error.ts'
import { defaultSettings } from '../settings/settings.ts'
import type { ControlStore } from '../store/control/control-store.ts'
import { openControlStore } from '../store/control/open-control-store.ts'
import {
  type OpenTelemetryStore,
  openTelemetryStore,
} from '../store/telemetry/open-telemetry-store.ts'
import { defineQuery } from '../store/telemetry/query.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import { createAnalysis } from './analysis.ts'
import { type Analyzer, defineAnalyzer, type Finding } from './analyzer.ts'
import { threadedJudgePool } from './judge-pool.ts'

const directory = mkdtempSync(join(tmpdir(), 'perfloop-analysis-'))
const NOW_MS = Date.UTC(2026, 2, 1, 10) + 123
let nowMs = NOW_MS
const clock = { nowUnixMs: () => nowMs }
let telemetry: OpenTelemetryStore
let control: ControlStore
let databases = 0

beforeAll(async () => {
  telemetry = await openTelemetryStore({
    dataDirectory: join(directory, 'telemetry'),
    settings: defaultSettings(),
  })
})
afterAll(async () => {
  await telemetry.close()
  rmSync(directory, { recursive: true, force: true })
})
beforeEach(async () => {
  nowMs = NOW_MS
  databases += 1
  control = await openControlStore({
    dataDirectory: join(directory, `control-${databases}`),
    url: null,
    clock,
  })
})
afterEach(() => control[Symbol.asyncDispose]())

const threeRows = defineQuery({
  name: 'three-rows',
  params: z.object({ count: z.int() }),
  row: z.object({ n: z.coerce.number() }),
  sql: 'SELECT number AS n FROM numbers({count:UInt32})',
})

function findingOf(n: number): Finding {
  return {
    environment: 'production',
    service: 'harbour',
    operation: `GET /${n}`,
    operationKind: 'server',
    subject: fingerprint('00000000000000aa'),
    severity: 'low',
    title: `number ${n}`,
    description: '',
    confidence: 1,
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanIds: [],
    evidence: {},
    recoverableNsPerHour: durationNs(n + 1),
  }
}

function analyzer(kind: string, judge: (count: number) => readonly Finding[]): Analyzer {
  return defineAnalyzer({
    kind,
    title: kind,
    description: '',
    evidence: threeRows,
    options: z.object({ count: z.int().default(3) }),
    ask: (_, options) => options,
    judge: rows => judge(rows.length),
  })
}

const sound = analyzer('sound', count => Array.from({ length: count }, (_, n) => findingOf(n)))
const broken = analyzer('broken', () => {
  throw new Error('I am broken')
})

function analysisOf(
  analyzers: readonly Analyzer[],
  change: { store?: TelemetryStore; kept?: string[] } = {},
) {
  const settings = defaultSettings()
  return createAnalysis({
    telemetry: change.store ?? telemetry,
    control,
    analyzers,
    settings: {
      analysis: { ...settings.analysis, maxFindingsPerAnalyzer: 2 },
      analyzers: { ...settings.analyzers, enabled: { 'switched-off': false } },
    },
    clock,
    logger: silentLogger,
    ...(change.kept === undefined
      ? {}
      : { keepTraces: async traces => void change.kept?.push(...traces) }),
  })
}

it('judges the newest settled window and turns findings into issues, the heaviest within the limit', async () => {
  const kept: string[] = []
  await using analysis = analysisOf([sound], { kept })
  const report = await analysis.tick()
  expect(report.window).toEqual({
    fromUnixNs: BigInt(Date.UTC(2026, 2, 1, 9, 54, 55)) * 1_000_000n,
    toUnixNs: BigInt(Date.UTC(2026, 2, 1, 9, 59, 55)) * 1_000_000n,
    offline: false,
  })
  expect(report.analyzers).toMatchObject([
    { kind: 'sound', status: 'judged', rows: 3, findings: 2, findingsLeftOut: 1 },
  ])
  expect(report.issues.opened).toHaveLength(2)
  const { rows } = await control.issues.list({ limit: 10, offset: 0 })
  expect(rows.map(issue => issue.title)).toEqual(['number 2', 'number 1'])
  expect(kept).toEqual(['0af7651916cd43dd8448eb211c80319c'])
})

it('makes no second issue when it looks again, and is one tick when asked twice at once', async () => {
  await using analysis = analysisOf([sound])
  await Promise.all([analysis.tick(), analysis.tick()])
  expect(analysis.status().ticks).toBe(1)
  nowMs += 15_000
  expect((await analysis.tick()).issues).toMatchObject({ opened: [] })
  expect((await control.issues.list({ limit: 10, offset: 0 })).total).toBe(2)
})

it('disables an analyzer after repeated faults, says why, and lets its neighbours judge', async () => {
  await using analysis = analysisOf([broken, sound])
  for (let tick = 0; tick < 3; tick++) {
    nowMs += 15_000
    const report = await analysis.tick()
    expect(report.analyzers.map(one => one.status)).toEqual(['failed', 'judged'])
  }
  const report = await analysis.tick()
  expect(report.analyzers[0]).toMatchObject({
    status: 'disabled',
    reason: expect.stringContaining('I am broken'),
  })
  expect(analysis.status().analyzers[0]).toMatchObject({ enabled: false, faults: 3 })
})

it('does not run an analyzer that is switched off in the settings', async () => {
  await using analysis = analysisOf([analyzer('switched-off', () => [findingOf(1)])])
  expect((await analysis.tick()).analyzers).toMatchObject([
    { status: 'disabled', reason: 'switched off in the settings' },
  ])
})

it('counts a finding of a wrong shape as a fault', async () => {
  const wrong = { ...findingOf(1), severity: 'dreadful' as never }
  await using analysis = analysisOf([analyzer('wrong', () => [wrong])])
  expect((await analysis.tick()).analyzers[0]).toMatchObject({ status: 'failed' })
})

it('blames a query that fails on its analyzer, and a store that is away on nobody', async () => {
  const failing: Analyzer = {
    ...sound,
    evidence: { ...threeRows, sql: 'SELECT nothing FROM nowhere' },
  }
  await using analysis = analysisOf([failing])
  await analysis.tick()
  expect(analysis.status().analyzers[0]).toMatchObject({ faults: 1 })

  const away: TelemetryStore = {
    run: async query => {
      if (query.name === 'three-rows') throw new PerfloopError('STORE_UNREACHABLE')
      return []
    },
  }
  await using without = analysisOf([sound], { store: away })
  await without.tick()
  expect(without.status().analyzers[0]).toMatchObject({
    faults: 0,
    reason: expect.stringContaining('did not answer'),
  })
})

const WORKER = `
import { parentPort } from 'node:worker_threads'
parentPort.on('message', ({ kind }) => {
  if (kind === 'endless') for (;;);
  if (kind === 'exits') process.exit(3)
  if (kind === 'throws') throw new Error('not caught')
  parentPort.postMessage({ status: 'judged', findings: [] })
})
parentPort.postMessage({ status: 'judged', findings: [] })`

it('ends the judges’ thread when nothing was judged for a while, and starts another when something is', async () => {
  const file = join(directory, 'judge-in-thread.mjs')
  writeFileSync(
    file,
    `import { parentPort, threadId } from 'node:worker_threads'
    parentPort.on('message', () => parentPort.postMessage({ status: 'failed', reason: 'thread ' + threadId }))
    parentPort.postMessage({ status: 'judged', findings: [] })`,
  )
  await using pool = threadedJudgePool(pathToFileURL(file), { idleMs: 50 })
  const request = {
    kind: 'any',
    rows: [],
    window: { fromUnixNs: 0n, toUnixNs: 1n, offline: false },
    options: {},
  }
  const first = await pool.judge(request, 20_000)
  expect(await pool.judge(request, 20_000)).toEqual(first)
  await vi.waitFor(
    async () => {
      await new Promise(resolve => setTimeout(resolve, 100))
      const later = await pool.judge(request, 20_000)
      expect(later.status).toBe('failed')
      expect(later).not.toEqual(first)
    },
    { timeout: 30_000 },
  )
})

it('stops an analyzer that judges for too long or takes its thread down, and goes on with the next', async () => {
  const file = join(directory, 'judge.mjs')
  writeFileSync(file, WORKER)
  await using pool = threadedJudgePool(pathToFileURL(file))
  const request = {
    rows: [],
    window: { fromUnixNs: 0n, toUnixNs: 1n, offline: false },
    options: {},
  }
  const judged = { status: 'judged', findings: [] }
  for (let again = 0; again < 3; again++) {
    expect(await pool.judge({ ...request, kind: 'sound' }, 2_000)).toEqual(judged)
  }
  for (const [kind, reason] of [
    ['endless', /more than 200 ms/],
    ['exits', /ended with 3/],
    ['throws', /not caught/],
  ] as const) {
    const timeoutMs = kind === 'endless' ? 200 : 2_000
    const [answer, next] = await Promise.all([
      pool.judge({ ...request, kind }, timeoutMs),
      pool.judge({ ...request, kind: 'sound' }, 2_000),
    ])
    expect(answer).toMatchObject({ status: 'failed', reason: expect.stringMatching(reason) })
    expect(next).toEqual(judged)
  }
  expect(await pool.judge({ ...request, kind: 'x', rows: [() => {}] }, 2_000)).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('cannot be sent'),
  })
})
