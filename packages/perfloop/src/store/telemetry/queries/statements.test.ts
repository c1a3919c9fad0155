import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openScratchStore, type ScratchStore } from '../scratch-store.ts'
import { insertSpans } from '../span-fixture.ts'
import { operationStatements, statementCallers } from './statements.query.ts'
import { recentTraces } from './traces.query.ts'

const NOW_MS = Date.UTC(2026, 4, 1, 9)
const MINUTE_MS = 60_000
const STATEMENT = '00000000000000aa'
let scratch: ScratchStore
let requests = 0

beforeAll(async () => {
  scratch = await openScratchStore({ nowUnixMs: NOW_MS })
})
afterAll(() => scratch?.[Symbol.asyncDispose]())

/** A request with one statement that began so long after it. */
async function request(
  service: string,
  startUnixMs: number,
  receivedUnixMs: number,
  statementAfterMs = 1,
): Promise<void> {
  requests += 1
  const trace = { service, traceId: String(requests).padStart(32, '0'), receivedUnixMs }
  const spanId = 'cd'.repeat(8)
  await insertSpans(scratch.store.engine, [
    { ...trace, spanId, startUnixMs },
    {
      ...trace,
      spanId: 'ef'.repeat(8),
      parentSpanId: spanId,
      entrySpanId: spanId,
      isEntry: false,
      category: 'db',
      statement: STATEMENT,
      startUnixMs: startUnixMs + statementAfterMs,
      durationMs: 3,
    },
  ])
  await scratch.store.engine.execute(
    `INSERT INTO measurements (environment, service, operation, kind, start_unix_ns, trace_id, span_id, total_ns, weight, received_at)
     VALUES ('production', {service:String}, 'GET /orders/:id', 'server', {start:UInt64}, unhex({trace:String}), unhex({span:String}), 20000000, 1, toDateTime({received:UInt32}, 'UTC'))`,
    {
      service,
      start: BigInt(startUnixMs) * 1_000_000n,
      trace: trace.traceId,
      span: spanId,
      received: receivedUnixMs / 1_000,
    },
  )
}

async function statementsFound(service: string, startUnixMs: number): Promise<number> {
  const range = {
    environment: 'production',
    service,
    from_unix_ns: BigInt(startUnixMs - MINUTE_MS) * 1_000_000n,
    to_unix_ns: BigInt(startUnixMs + MINUTE_MS) * 1_000_000n,
  }
  const operation = { operation: 'GET /orders/:id', kind: 'server', executions: 10 }
  const rows = await scratch.store.run(operationStatements, { ...range, ...operation })
  const callers = await scratch.store.run(statementCallers, {
    ...range,
    statement: STATEMENT,
    calls: 10,
  })
  const found = await scratch.store.run(recentTraces, { ...range, limit: 10, offset: 0 })
  expect(callers).toHaveLength(rows.length)
  expect(found).toHaveLength(1)
  return rows.reduce((sum, { calls }) => sum + calls, 0)
}

describe('the statements of an operation', () => {
  it.each([
    ['ahead of our clock by as much as the settings can allow', -60 * MINUTE_MS],
    ['in time', 1_000],
    ['days late', 3 * 24 * 60 * MINUTE_MS],
  ])('are found when they came in %s', async (service, receivedAfterMs) => {
    const startUnixMs = NOW_MS - 10 * MINUTE_MS
    await request(service, startUnixMs, startUnixMs + receivedAfterMs)
    expect(await statementsFound(service, startUnixMs)).toBe(1)
  })

  it.each([-1_000, 65_000])('are found when they began %i ms after it', async afterMs => {
    const startUnixMs = NOW_MS
    await request(`by ${afterMs}`, startUnixMs, startUnixMs + MINUTE_MS, afterMs)
    const rows = await scratch.store.run(operationStatements, {
      environment: 'production',
      service: `by ${afterMs}`,
      operation: 'GET /orders/:id',
      kind: 'server',
      from_unix_ns: BigInt(startUnixMs) * 1_000_000n,
      to_unix_ns: BigInt(startUnixMs + MINUTE_MS) * 1_000_000n,
      executions: 10,
    })
    expect(rows).toHaveLength(1)
  })
})
