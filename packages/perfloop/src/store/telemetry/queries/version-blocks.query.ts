import { z } from 'zod'
import { durationNs } from '../../../domain/duration.ts'
import { defineQuery } from '../query.ts'
import { RECEIVED_IN_WINDOW } from './entry-calls.ts'
import { count64, spanKind } from './row-fields.ts'

/** What a process said of itself so long before is still true of it: resources are named again from time to time. */
const NAMED_WITHIN_S = 86_400

const ns = z.number().transform(durationNs)

/**
 * How long requests and messages took under each version of their service, in blocks of time: one row per (operation,
 * version). Only of services that had more than one version; of all others nothing is read.
 */
export const versionBlocks = defineQuery({
  name: 'version-blocks',
  params: z.object({ from_s: z.int(), to_s: z.int(), block_s: z.int(), max_rows: z.int() }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: spanKind,
    version: z.string(),
    /** Of its first and last execution, Unix seconds. */
    first_s: z.number(),
    last_s: z.number(),
    calls: z.number(),
    mean_ns: ns,
    db_ns: ns,
    render_ns: ns,
    external_ns: ns,
    query_count: z.number(),
    /** In order of time. */
    blocks: z.array(
      z
        .tuple([z.number(), count64, z.number(), z.number()])
        .transform(([startS, calls, p50Ns, p95Ns]) => ({ startS, calls, p50Ns, p95Ns })),
    ),
    /** An execution that took about as long as half of them do. */
    trace_id: z.string(),
    span_id: z.string(),
  }),
  sql: `
WITH
  named AS
  (
    SELECT
      resource,
      argMax(environment, last_seen) AS environment,
      argMax(service, last_seen) AS service,
      argMax(JSONExtractString(attributes['service.version']), last_seen) AS version
    FROM resources
    WHERE last_seen >= toDateTime(toInt64({from_s:UInt32}) - ${NAMED_WITHIN_S})
    GROUP BY resource
  ),
  released AS
  (
    SELECT
      resource,
      version
    FROM named
    WHERE version != ''
      AND (environment, service) IN (
        SELECT environment, service
        FROM named
        WHERE version != ''
        GROUP BY environment, service
        HAVING uniqExact(version) > 1)
  ),
  executions AS
  (
    SELECT
      m.environment AS environment,
      m.service AS service,
      m.operation AS operation,
      m.kind AS kind,
      entry.version AS version,
      m.start_unix_ns AS start_unix_ns,
      intDiv(m.start_unix_ns, 1000000000 * {block_s:UInt32}) * {block_s:UInt32} AS block_s,
      m.total_ns AS total_ns,
      m.db_ns AS db_ns,
      m.render_ns AS render_ns,
      m.external_ns AS external_ns,
      m.query_count AS query_count,
      m.weight AS weight,
      m.trace_id AS trace_id,
      m.span_id AS span_id
    FROM
    (
      SELECT *
      FROM measurements
      WHERE ${RECEIVED_IN_WINDOW}
        AND kind IN ('server', 'consumer')
        AND failed = 0
        AND status_code != 101
        AND (environment, service) IN (SELECT environment, service FROM named WHERE resource IN (SELECT resource FROM released))
    ) AS m
    INNER JOIN
    (
      SELECT
        trace_id,
        span_id,
        version
      FROM spans
      INNER JOIN released USING (resource)
      WHERE ${RECEIVED_IN_WINDOW}
        AND is_entry = 1
        AND resource IN (SELECT resource FROM released)
    ) AS entry USING (trace_id, span_id)
  )
SELECT
  environment,
  service,
  operation,
  toString(kind) AS kind,
  version,
  min(b.first_s) AS first_s,
  max(b.last_s) AS last_s,
  sum(b.weights) AS calls,
  sum(b.total) / calls AS mean_ns,
  sum(b.db) / calls AS db_ns,
  sum(b.render) / calls AS render_ns,
  sum(b.external) / calls AS external_ns,
  sum(b.queries) / calls AS query_count,
  arraySort(groupArray((toFloat64(b.block_s), b.seen, b.p50_ns, b.p95_ns))) AS blocks,
  lower(hex(argMax(b.exemplar.1, b.block_s))) AS trace_id,
  lower(hex(argMax(b.exemplar.2, b.block_s))) AS span_id
FROM
(
  SELECT
    environment,
    service,
    operation,
    kind,
    version,
    e.block_s AS block_s,
    toFloat64(min(e.start_unix_ns)) / 1e9 AS first_s,
    toFloat64(max(e.start_unix_ns)) / 1e9 AS last_s,
    count() AS seen,
    toFloat64(quantileExact(0.5)(e.total_ns)) AS p50_ns,
    toFloat64(quantileExact(0.95)(e.total_ns)) AS p95_ns,
    sum(e.weight) AS weights,
    sum(e.weight * e.total_ns) AS total,
    sum(e.weight * e.db_ns) AS db,
    sum(e.weight * e.render_ns) AS render,
    sum(e.weight * e.external_ns) AS external,
    sum(e.weight * e.query_count) AS queries,
    -- Not the slowest: that would be an outlier.
    arraySort(one -> one.3, groupArray(64)((e.trace_id, e.span_id, e.total_ns))) AS some,
    some[intDiv(length(some) + 1, 2)] AS exemplar
  FROM executions AS e
  GROUP BY
    environment,
    service,
    operation,
    kind,
    version,
    e.block_s
) AS b
GROUP BY
  environment,
  service,
  operation,
  kind,
  version
ORDER BY calls DESC
LIMIT {max_rows:UInt32}`,
  example: { from_s: 1_700_000_000, to_s: 1_700_003_600, block_s: 10, max_rows: 1_000 },
})
