import { z } from 'zod'
import { durationNs } from '../../../domain/duration.ts'
import { POOL_SCOPE } from '../../../domain/runtime-metric.ts'
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
    /** Requests from which an operation counts in `service_operations`. */
    min_executions: z.int(),
    block_ns: z.bigint(),
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
    /** Wall time in which a connection of a pool was waited for, and nothing else was under way. */
    slow_wait_ns: ns,
    slow_self_ns: ns,
    slow_queries: z.number(),
    /** Executions as seen, and those above the limit, of each block of time. */
    blocks: z
      .tuple([z.array(z.unknown()), z.array(count64), z.array(count64)])
      .transform(([, all, slow]) =>
        all.map((trials, at) => ({ trials, successes: slow[at] ?? 0 })),
      ),
    /** Operations of the service that requests were made to, slow or not. */
    service_operations: count64,
    /** What half of those operations take at most in half of their executions. */
    service_p50_ns: z.coerce.number().transform(durationNs),
    /** Requests to all operations of the service as seen, and those above the limit. */
    service_executions: count64,
    service_slow_executions: count64,
    trace_id: z.string(),
    span_id: z.string(),
    /** What that execution spent most of its time on, of each category it has: `db`, `render`, `external`. */
    heaviest: z.array(z.tuple([z.string(), z.string()])),
  }),
  sql: `
WITH all_costs AS
(
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
  sumIf(m.weight * m.wait_ns, slow) AS slow_wait_ns,
  sumIf(m.weight * (m.self_ns - m.wait_ns), slow) AS slow_self_ns,
  sumIf(m.weight * m.query_count, slow) AS slow_queries,
  sumMap([intDiv(m.start_unix_ns, {block_ns:UInt64})], [toUInt64(1)], [toUInt64(slow)]) AS blocks,
  argMax((m.trace_id, m.span_id), m.total_ns) AS exemplar
FROM
(
  SELECT
    *,
    self_ns,
    least(self_ns, waited_ns) AS wait_ns,
    toUInt64(greatest(1, round(weight))) AS units,
    ${LIMIT} AS limit_ns,
    total_ns > limit_ns AS slow
  FROM measurements
  LEFT JOIN
  (
    SELECT
      environment,
      service,
      trace_id,
      toUInt64(intervalLengthSum(start_unix_ns, start_unix_ns + duration_ns)) AS waited_ns
    FROM spans
    WHERE ${RECEIVED_IN_WINDOW}
      AND spans.shape IN (SELECT shape FROM shapes WHERE scope_name = '${POOL_SCOPE}')
    GROUP BY
      environment,
      service,
      trace_id
  ) AS waits USING (environment, service, trace_id)
  WHERE ${RECEIVED_IN_WINDOW}
    -- A socket lasts as long as both ends want it to.
    AND status_code != 101
) AS m
GROUP BY
  environment,
  service,
  operation,
  kind
),
-- Of each operation the one that \`costs\` names too, and nothing else of it: this is read for each place it stands in.
exemplar_traces AS
(
SELECT argMax(trace_id, total_ns)
FROM measurements
WHERE ${RECEIVED_IN_WINDOW}
  AND status_code != 101
  AND total_ns > ${LIMIT}
GROUP BY
  environment,
  service,
  operation,
  kind
ORDER BY sum(weight * (total_ns - ${LIMIT})) DESC
LIMIT {max_rows:UInt32}
),
costs AS
(
SELECT *
FROM
(
  SELECT
    *,
    countIf(kind = 'server' AND seen_executions >= {min_executions:UInt32}) OVER (PARTITION BY environment, service) AS service_operations,
    quantileExactIf(0.5)(p50_ns, kind = 'server' AND seen_executions >= {min_executions:UInt32}) OVER (PARTITION BY environment, service) AS service_p50_ns,
    sumIf(seen_executions, kind = 'server') OVER (PARTITION BY environment, service) AS service_executions,
    sumIf(seen_slow_executions, kind = 'server') OVER (PARTITION BY environment, service) AS service_slow_executions
  FROM all_costs
)
WHERE excess_ns > 0
ORDER BY excess_ns DESC
LIMIT {max_rows:UInt32}
)
SELECT
  costs.* EXCEPT exemplar,
  lower(hex(exemplar.1)) AS trace_id,
  lower(hex(exemplar.2)) AS span_id,
  heaviest
FROM costs
LEFT JOIN
(
  SELECT
    (trace_id, entry_span_id) AS exemplar,
    groupArray((category, name)) AS heaviest
  FROM
  (
    SELECT
      trace_id,
      entry_span_id,
      toString(category) AS category,
      argMax(operation, spent_ns) AS name
    FROM
    (
      SELECT
        trace_id,
        entry_span_id,
        spans.category AS category,
        toString(operation) AS operation,
        sum(duration_ns) AS spent_ns
      FROM spans
      WHERE ${RECEIVED_IN_WINDOW}
        AND spans.category != 'other'
        AND is_entry = 0
        AND is_repeated_layer = 0
        AND trace_id IN exemplar_traces
        -- What a client library does within a call of its own is the same call.
        AND (
          spans.category != 'external'
          OR (trace_id, parent_span_id) NOT IN (
            SELECT
              trace_id,
              span_id
            FROM spans
            WHERE ${RECEIVED_IN_WINDOW}
              AND spans.category = 'external'
              AND trace_id IN exemplar_traces
          )
        )
      GROUP BY
        trace_id,
        entry_span_id,
        category,
        operation
    )
    GROUP BY
      trace_id,
      entry_span_id,
      category
  )
  GROUP BY exemplar
) AS within USING (exemplar)
ORDER BY excess_ns DESC`,
  example: {
    from_s: 1_700_000_000,
    to_s: 1_700_000_300,
    request_limit_ns: 500_000_000n,
    message_limit_ns: 5_000_000_000n,
    job_limit_ns: 60_000_000_000n,
    min_executions: 20,
    block_ns: 10_000_000_000n,
    max_rows: 1_000,
  },
})
