import { afterAll, beforeAll, expect, it } from 'vitest'
import { openScratchStore, type ScratchStore } from '../scratch-store.ts'
import { insertSpans, type SpanFixture } from '../span-fixture.ts'
import { calledOperations } from './called-operations.query.ts'
import { operationCosts } from './operation-costs.query.ts'
import { repeatedCalls } from './repeated-calls.query.ts'
import { repeatedReads } from './repeated-reads.query.ts'

const NOW_S = Date.UTC(2026, 4, 1, 9) / 1_000
const STATEMENT = '00000000000000aa'
let scratch: ScratchStore

beforeAll(async () => {
  scratch = await openScratchStore({ nowUnixMs: NOW_S * 1_000 })
  const { execute } = scratch.store.engine
  const run = (sql: string) => execute.call(scratch.store.engine, sql, {})
  // A request each second.
  const requests = `SELECT unhex(leftPad(hex(number), 32, '0')) AS trace,
      (${NOW_S} - 120 + number) * 1000000000 AS starts, 10000000 AS takes
    FROM numbers(120)`
  await run(`INSERT INTO spans (environment, service, operation, kind, is_entry, trace_id, ids, start_unix_ns, duration_ns, weight, received_at, retention_days)
    SELECT 'production', 'shop', 'GET /basket', 'server', 1, trace, concat('requests', '\\0\\0\\0\\0\\0\\0\\0\\0', 'requests'), starts, takes,
      1, toDateTime(intDiv(starts, 1000000000), 'UTC'), 7
    FROM (${requests})`)
  // Eight wares are read in each request, the same in all.
  await run(`INSERT INTO spans (environment, service, operation, kind, category, trace_id, ids, start_unix_ns, duration_ns, statement, parameters, weight, received_at, retention_days)
    SELECT 'production', 'shop', 'SELECT wares', 'client', 'db', trace, concat('read ', toString(100 + ware), 'requests', 'requests'), starts + ware, 1000000,
      '${STATEMENT}', 100 + ware, 1, toDateTime(intDiv(starts, 1000000000), 'UTC'), 7
    FROM (${requests}) ARRAY JOIN range(8) AS ware`)
})
afterAll(() => scratch?.[Symbol.asyncDispose]())

const window = { from_s: NOW_S - 300, to_s: NOW_S + 1, max_rows: 10 }

it('counts a request once, however many different things it reads', async () => {
  const rows = await scratch.store.run(repeatedReads, {
    ...window,
    max_spans: 1_000_000,
    kept_ns: 10_000_000_000n,
  })
  expect(rows).toMatchObject([
    { operation: 'GET /basket', seen_calls: 960, executions: 120, distinct_parameters: 8 },
  ])
  expect(rows[0]?.repeated_ratio).toBeCloseTo(0.9)
})

const later = { from_s: NOW_S + 1_000, to_s: NOW_S + 1_300, max_rows: 100 }
let ids = 1_000
const id = (digits: number) => String(++ids).padStart(digits, '0')

/** One request with what happens within it, one after the other. */
function request(service: string, inside: readonly Partial<SpanFixture>[]): SpanFixture[] {
  const traceId = id(32)
  const entry = {
    service,
    traceId,
    spanId: id(16),
    startUnixMs: later.from_s * 1_000 + 1_000,
    durationMs: 900,
  }
  const within = inside.map((change, at) => ({
    service,
    traceId,
    spanId: id(16),
    parentSpanId: entry.spanId,
    entrySpanId: entry.spanId,
    isEntry: false,
    startUnixMs: entry.startUnixMs + 1 + at * 20,
    durationMs: 10,
    ...change,
  }))
  return [entry, ...within]
}

async function measured(spans: readonly SpanFixture[]): Promise<void> {
  await insertSpans(scratch.store.engine, spans)
  for (const entry of spans.filter(({ isEntry }) => isEntry !== false)) {
    await scratch.store.engine.execute(
      `INSERT INTO measurements (environment, service, operation, kind, start_unix_ns, trace_id, span_id, total_ns, weight, received_at)
       VALUES ('production', {service:String}, 'GET /orders/:id', 'server', {start:UInt64}, unhex({trace:String}), unhex({span:String}), 900000000, 1, toDateTime({received:UInt32}, 'UTC'))`,
      {
        service: entry.service ?? '',
        start: BigInt(entry.startUnixMs) * 1_000_000n,
        trace: entry.traceId,
        span: entry.spanId,
        received: later.from_s + 2,
      },
    )
  }
}

async function pattern(statement: string, text: string, model: string, seenAgoS: number) {
  await scratch.store.engine.execute(
    `INSERT INTO patterns (statement, dialect, text, summary, verb, models, last_seen)
     VALUES ({statement:String}, 'postgresql', {text:String}, '', {verb:String}, [{model:String}], toDateTime({seen:UInt32}, 'UTC'))`,
    {
      statement,
      text,
      verb: text.split(' ')[0] ?? '',
      model,
      seen: later.from_s - seenAgoS,
    },
  )
}

it('knows tables that were written to within the hour, whether or not the spans of it were kept', async () => {
  const models = ['piers', 'cranes', 'crews', 'ships']
  const written = [
    ['INSERT INTO piers (id) VALUES (?)', 'piers', 1_800],
    ['WITH done AS (UPDATE cranes SET busy = ? RETURNING id) SELECT id FROM done', 'cranes', 1_800],
    ['INSERT INTO crews (id) VALUES (?)', 'crews', 20_000],
    ['SELECT last_update FROM ships', 'ships', 0],
  ] as const
  for (const [at, [text, model, ago]] of written.entries()) {
    await pattern(`00000000000000b${at}`, text, model, ago)
  }
  for (const [at, model] of models.entries()) {
    const statement = `00000000000000c${at}`
    await pattern(statement, `SELECT count(*) FROM ${model}`, model, 0)
    await insertSpans(
      scratch.store.engine,
      request('readers', [{ category: 'db', statement, parameters: 1 }]),
    )
  }
  const rows = await scratch.store.run(repeatedReads, {
    ...later,
    max_spans: 100_000,
    kept_ns: 10_000_000_000n,
  })
  const found = rows.filter(({ service }) => service === 'readers').flatMap(row => row.written)
  expect(found.toSorted()).toEqual(['cranes', 'piers'])
})

it('takes a call for failed where another try may turn out otherwise', async () => {
  const calling = (operation: string, status: number) =>
    Array.from({ length: 4 }, () => ({
      operation,
      kind: 'client' as const,
      category: 'external' as const,
      status: 'error' as const,
      statusCode: status,
    }))
  await insertSpans(
    scratch.store.engine,
    request(
      'caller',
      [404, 503, 429, 0].flatMap(status => calling(`GET tides.example/${status}`, status)),
    ),
  )
  const rows = await scratch.store.run(repeatedCalls, {
    ...later,
    max_spans: 100_000,
    min_calls: 4,
  })
  const failed = rows.map(({ call, failed_total }) => [call, failed_total])
  expect(Object.fromEntries(failed)).toEqual({
    'GET tides.example/0': 4,
    'GET tides.example/404': 0,
    'GET tides.example/429': 4,
    'GET tides.example/503': 4,
  })
})

it('names what a slow request waits for once, and counts the requests of its service', async () => {
  const outer = id(16)
  const external = { kind: 'client' as const, category: 'external' as const }
  await measured(
    request('waiting', [
      { ...external, operation: 'GET tides.example/today', durationMs: 400, spanId: outer },
      { ...external, operation: 'connect', durationMs: 450, parentSpanId: outer },
      { category: 'db', operation: 'SELECT piers', durationMs: 20 },
      { category: 'db', operation: 'Pier.findMany', durationMs: 30, isRepeatedLayer: true },
    ]),
  )
  const [cost] = await scratch.store.run(operationCosts, {
    ...operationCosts.example,
    ...later,
    request_limit_ns: 500_000_000n,
    message_limit_ns: 500_000_000n,
    job_limit_ns: 500_000_000n,
    min_executions: 1,
    block_ns: 10_000_000_000n,
  })
  expect(Object.fromEntries(cost?.heaviest ?? [])).toEqual({
    external: 'GET tides.example/today',
    db: 'SELECT piers',
  })
  const called = await scratch.store.run(calledOperations, { ...later })
  expect(
    called.map(({ operation, seen_executions }) => [operation, seen_executions]).toSorted(),
  ).toEqual([
    ['', 1],
    ['GET /orders/:id', 1],
  ])
})
