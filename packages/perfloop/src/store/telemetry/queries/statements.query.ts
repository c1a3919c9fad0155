import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { quantileBuckets, RED_QUANTILES } from './latency-sql.ts'
import { receivedSince } from './received-since.ts'
import { IN_RANGE, RollupRange, rollupRange } from './rollup-range.ts'
import { count64, pageParams, redRow, SCOPE, scopeParams, spanKind } from './row-fields.ts'

const patternRow = {
  statement: z.string(),
  text: z.string(),
  summary: z.string(),
  dialect: z.string(),
  /** All it came in: services with equal statements may have different databases. */
  dialects: z.array(z.string()),
  verb: z.string(),
  models: z.array(z.string()),
}

/** The newest text of each pattern: `patterns` may hold several rows of one until they are merged. */
const PATTERNS = `
  SELECT
    statement,
    argMax(text, last_seen) AS text,
    argMax(summary, last_seen) AS summary,
    argMax(dialect, last_seen) AS dialect,
    groupUniqArray(patterns.dialect) AS dialects,
    argMax(verb, last_seen) AS verb,
    argMax(models, last_seen) AS models
  FROM patterns`

/** Statement patterns of a range with RED and an exemplar; `statement` narrows to one. */
export const statements = defineQuery({
  name: 'statements',
  params: RollupRange.extend({
    ...scopeParams,
    ...pageParams,
    statement: z.string().default(''),
    search: z.string().default(''),
    sort: z.enum(['total_time', 'p95', 'calls']).default('total_time'),
  }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    ...patternRow,
    ...redRow,
    code_location: z.string(),
    exemplar_trace: z.string(),
    total: count64,
  }),
  sql: `
SELECT
  environment,
  service,
  statement,
  text,
  summary,
  dialect,
  dialects,
  verb,
  models,
  calls,
  errors,
  duration_ns,
  max_ns,${RED_QUANTILES},
  code_location,
  exemplar_trace,
  count() OVER () AS total
FROM
(
  SELECT
    environment,
    service,
    statement,
    sum(calls) AS calls,
    sum(errors) AS errors,
    sum(duration_ns) AS duration_ns,
    toFloat64(max(max_ns)) AS max_ns,
    ${quantileBuckets('histogram')} AS buckets,
    max(code_location) AS code_location,
    lower(hex(max(slowest).2)) AS exemplar_trace
  FROM statements
  WHERE ${SCOPE} AND ({statement:String} = '' OR statement = {statement:String})
      AND ${IN_RANGE}
  GROUP BY
    environment,
    service,
    statement
) AS red
LEFT JOIN
(${PATTERNS}
  WHERE {statement:String} = '' OR statement = {statement:String}
  GROUP BY statement
) AS pattern USING statement
WHERE {search:String} = '' OR positionCaseInsensitiveUTF8(text, {search:String}) > 0
ORDER BY
  multiIf(
    {sort:String} = 'p95', assumeNotNull(p95_ns),
    {sort:String} = 'calls', calls,
    duration_ns) DESC,
  environment,
  service,
  statement
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}`,
  example: { ...rollupRange(1_700_000_000_000, 1_700_003_600_000), limit: 20, offset: 0 },
})

/** Patterns by fingerprint, for traces and names. */
export const patternsByFingerprint = defineQuery({
  name: 'patterns-by-fingerprint',
  params: z.object({ statements: z.array(z.string()) }),
  row: z.object(patternRow),
  sql: `
SELECT *
FROM
(${PATTERNS}
  WHERE statement IN {statements:Array(String)}
  GROUP BY statement
)`,
  example: { statements: ['0123456789abcdef'] },
})

/**
 * Statements under one entry operation, from its newest `executions` measured executions. Rollups know
 * statements by service only; which operation issued them is told by the spans, so this is a sample, and
 * the caller scales it to all executions. The spans are found by the minutes and traces of the executions,
 * which is how they are ordered on disk, and a minute more: clocks differ, and some work goes on after the answer. They are found as one value: a subquery named several times would be computed
 * as often.
 */
export const operationStatements = defineQuery({
  name: 'operation-statements',
  params: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: z.string(),
    from_unix_ns: z.bigint(),
    to_unix_ns: z.bigint(),
    executions: z.int(),
  }),
  row: z.object({
    ...patternRow,
    calls: z.number(),
    errors: z.number(),
    duration_ns: z.number(),
    max_ns: z.number(),
    p50_ns: z.number(),
    p95_ns: z.number(),
    p99_ns: z.number(),
    executions: z.number(),
    code_location: z.string(),
    exemplar_trace: z.string(),
  }),
  sql: `
WITH
  (
    SELECT groupArray((trace_id, span_id, weight, start_unix_ns, start_unix_ns + total_ns))
    FROM
    (
      SELECT
        trace_id,
        span_id,
        weight,
        start_unix_ns,
        total_ns
      FROM measurements
      WHERE environment = {environment:String}
          AND service = {service:String}
          AND operation = {operation:String}
          AND kind = {kind:String}
          AND start_unix_ns >= {from_unix_ns:UInt64}
          AND start_unix_ns < {to_unix_ns:UInt64}
          AND ${receivedSince('{from_unix_ns:UInt64}')}
      ORDER BY start_unix_ns DESC
      LIMIT {executions:UInt32}
    )
  ) AS executed
SELECT
  called.*,
  text,
  summary,
  dialect,
  dialects,
  verb,
  models,
  arraySum(executed.3) AS executions
FROM
(
  SELECT
    statement,
    sum(weight) AS calls,
    sumIf(weight, status = 'error') AS errors,
    sum(duration_ns * weight) AS duration_ns,
    toFloat64(max(spans.duration_ns)) AS max_ns,
    quantileExact(0.5)(toFloat64(spans.duration_ns)) AS p50_ns,
    quantileExact(0.95)(toFloat64(spans.duration_ns)) AS p95_ns,
    quantileExact(0.99)(toFloat64(spans.duration_ns)) AS p99_ns,
    max(code_location) AS code_location,
    lower(hex(argMax(trace_id, spans.duration_ns))) AS exemplar_trace
  FROM spans
  WHERE environment = {environment:String}
      AND service = {service:String}
      AND toStartOfMinute(fromUnixTimestamp64Nano(toInt64(start_unix_ns), 'UTC')) >= toStartOfMinute(fromUnixTimestamp64Nano(toInt64(arrayMin(executed.4)), 'UTC')) - INTERVAL 1 MINUTE
      AND toStartOfMinute(fromUnixTimestamp64Nano(toInt64(start_unix_ns), 'UTC')) <= toStartOfMinute(fromUnixTimestamp64Nano(toInt64(arrayMax(executed.5)), 'UTC')) + INTERVAL 1 MINUTE
      AND statement != ''
      AND is_repeated_layer = 0
      AND ${receivedSince('arrayMin(executed.4)')}
      AND trace_id IN (SELECT arrayJoin(executed.1))
      AND (trace_id, entry_span_id) IN (SELECT execution.1, execution.2 FROM (SELECT arrayJoin(executed) AS execution))
  GROUP BY statement
) AS called
LEFT JOIN
(${PATTERNS}
  GROUP BY statement
) AS pattern USING statement
ORDER BY duration_ns DESC`,
  example: {
    environment: 'production',
    service: 'shop',
    operation: 'GET /orders/:id',
    kind: 'server',
    from_unix_ns: 1_700_000_000_000_000_000n,
    to_unix_ns: 1_700_003_600_000_000_000n,
    executions: 200,
  },
})

/**
 * Entry operations that issued a statement, from its newest `calls` spans. `called` is computed each time it is named:
 * so what is known of all of them is summed over the groups, those without a known entry included.
 */
export const statementCallers = defineQuery({
  name: 'statement-callers',
  params: z.object({
    statement: z.string(),
    ...scopeParams,
    from_unix_ns: z.bigint(),
    to_unix_ns: z.bigint(),
    calls: z.int(),
  }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: spanKind,
    calls: z.number(),
    total_ns: z.number(),
    seen: z.number(),
    sampled: count64,
  }),
  sql: `
WITH
  called AS
  (
    SELECT
      trace_id,
      entry_span_id,
      weight,
      duration_ns,
      start_unix_ns
    FROM spans
    WHERE ${SCOPE}
        AND toStartOfMinute(fromUnixTimestamp64Nano(toInt64(start_unix_ns), 'UTC')) >= toStartOfMinute(fromUnixTimestamp64Nano(toInt64({from_unix_ns:UInt64}), 'UTC'))
        AND start_unix_ns >= {from_unix_ns:UInt64}
        AND start_unix_ns < {to_unix_ns:UInt64}
        AND ${receivedSince('{from_unix_ns:UInt64}')}
        AND statement = {statement:String}
        AND is_repeated_layer = 0
    ORDER BY start_unix_ns DESC
    LIMIT {calls:UInt32}
  )
SELECT *
FROM
(
  SELECT
    environment,
    service,
    operation,
    kind,
    sum(called.weight) AS calls,
    sum(called.weight * called.duration_ns) AS total_ns,
    sum(sum(called.weight)) OVER () AS seen,
    sum(count()) OVER () AS sampled
  FROM called
  LEFT JOIN
  (
    SELECT
      trace_id,
      span_id,
      environment,
      service,
      operation,
      kind
    FROM measurements
    WHERE ${SCOPE}
        AND (trace_id, span_id) IN (SELECT trace_id, entry_span_id FROM called)
  ) AS entry ON entry.trace_id = called.trace_id AND entry.span_id = called.entry_span_id
  GROUP BY
    environment,
    service,
    operation,
    kind
)
WHERE operation != ''
ORDER BY total_ns DESC
LIMIT 50`,
  example: {
    statement: '0123456789abcdef',
    from_unix_ns: 1_700_000_000_000_000_000n,
    to_unix_ns: 1_700_003_600_000_000_000n,
    calls: 2_000,
  },
})
