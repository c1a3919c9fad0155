import { z } from 'zod'
import { durationNs } from '../../../domain/duration.ts'
import { defineQuery } from '../query.ts'
import { ENTRY_EXTERNAL_CALLS, evidenceWindow } from './entry-calls.ts'
import { count64, spanKind } from './row-fields.ts'

/** Spans of the exemplar that a row names: the first ones. */
const MOST_SPAN_IDS = 20

/**
 * No answer, or one that says that it may be another next time: RFC 9110, sections 15.5.9 and 15.6, RFC 8470 (425), RFC
 * 6585 (429). A 404 is an answer. Of gRPC: cancelled, unknown, deadline, exhausted, aborted, internal, unavailable.
 */
const MAY_BE_TRIED_AGAIN = `(c.status_code >= 500 OR c.status_code IN (0, 408, 425, 429, 1, 2, 4, 8, 10, 13, 14))`

const ns = z.number().transform(durationNs)

/**
 * Calls to other services that one execution of an entry operation made several times: one row per (operation, call),
 * what costs most first, with the execution that repeated it most as the exemplar.
 */
export const repeatedCalls = defineQuery({
  name: 'repeated-calls',
  params: z.object({ ...evidenceWindow, min_calls: z.int(), max_rows: z.int() }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: spanKind,
    /** Method, host and path template of what is called. */
    call: z.string(),
    /** Executions that repeated it, weighted. */
    executions: z.number(),
    seen_executions: count64,
    calls_median: z.number(),
    calls_max: count64,
    calls_total: z.number(),
    /** Those of which another try may turn out otherwise. */
    failed_total: z.number(),
    /** Wall time with one of the calls running, all executions, weighted. */
    busy_ns: ns,
    /** The part of it beyond that of one call: what side by side or all at once would spare. */
    spareable_ns: ns,
    mean_call_ns: ns,
    /** From the beginning of the first call to the end of the last, all executions, weighted. */
    loop_ns: ns,
    code_location: z.string(),
    trace_id: z.string(),
    exemplar_calls: count64,
    span_ids: z.array(z.string()),
  }),
  sql: `
WITH${ENTRY_EXTERNAL_CALLS},
  per_call AS
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      trace_id,
      entry_span_id,
      c.call AS call,
      any(c.weight) AS weight,
      count() AS calls,
      countIf(c.is_failed AND ${MAY_BE_TRIED_AGAIN}) AS failed,
      toFloat64(intervalLengthSum(c.start_unix_ns, c.start_unix_ns + c.duration_ns)) AS busy_ns,
      toFloat64(sum(c.duration_ns)) AS duration_ns,
      toFloat64(max(c.start_unix_ns + c.duration_ns) - min(c.start_unix_ns)) AS loop_ns,
      min(c.start_unix_ns) AS first_start_unix_ns,
      arrayMap(s -> s.2, arraySort(groupArraySorted(${MOST_SPAN_IDS})((c.start_unix_ns, c.span_id)))) AS span_ids,
      anyLastIf(c.code_location, c.code_location != '') AS code_location
    FROM entry_calls AS c
    GROUP BY
      environment,
      service,
      operation,
      kind,
      trace_id,
      entry_span_id,
      c.call
    HAVING calls >= {min_calls:UInt32}
  )
SELECT
  environment,
  service,
  operation,
  kind,
  call,
  sum(p.weight) AS executions,
  count() AS seen_executions,
  toFloat64(quantileExact(0.5)(p.calls)) AS calls_median,
  max(p.calls) AS calls_max,
  sum(p.weight * p.calls) AS calls_total,
  sum(p.weight * p.failed) AS failed_total,
  sum(p.weight * p.busy_ns) AS busy_ns,
  sum(p.weight * greatest(0, p.busy_ns - p.duration_ns / p.calls)) AS spareable_ns,
  sum(p.weight * p.duration_ns) / sum(p.weight * p.calls) AS mean_call_ns,
  sum(p.weight * p.loop_ns) AS loop_ns,
  anyLastIf(p.code_location, p.code_location != '') AS code_location,
  lower(hex(argMax(p.trace_id, (p.calls, p.first_start_unix_ns)))) AS trace_id,
  max(p.calls) AS exemplar_calls,
  arrayMap(s -> lower(hex(s)), argMax(p.span_ids, (p.calls, p.first_start_unix_ns))) AS span_ids
FROM per_call AS p
GROUP BY
  environment,
  service,
  operation,
  kind,
  call
ORDER BY spareable_ns DESC
LIMIT {max_rows:UInt32}`,
  example: {
    from_s: 1_700_000_000,
    to_s: 1_700_000_300,
    max_spans: 1_000_000,
    min_calls: 4,
    max_rows: 1_000,
  },
})
