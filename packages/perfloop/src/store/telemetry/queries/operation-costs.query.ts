import { z } from 'zod'
import { durationNs } from '../../../domain/duration.ts'
import { defineQuery } from '../query.ts'
import { RECEIVED_IN_WINDOW } from './entry-calls.ts'
import { count64, spanKind } from './row-fields.ts'

const ns = z.number().transform(durationNs)
const LIMIT = `multiIf(
      kind = 'server', {request_limit_ns:UInt64},
      kind = 'consumer', {message_limit_ns:UInt64},
      {job_limit_ns:UInt64}
    )`

/** Entry operations of a window with executions over their limit, and what those executions spent their time on. */
export const operationCosts = defineQuery({
  name: 'operation-costs',
  params: z.object({
    from_s: z.int(),
    to_s: z.int(),
    request_limit_ns: z.bigint(),
    message_limit_ns: z.bigint(),
    job_limit_ns: z.bigint(),
    max_rows: z.int(),
  }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: spanKind,
    executions: z.number(),
    seen_executions: count64,
    /** Time of all executions. */
    all_ns: ns,
    p50_ns: z.coerce.number().transform(durationNs),
    p95_ns: z.coerce.number().transform(durationNs),
    max_ns: z.coerce.number().transform(durationNs),
    /** Time above the limit, all executions. */
    excess_ns: ns,
    /** Executions above the limit; what follows is about them. */
    slow_executions: z.number(),
    seen_slow_executions: count64,
    slow_total_ns: ns,
    slow_db_ns: ns,
    slow_render_ns: ns,
    slow_external_ns: ns,
    slow_self_ns: ns,
    slow_queries: z.number(),
    trace_id: z.string(),
    span_id: z.string(),
  }),
  sql: `
SELECT
  environment,
  service,
  operation,
  kind,
  sum(m.weight) AS executions,
  count() AS seen_executions,
  toFloat64(sum(m.weight * m.total_ns)) AS all_ns,
  quantileExactWeighted(0.5)(m.total_ns, units) AS p50_ns,
  quantileExactWeighted(0.95)(m.total_ns, units) AS p95_ns,
  max(m.total_ns) AS max_ns,
  toFloat64(sumIf(m.weight * (m.total_ns - limit_ns), slow)) AS excess_ns,
  sumIf(m.weight, slow) AS slow_executions,
  countIf(slow) AS seen_slow_executions,
  sumIf(m.weight * m.total_ns, slow) AS slow_total_ns,
  sumIf(m.weight * m.db_ns, slow) AS slow_db_ns,
  sumIf(m.weight * m.render_ns, slow) AS slow_render_ns,
  sumIf(m.weight * m.external_ns, slow) AS slow_external_ns,
  sumIf(m.weight * m.self_ns, slow) AS slow_self_ns,
  sumIf(m.weight * m.query_count, slow) AS slow_queries,
  lower(hex(argMax(m.trace_id, m.total_ns))) AS trace_id,
  lower(hex(argMax(m.span_id, m.total_ns))) AS span_id
FROM
(
  SELECT
    *,
    self_ns,
    toUInt64(greatest(1, round(weight))) AS units,
    ${LIMIT} AS limit_ns,
    total_ns > limit_ns AS slow
  FROM measurements
  WHERE ${RECEIVED_IN_WINDOW}
    -- A socket lasts as long as both ends want it to.
    AND status_code != 101
) AS m
GROUP BY
  environment,
  service,
  operation,
  kind
HAVING excess_ns > 0
ORDER BY excess_ns DESC
LIMIT {max_rows:UInt32}`,
  example: {
    from_s: 1_700_000_000,
    to_s: 1_700_000_300,
    request_limit_ns: 500_000_000n,
    message_limit_ns: 5_000_000_000n,
    job_limit_ns: 60_000_000_000n,
    max_rows: 1_000,
  },
})
