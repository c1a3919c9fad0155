import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { quantileBuckets, RED_QUANTILES } from './latency-sql.ts'
import { IN_RANGE, ON_DAYS_OF_RANGE, RollupRange, rollupRange } from './rollup-range.ts'
import {
  BREAKDOWN_COLUMNS,
  BREAKDOWN_SUMS,
  breakdownRow,
  count64,
  IS_REQUEST,
  pageParams,
  redRow,
  SCOPE,
  SINGLE_OPERATIONS,
  scopeParams,
  spanKind,
} from './row-fields.ts'

const KEY = ['environment', 'service', 'operation', 'kind'] as const
/** One operation when its name is given, else all in scope. */
const WHERE = `${SINGLE_OPERATIONS} AND ${SCOPE} AND ({operation:String} = '' OR operation = {operation:String})`

/**
 * Operations of a range with RED, breakdown and exemplars, sorted, searched and cut to a page. An operation
 * is an entry when it serves requests or messages, or when executions of it were measured (jobs). Where only
 * entries are wanted, hardly anything else is read, since histograms are most of the table: what was measured on a day
 * of the range may be an entry, and whether it was one within the range is known after the join.
 */
export const operations = defineQuery({
  name: 'operations',
  params: RollupRange.extend({
    ...scopeParams,
    ...pageParams,
    operation: z.string().default(''),
    kind: z.string().describe('A span kind, entry or all'),
    search: z.string().default(''),
    sort: z.enum(['total_time', 'p95', 'calls', 'errors', 'query_count']).default('total_time'),
  }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: spanKind,
    ...redRow,
    ...breakdownRow,
    slowest_trace: z.string(),
    failed_trace: z.string(),
    entry_duration_ns: z.number(),
    total: count64,
  }),
  sql: `
SELECT
  *,
  count() OVER () AS total
FROM
(
  SELECT
    environment,
    service,
    operation,
    kind,
    calls,
    errors,
    duration_ns,
    max_ns,${RED_QUANTILES},
    slowest_trace,
    failed_trace,
    ${BREAKDOWN_COLUMNS.join(',\n    ')},
    (${IS_REQUEST} OR executions > 0) AS is_entry,
    sumIf(duration_ns, is_entry) OVER () AS entry_duration_ns
  FROM
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      sum(calls) AS calls,
      sum(errors) AS errors,
      sum(duration_ns) AS duration_ns,
      toFloat64(max(max_ns)) AS max_ns,
      ${quantileBuckets('histogram')} AS buckets,
      lower(hex(max(slowest).2)) AS slowest_trace,
      lower(hex(max(failed).2)) AS failed_trace
    FROM operations
    WHERE ${WHERE}
        AND ${IN_RANGE}
        AND ({kind:String} != 'entry' OR ${IS_REQUEST} OR (${KEY.join(', ')}) IN
        (
          SELECT
            ${KEY.join(',\n            ')}
          FROM breakdowns
          WHERE ${WHERE}
              AND NOT ${IS_REQUEST}
              AND ${ON_DAYS_OF_RANGE}
        ))
    GROUP BY
      ${KEY.join(',\n      ')}
  ) AS red
  LEFT JOIN
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      ${BREAKDOWN_SUMS}
    FROM breakdowns
    WHERE ${WHERE}
        AND ${IN_RANGE}
    GROUP BY
      ${KEY.join(',\n      ')}
  ) AS measured USING (environment, service, operation, kind)
)
WHERE ({kind:String} = 'all' OR {kind:String} = 'entry' AND is_entry OR toString(kind) = {kind:String})
    AND ({search:String} = '' OR positionCaseInsensitiveUTF8(operation, {search:String}) > 0)
ORDER BY
  multiIf(
    {sort:String} = 'p95', assumeNotNull(p95_ns),
    {sort:String} = 'calls', calls,
    {sort:String} = 'errors', errors,
    {sort:String} = 'query_count', query_count / greatest(executions, 1),
    duration_ns) DESC,
  ${KEY.join(',\n  ')}
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}`,
  example: {
    ...rollupRange(1_700_000_000_000, 1_700_003_600_000),
    kind: 'entry',
    limit: 20,
    offset: 0,
  },
})

/** The first minute an operation was seen in, as far back as rollups go. */
export const operationFirstSeen = defineQuery({
  name: 'operation-first-seen',
  params: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: z.string(),
  }),
  row: z.object({ minute_s: count64, day_s: count64 }),
  sql: `
SELECT
  toUInt32(minIf(bucket, step_s = 60)) AS minute_s,
  toUInt32(minIf(bucket, step_s = 86400)) AS day_s
FROM operations
WHERE step_s IN (60, 86400)
    AND ${SINGLE_OPERATIONS}
    AND environment = {environment:String}
    AND service = {service:String}
    AND operation = {operation:String}
    AND toString(kind) = {kind:String}`,
  example: {
    environment: 'production',
    service: 'shop',
    operation: 'GET /orders/:id',
    kind: 'server',
  },
})
