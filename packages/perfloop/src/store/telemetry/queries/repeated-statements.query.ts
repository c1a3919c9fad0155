import { z } from 'zod'
import { durationNs } from '../../../domain/duration.ts'
import { fingerprint } from '../../../domain/fingerprint.ts'
import { defineQuery } from '../query.ts'
import { ENTRY_CALLS, evidenceWindow, PATTERN_TEXTS } from './entry-calls.ts'
import { count64, spanKind } from './row-fields.ts'

const Neighbour = z
  .tuple([z.string(), count64, z.string(), count64.nullable(), z.string(), z.string(), z.string()])
  .transform(([statement, calls, firstStartUnixNs, rows, spanId, summary, text]) => ({
    statement: fingerprint(statement),
    calls,
    firstStartUnixNs: BigInt(firstStartUnixNs),
    /** Rows that all its calls returned together; null where not told. */
    rows,
    spanId,
    summary,
    text,
  }))

/**
 * Statements that one execution of an entry operation issued several times: one row per (operation,
 * statement), what it costs most first, with the execution that repeated it most as the exemplar and all
 * statements of that execution beside it, since one of them returned the rows that were looped over.
 */
export const repeatedStatements = defineQuery({
  name: 'repeated-statements',
  params: z.object({
    ...evidenceWindow,
    min_calls: z.int(),
    max_span_ids: z.int(),
    max_neighbours: z.int(),
    max_rows: z.int(),
  }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: spanKind,
    statement: z.string().transform(fingerprint),
    text: z.string(),
    summary: z.string(),
    verb: z.string(),
    dialect: z.string(),
    /** Executions that repeated it, weighted. */
    executions: z.number(),
    /** The same, as seen: what sampling left. */
    seen_executions: count64,
    calls_median: z.number(),
    calls_max: count64,
    calls_total: z.number(),
    /** Smallest share of calls whose parameters differ, over the executions' median. */
    distinct_ratio: z.number(),
    parameters_known: z.number(),
    /** Wall time with one of the repeated calls running, all executions, weighted. */
    busy_ns: z.number().transform(durationNs),
    /** The part of it that would go if each execution's calls became one. */
    spareable_ns: z.number().transform(durationNs),
    mean_call_ns: z.number().transform(durationNs),
    code_location: z.string(),
    trace_id: z.string(),
    entry_span_id: z.string(),
    exemplar_calls: count64,
    exemplar_first_start_unix_ns: z.string().transform(BigInt),
    exemplar_busy_ns: z.number().transform(durationNs),
    exemplar_parallel: z.number(),
    span_ids: z.array(z.string()),
    neighbours: z.array(Neighbour),
  }),
  sql: `
WITH${ENTRY_CALLS},
  per_execution AS
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      trace_id,
      entry_span_id,
      statement,
      any(c.weight) AS weight,
      count() AS calls,
      uniqExactIf(c.parameters, c.parameters != 0) + countIf(c.parameters = 0) AS distinct_calls,
      countIf(c.parameters != 0) / count() AS known_ratio,
      toFloat64(intervalLengthSum(c.start_unix_ns, c.start_unix_ns + c.duration_ns)) AS busy_ns,
      toFloat64(sum(c.duration_ns)) AS duration_ns,
      min(c.start_unix_ns) AS first_start_unix_ns,
      if(count(c.row_count) = count(), sum(c.row_count), NULL) AS rows,
      argMin(c.span_id, c.start_unix_ns) AS first_span_id,
      arraySlice(arrayMap(s -> s.2, arraySort(groupArray((c.start_unix_ns, c.span_id)))), 1, {max_span_ids:UInt32}) AS span_ids,
      anyLastIf(c.code_location, c.code_location != '') AS code_location
    FROM entry_calls AS c
    GROUP BY
      environment,
      service,
      operation,
      kind,
      trace_id,
      entry_span_id,
      statement
  ),
  repeated AS
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      statement,
      sum(e.weight) AS executions,
      count() AS seen_executions,
      toFloat64(quantileExact(0.5)(e.calls)) AS calls_median,
      max(e.calls) AS calls_max,
      sum(e.weight * e.calls) AS calls_total,
      quantileExact(0.5)(e.distinct_calls / e.calls) AS distinct_ratio,
      avg(e.known_ratio) AS parameters_known,
      sum(e.weight * e.busy_ns) AS busy_ns,
      sum(e.weight * e.busy_ns * (1 - 1 / e.calls)) AS spareable_ns,
      sum(e.weight * e.duration_ns) / sum(e.weight * e.calls) AS mean_call_ns,
      anyLastIf(e.code_location, e.code_location != '') AS code_location,
      argMax(
        (e.trace_id, e.entry_span_id, e.calls, e.first_start_unix_ns, e.busy_ns, e.duration_ns, e.span_ids),
        (e.calls, e.first_start_unix_ns)
      ) AS exemplar
    FROM per_execution AS e
    WHERE e.calls >= {min_calls:UInt32}
    GROUP BY
      environment,
      service,
      operation,
      kind,
      statement
    ORDER BY spareable_ns DESC
    LIMIT {max_rows:UInt32}
  ),
  around AS
  (
    SELECT
      trace_id,
      entry_span_id,
      arraySlice(arraySort(n -> n.3, groupArray((
        e.statement, calls, toString(first_start_unix_ns), rows, lower(hex(first_span_id)), pattern.summary, pattern.text
      ))), 1, {max_neighbours:UInt32}) AS neighbours
    FROM per_execution AS e
    LEFT JOIN ${PATTERN_TEXTS} AS pattern ON e.statement = pattern.statement
    WHERE (trace_id, entry_span_id) IN (SELECT exemplar.1, exemplar.2 FROM repeated)
    GROUP BY
      trace_id,
      entry_span_id
  )
SELECT
  repeated.environment AS environment,
  repeated.service AS service,
  repeated.operation AS operation,
  repeated.kind AS kind,
  repeated.statement AS statement,
  pattern.text AS text,
  pattern.summary AS summary,
  pattern.verb AS verb,
  pattern.dialect AS dialect,
  executions,
  seen_executions,
  calls_median,
  calls_max,
  calls_total,
  distinct_ratio,
  parameters_known,
  busy_ns,
  spareable_ns,
  mean_call_ns,
  code_location,
  lower(hex(exemplar.1)) AS trace_id,
  lower(hex(exemplar.2)) AS entry_span_id,
  exemplar.3 AS exemplar_calls,
  toString(exemplar.4) AS exemplar_first_start_unix_ns,
  exemplar.5 AS exemplar_busy_ns,
  exemplar.6 / greatest(1, exemplar.5) AS exemplar_parallel,
  arrayMap(s -> lower(hex(s)), exemplar.7) AS span_ids,
  around.neighbours AS neighbours
FROM repeated
LEFT JOIN ${PATTERN_TEXTS} AS pattern ON repeated.statement = pattern.statement
LEFT JOIN around ON exemplar.1 = around.trace_id AND exemplar.2 = around.entry_span_id
ORDER BY spareable_ns DESC`,
  example: {
    from_s: 1_700_000_000,
    to_s: 1_700_000_300,
    max_spans: 1_000_000,
    min_calls: 6,
    max_span_ids: 20,
    max_neighbours: 200,
    max_rows: 1_000,
  },
})
