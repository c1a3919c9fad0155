import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAnalysis } from '../../packages/perfloop/src/analysis/analysis.ts'
import {
  BUILT_IN_ANALYZERS,
  builtInJudgeWorker,
} from '../../packages/perfloop/src/analyzers/built-in.ts'
import { STORIES, tell } from '../../packages/perfloop/src/analyzers/scenario/stories.ts'
import {
  createTelemetry,
  STYLES,
  type Telemetry,
} from '../../packages/perfloop/src/analyzers/scenario/telemetry.ts'
import { silentLogger } from '../../packages/perfloop/src/domain/logger.ts'
import { createIngestBuffer } from '../../packages/perfloop/src/ingest/columns/create-ingest-buffer.ts'
import { fingerprintStatement } from '../../packages/perfloop/src/ingest/fingerprint/fingerprint-statement.ts'
import { defaultSettings } from '../../packages/perfloop/src/settings/settings.ts'
import { openControlStore } from '../../packages/perfloop/src/store/control/open-control-store.ts'
import { createMeasurementJob } from '../../packages/perfloop/src/store/telemetry/jobs/measure-settled-traces.ts'
import {
  type OpenTelemetryStore,
  openTelemetryStore,
} from '../../packages/perfloop/src/store/telemetry/open-telemetry-store.ts'
import type { PlanFact } from '../../packages/perfloop/src/store/telemetry/target-facts.ts'

const directory = mkdtempSync(join(tmpdir(), 'perfloop-live-window-'))
const settings = defaultSettings()
let nowMs = Date.UTC(2026, 2, 1, 10)
const clock = { nowUnixMs: () => nowMs }
let store: OpenTelemetryStore
let loads = 0
let stories = 0

beforeAll(async () => {
  store = await openTelemetryStore({ dataDirectory: join(directory, 'data'), settings, clock })
})
afterAll(async () => {
  await store.close()
  rmSync(directory, { recursive: true, force: true })
})

/** As if it had just been received; a batch a request or `batches` of it, cut wherever an exporter cuts. */
async function receive(telemetry: Telemetry, batches = 1): Promise<void> {
  const buffer = createIngestBuffer({
    settings: settings.ingest,
    measurementDays: settings.retention.measurementDays,
    parameterKey: randomBytes(16),
    clock,
  })
  for (const body of cut(telemetry.toRequest(), batches)) {
    buffer.add('traces', 'json', Buffer.from(JSON.stringify(body)), { receivedUnixMs: nowMs })
  }
  for (const block of buffer.take(Math.floor(nowMs / 1_000))) {
    loads += 1
    const file = join(directory, `${loads}.native`)
    writeFileSync(file, block.bytes)
    const { table, columns } = block
    await store.engine.insertNative({ table, file, columns, deduplicationToken: String(loads) })
  }
}

/** The same spans in several requests, children before their parents as exporters send them. */
function cut(request: object, batches: number): readonly object[] {
  const [resourceSpans] = Reflect.get(request, 'resourceSpans')
  const [scopeSpans] = resourceSpans.scopeSpans
  const spans = scopeSpans.spans.toReversed()
  const size = Math.ceil(spans.length / batches)
  return Array.from({ length: batches }, (_, index) => ({
    resourceSpans: [
      {
        ...resourceSpans,
        scopeSpans: [{ ...scopeSpans, spans: spans.slice(index * size, (index + 1) * size) }],
      },
    ],
  }))
}

function story(name: RegExp, service: string, healthy = false): Telemetry {
  const found = STORIES.find(one => name.test(one.name))
  if (found === undefined) throw new Error(`no story ${name}`)
  const telemetry = createTelemetry({
    seed: ++stories,
    service,
    style: STYLES.sqlalchemy,
    startUnixMs: nowMs - 60_000,
  })
  if (healthy) found.tellHealthy(telemetry)
  else found.tell(telemetry)
  return telemetry
}

it('goes through the life of an issue on real telemetry: found, gone, back', async () => {
  await using control = await openControlStore({
    dataDirectory: join(directory, 'control'),
    url: null,
    clock,
  })
  await using analysis = createAnalysis({
    telemetry: store,
    control,
    analyzers: BUILT_IN_ANALYZERS,
    settings,
    clock,
    logger: silentLogger,
    judgeWorker: builtInJudgeWorker(),
  })
  const measurements = createMeasurementJob(store)
  const pass = async (minutes: number) => {
    nowMs += minutes * 60_000
    await measurements.run()
    const report = await analysis.tick()
    expect(report.analyzers.map(one => one.reason ?? 'fine')).toEqual(
      BUILT_IN_ANALYZERS.map(() => 'fine'),
    )
    return report.issues
  }

  const few = createTelemetry({ seed: 1, service: 'ferry', startUnixMs: nowMs - 5_000 })
  for (let request = 0; request < 3; request++) {
    few.request('GET /crossings', inside => {
      for (let row = 0; row < 30; row++) inside.query(`SELECT * FROM decks WHERE id = {${row}}`)
    })
  }
  await receive(few)
  expect((await pass(1)).opened).toEqual([])

  await receive(story(/^one query per row$/, 'harbour'), 4)
  await receive(story(/requests that fail/, 'booking'))
  expect((await pass(1)).opened).toHaveLength(2)
  const { rows } = await control.issues.list({ sort: 'severity', limit: 10, offset: 0 })
  expect(rows.map(({ kind, service }) => ({ kind, service })).toSorted(byService)).toEqual([
    { kind: 'error-rate', service: 'booking' },
    { kind: 'n-plus-one', service: 'harbour' },
  ])
  const id = rows.find(issue => issue.service === 'harbour')?.id ?? ''
  expect(await control.issues.get(id)).toMatchObject({
    operation: 'GET /vessels',
    evidence: { pattern: '1 + 25', executions: 30 },
  })

  nowMs += 12 * 60_000
  await receive(story(/^one query per row$/, 'harbour', true))
  expect((await pass(1)).resolved).toEqual([id])

  nowMs += 12 * 60_000
  await receive(story(/^one query per row$/, 'harbour'))
  expect((await pass(1)).reopened).toEqual([id])
  expect((await control.ledger.of('issue', id)).map(entry => entry.to)).toEqual([
    'open',
    'resolved',
    'reopened',
  ])
})

function byService(a: { service: string }, b: { service: string }): number {
  return a.service < b.service ? -1 : 1
}

it('counts a head-sampled trace for as many as it stands for', async () => {
  nowMs += 60 * 60_000
  const telemetry = story(/^one query per row$/, 'sampled')
  const request = telemetry.toRequest()
  const [resourceSpans] = Reflect.get(request, 'resourceSpans')
  // `th:c` keeps a quarter of all traces.
  for (const span of resourceSpans.scopeSpans[0].spans) span.traceState = 'ot=th:c'
  await receive({ ...telemetry, toRequest: () => request })
  await using control = await openControlStore({
    dataDirectory: join(directory, 'control-sampled'),
    url: null,
    clock,
  })
  await using analysis = createAnalysis({
    telemetry: store,
    control,
    analyzers: BUILT_IN_ANALYZERS,
    settings,
    clock,
    logger: silentLogger,
  })
  nowMs += 60_000
  await createMeasurementJob(store).run()
  await analysis.tick()
  const [issue] = (await control.issues.list({ service: 'sampled', limit: 5, offset: 0 })).rows
  expect(issue).toMatchObject({ kind: 'n-plus-one', evidence: { executions: 120, calls: 3_000 } })
})

it('stays silent on every healthy twin', async () => {
  nowMs += 60 * 60_000
  for (const [index, one] of STORIES.entries()) {
    await receive(
      tell(one, { seed: index, style: STYLES.expressPg, healthy: true, service: `twin-${index}` }),
    )
  }
  await using control = await openControlStore({
    dataDirectory: join(directory, 'control-twins'),
    url: null,
    clock,
  })
  await using analysis = createAnalysis({
    telemetry: store,
    control,
    analyzers: BUILT_IN_ANALYZERS,
    settings,
    clock,
    logger: silentLogger,
  })
  nowMs += 60_000
  await createMeasurementJob(store).run()
  await analysis.tick()
  expect(
    (await control.issues.list({ limit: 5, offset: 0 })).rows.map(({ title }) => title),
  ).toEqual([])
})

it('finds the index that a plan of a target lacks, and hands its candidates on', async () => {
  nowMs += 60 * 60_000
  await receive(story(/one slow statement/, 'planned'))
  const { fingerprint } = fingerprintStatement(
    "SELECT * FROM dues WHERE remark LIKE '%x'",
    'sqlite',
  )
  const plan: PlanFact = {
    fact: 'plan',
    subject: fingerprint,
    dialect: 'sqlite',
    text: 'SELECT * FROM dues WHERE remark LIKE ?',
    plan: { node: 'SCAN', table: 'dues', children: [] },
    words: ['reads all of dues'],
    fullScans: [
      { table: 'dues', tableRows: 90_000, estimatedRowsOut: 40, filter: 'remark LIKE ?' },
    ],
    sorts: [],
    candidates: [
      {
        table: 'dues',
        columns: [{ name: 'remark', descending: false }],
        predicate: null,
        reason: 'It is filtered by.',
      },
    ],
  }
  await store.engine.execute(
    `INSERT INTO target_facts (environment, target, fact, subject, document, collected_at)
     VALUES ('production', 'main', 'plan', {subject:String}, {document:String}, toDateTime64({at:Float64}, 3, 'UTC'))`,
    { subject: fingerprint, document: JSON.stringify(plan), at: nowMs / 1_000 },
  )
  await using control = await openControlStore({
    dataDirectory: join(directory, 'control-planned'),
    url: null,
    clock,
  })
  await using analysis = createAnalysis({
    telemetry: store,
    control,
    analyzers: BUILT_IN_ANALYZERS,
    settings,
    clock,
    logger: silentLogger,
  })
  nowMs += 60_000
  await createMeasurementJob(store).run()
  await analysis.tick()
  const { rows } = await control.issues.list({ kind: 'missing-index', limit: 5, offset: 0 })
  expect(rows).toMatchObject([
    {
      service: 'planned',
      operation: 'GET /reports/dues',
      statement: fingerprint,
      evidence: { target: 'main', table: 'dues', columns: ['remark'], candidates: plan.candidates },
    },
  ])
})
