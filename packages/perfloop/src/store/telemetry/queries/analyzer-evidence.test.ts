import { afterAll, beforeAll, expect, it } from 'vitest'
import { openScratchStore, type ScratchStore } from '../scratch-store.ts'
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
