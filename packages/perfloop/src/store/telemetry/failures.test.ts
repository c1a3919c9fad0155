import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SPAN_KINDS, SPAN_STATUSES, type SpanKind, type SpanStatus } from '../../domain/span.ts'
import { hasFailed } from '../../ingest/enrich/has-failed.ts'
import { createMeasurementJob, type MeasurementJob } from './jobs/measure-settled-traces.ts'
import { serviceReds } from './queries/overview.query.ts'
import { rollupRange } from './queries/rollup-range.ts'
import { recentTraces } from './queries/traces.query.ts'
import { openScratchStore, type ScratchStore } from './scratch-store.ts'
import { insertSpans, type SpanFixture } from './span-fixture.ts'

const START_MS = Date.UTC(2026, 10, 16)
let scratch: ScratchStore
let measurement: MeasurementJob
let spans = 0
/** Each test's spans come in after those of the one before: what was measured is not measured again. */
let receivedMs = START_MS

beforeAll(async () => {
  scratch = await openScratchStore({ nowUnixMs: START_MS })
  measurement = createMeasurementJob(scratch.store)
})
afterAll(() => scratch?.[Symbol.asyncDispose]())

/** A span of this kind, status and code, of a service of its own. */
function span(kind: SpanKind, status: SpanStatus, statusCode: number): SpanFixture {
  spans += 1
  return {
    service: `service ${spans}`,
    kind,
    status,
    statusCode,
    traceId: String(spans).padStart(32, '0'),
    spanId: String(spans).padStart(16, '0'),
    startUnixMs: START_MS,
    receivedUnixMs: receivedMs,
  }
}

describe('a request', () => {
  it.each([
    ['that was answered 404, as its client asked', 'unset', 404, false],
    ['that a framework calls failed for its client’s fault', 'error', 422, false],
    ['that was answered 503, whoever forgot to say so', 'unset', 503, true],
    ['that was answered 500', 'error', 500, true],
    ['that was answered, and then failed', 'error', 200, true],
    ['that somebody declared to be well', 'ok', 500, false],
    ['that failed in a protocol without HTTP', 'error', 13, true],
  ] as const)('%s counts the same everywhere', async (_, status, code, isFailed) => {
    receivedMs += 60_000
    const one = span('server', status, code)
    const service = one.service ?? ''
    await insertSpans(scratch.store.engine, [one])
    scratch.setNow(receivedMs + 60_000)
    const scope = { environment: 'production', service }
    const reds = await scratch.store.run(serviceReds, {
      ...rollupRange(START_MS, START_MS + 60_000),
      ...scope,
    })
    expect(reds.map(red => red.is_total).sort()).toEqual([false, true])
    for (const red of reds) expect(red).toMatchObject({ calls: 1, errors: isFailed ? 1 : 0 })

    await measurement.run()
    const measured = await scratch.store.engine.query(
      'SELECT failed FROM measurements WHERE service = {service:String}',
      { service },
    )
    expect(measured).toEqual([{ failed: isFailed ? 1 : 0 }])

    const range = { from_unix_ns: BigInt(START_MS) * 1_000_000n, limit: 5, offset: 0 }
    const to_unix_ns = BigInt(START_MS + 60_000) * 1_000_000n
    const failed = isFailed ? 'true' : 'false'
    const traces = await scratch.store.run(recentTraces, { ...range, ...scope, to_unix_ns, failed })
    expect(traces).toMatchObject([{ failed: isFailed }])
  })

  it('fails by the same rule while it is received and when it is stored', async () => {
    const codes = [0, 13, 200, 399, 400, 404, 499, 500, 599, 600]
    const every = SPAN_KINDS.flatMap(kind =>
      SPAN_STATUSES.flatMap(status => codes.map(code => span(kind, status, code))),
    )
    await insertSpans(scratch.store.engine, every)
    const stored = await scratch.store.engine.query(
      'SELECT toString(kind) AS kind, toString(status) AS status, status_code AS code, is_failed FROM spans',
      {},
    )
    for (const row of stored as {
      kind: SpanKind
      status: SpanStatus
      code: number
      is_failed: boolean
    }[]) {
      const { kind, status, code } = row
      const received = hasFailed(SPAN_KINDS.indexOf(kind), SPAN_STATUSES.indexOf(status), code)
      expect(row.is_failed, `${kind} ${status} ${code}`).toBe(received)
    }
  })

  it('that its client got a failure for is one of the client, also of 4xx', () => {
    const [unset, ok, error] = [0, 1, 2]
    const client = SPAN_KINDS.indexOf('client')
    expect(hasFailed(client, unset, 404)).toBe(true)
    expect(hasFailed(client, error, 404)).toBe(true)
    expect(hasFailed(client, ok, 404)).toBe(false)
    expect(hasFailed(client, unset, 302)).toBe(false)
  })
})
