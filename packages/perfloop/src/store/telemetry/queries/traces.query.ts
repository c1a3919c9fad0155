import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { receivedSince } from './received-since.ts'
import { count64, flag, pageParams, SCOPE, scopeParams, spanKind } from './row-fields.ts'

const searchParams = {
  ...scopeParams,
  operation: z.string().default(''),
  failed: z.enum(['', 'true', 'false']).default(''),
  min_duration_ns: z.number().default(0),
  from_unix_ns: z.bigint(),
  to_unix_ns: z.bigint(),
}

/**
 * Spans are ordered by the minute of their start within a service and partitioned by the hour they came in,
 * which is never long before they happened: both narrow what is read.
 */
const MATCHES = `is_entry = 1
    AND ${SCOPE}
    AND toStartOfMinute(fromUnixTimestamp64Nano(toInt64(start_unix_ns), 'UTC')) >= toStartOfMinute(fromUnixTimestamp64Nano(toInt64({from_unix_ns:UInt64}), 'UTC'))
    AND toStartOfMinute(fromUnixTimestamp64Nano(toInt64(start_unix_ns), 'UTC')) <= toStartOfMinute(fromUnixTimestamp64Nano(toInt64({to_unix_ns:UInt64}), 'UTC'))
    AND start_unix_ns >= {from_unix_ns:UInt64}
    AND start_unix_ns < {to_unix_ns:UInt64}
    AND ${receivedSince('{from_unix_ns:UInt64}')}
    AND ({operation:String} = '' OR operation = {operation:String})
    AND ({failed:String} = '' OR is_failed = ({failed:String} = 'true'))
    AND duration_ns >= {min_duration_ns:UInt64}`

const example = {
  from_unix_ns: 1_700_000_000_000_000_000n,
  to_unix_ns: 1_700_003_600_000_000_000n,
}

const traceRow = {
  trace_id: z.string(),
  start_unix_ns: z.string().transform(text => BigInt(text)),
  duration_ns: count64,
  environment: z.string(),
  service: z.string(),
  operation: z.string(),
  kind: spanKind,
  failed: flag,
  query_count: count64,
}

/**
 * Newest traces by their matching entry spans; `query_count` is of that execution. They are found as one value: a
 * subquery named several times would be computed as often.
 */
export const recentTraces = defineQuery({
  name: 'recent-traces',
  params: z.object({ ...searchParams, ...pageParams }),
  row: z.object(traceRow),
  sql: `
WITH
  (
    SELECT groupArray((trace_id, span_id, start_unix_ns, duration_ns, environment, service, operation, kind, is_failed))
    FROM
    (
      SELECT
        trace_id,
        span_id,
        start_unix_ns,
        duration_ns,
        environment,
        service,
        operation,
        kind,
        is_failed
      FROM spans
      WHERE ${MATCHES}
      ORDER BY
        start_unix_ns DESC,
        trace_id
      LIMIT 1 BY trace_id
      LIMIT {limit:UInt32}
      OFFSET {offset:UInt32}
    )
  ) AS found
SELECT
  lower(hex(execution.1)) AS trace_id,
  execution.3 AS start_unix_ns,
  execution.4 AS duration_ns,
  execution.5 AS environment,
  execution.6 AS service,
  execution.7 AS operation,
  execution.8 AS kind,
  execution.9 AS failed,
  query_count
FROM
(
  SELECT arrayJoin(found) AS execution
) AS newest
LEFT JOIN
(
  SELECT
    trace_id,
    span_id,
    query_count
  FROM measurements
  WHERE start_unix_ns IN (SELECT arrayJoin(found).3)
      AND (trace_id, span_id) IN (SELECT execution.1, execution.2 FROM (SELECT arrayJoin(found) AS execution))
) AS measured ON measured.trace_id = execution.1 AND measured.span_id = execution.2
ORDER BY
  start_unix_ns DESC,
  trace_id`,
  example: { ...example, limit: 20, offset: 0 },
})

/**
 * Slowest traces by their measured executions. Those are many fewer rows than spans; sampling may have
 * dropped the spans of some, so `candidates` more are looked at than are wanted.
 */
export const slowestTraces = defineQuery({
  name: 'slowest-traces',
  params: z.object({ ...searchParams, ...pageParams, candidates: z.int() }),
  row: z.object(traceRow),
  sql: `
WITH
  candidates AS
  (
    SELECT
      trace_id,
      start_unix_ns,
      total_ns,
      environment,
      service,
      operation,
      kind,
      measurements.failed AS is_failed,
      query_count
    FROM measurements
    WHERE ${SCOPE}
        AND start_unix_ns >= {from_unix_ns:UInt64}
        AND start_unix_ns < {to_unix_ns:UInt64}
        AND ({operation:String} = '' OR operation = {operation:String})
        AND ({failed:String} = '' OR measurements.failed = ({failed:String} = 'true'))
        AND total_ns >= {min_duration_ns:UInt64}
    ORDER BY total_ns DESC
    LIMIT {candidates:UInt32}
  )
SELECT
  lower(hex(candidates.trace_id)) AS trace_id,
  start_unix_ns,
  total_ns AS duration_ns,
  environment,
  service,
  operation,
  kind,
  is_failed AS failed,
  query_count
FROM candidates
WHERE candidates.trace_id IN
(
  SELECT trace_id
  FROM spans
  WHERE trace_id IN (SELECT trace_id FROM candidates)
      AND ${receivedSince('{from_unix_ns:UInt64}')}
)
ORDER BY
  total_ns DESC,
  candidates.trace_id
LIMIT 1 BY candidates.trace_id
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}`,
  example: { ...example, limit: 20, offset: 0, candidates: 200 },
})

export const traceCount = defineQuery({
  name: 'trace-count',
  params: z.object(searchParams),
  row: z.object({ total: count64 }),
  sql: `
SELECT
  uniq(trace_id) AS total
FROM spans
WHERE ${MATCHES}`,
  example,
})
