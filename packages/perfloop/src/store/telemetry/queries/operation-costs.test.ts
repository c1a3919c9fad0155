import { expect, it } from 'vitest'
import { NS_PER_MS } from '../../../domain/duration.ts'
import { POOL_SCOPE } from '../../../domain/runtime-metric.ts'
import { createMeasurementJob } from '../jobs/measure-settled-traces.ts'
import { openScratchStore } from '../scratch-store.ts'
import { insertSpans } from '../span-fixture.ts'
import { operationCosts } from './operation-costs.query.ts'

const START_MS = Date.UTC(2026, 10, 21, 12)
const ENTRY = '00000000000000e1'
const WAIT_SHAPE = '00000000000000a1'

it('tells waits for a connection from the application’s own code, and two at once only once', async () => {
  await using scratch = await openScratchStore({ nowUnixMs: START_MS })
  const { store } = scratch
  const inRequest = (spanId: string, fromMs: number, toMs: number) => ({
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId,
    entrySpanId: ENTRY,
    isEntry: spanId === ENTRY,
    startUnixMs: START_MS + fromMs,
    durationMs: toMs - fromMs,
    receivedUnixMs: START_MS + 1_000,
  })
  await store.engine.execute(
    `INSERT INTO shapes (shape, scope_name) VALUES ('${WAIT_SHAPE}', '${POOL_SCOPE}')`,
  )
  await insertSpans(store.engine, [
    inRequest(ENTRY, 0, 1_000),
    { ...inRequest('00000000000000b1', 0, 500), shape: WAIT_SHAPE },
    { ...inRequest('00000000000000b2', 100, 600), shape: WAIT_SHAPE },
    { ...inRequest('00000000000000b3', 600, 800), category: 'db', statement: 'ab' },
  ])
  scratch.setNow(START_MS + 600_000)
  await createMeasurementJob(store).run()

  const rows = await store.run(operationCosts, {
    from_s: START_MS / 1_000,
    to_s: START_MS / 1_000 + 60,
    request_limit_ns: 500_000_000n,
    message_limit_ns: 500_000_000n,
    job_limit_ns: 500_000_000n,
    min_executions: 1,
    block_ns: 10_000_000_000n,
    max_rows: 10,
  })
  const inMs = (ns: number) => ns / NS_PER_MS
  expect(
    rows.map(row =>
      [row.slow_total_ns, row.slow_db_ns, row.slow_wait_ns, row.slow_self_ns].map(inMs),
    ),
  ).toEqual([[1_000, 200, 600, 200]])
})
