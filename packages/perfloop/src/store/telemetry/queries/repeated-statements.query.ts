import { z } from 'zod'
import { durationNs } from '../../../domain/duration.ts'
import { fingerprint } from '../../../domain/fingerprint.ts'
import { defineQuery } from '../query.ts'
import { ENTRY_CALLS, evidenceWindow, PATTERN_TEXTS } from './entry-calls.ts'
import { count64, spanKind } from './row-fields.ts'

/** Spans of the exemplar that a row names: the first ones. */
const MOST_SPAN_IDS = 20

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
    /** Than which a quarter of the calls of an execution are shorter, at the median: a busy machine lengthens some. */
    short_call_ns: z.number().transform(durationNs),
    /** From the beginning of the first repeated call to the end of the last, all executions, weighted. */
    loop_ns: z.number().transform(durationNs),
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
  // Read once from top to bottom: calls → what each statement did in each execution → executions that repeat
  // something, with all their statements → statements that are repeated. A table expression that is named
  // twice is computed twice, so none is.
  sql: `
WITH${ENTRY_CALLS},
  per_statement AS
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      trace_id,
      entry_span_id,
      c.statement AS statement,
      any(c.weight) AS weight,
      count() AS calls,
      uniqExactIf(c.parameters, c.parameters != 0) + countIf(c.parameters = 0) AS distinct_calls,
      countIf(c.parameters != 0) / count() AS known_ratio,
      toFloat64(intervalLengthSum(c.start_unix_ns, c.start_unix_ns + c.duration_ns)) AS busy_ns,
      toFloat64(sum(c.duration_ns)) AS duration_ns,
      toFloat64(quantileExact(0.25)(c.duration_ns)) AS short_call_ns,
      toFloat64(max(c.start_unix_ns + c.duration_ns) - min(c.start_unix_ns)) AS loop_ns,
      min(c.start_unix_ns) AS first_start_unix_ns,
      if(count(c.row_count) = count(), sum(c.row_count), NULL) AS rows,
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
      c.statement
  ),
  executions AS
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      trace_id,
      entry_span_id,
      any(s.weight) AS weight,
      groupArrayIf(
        (s.statement, s.calls, s.distinct_calls, s.known_ratio, s.busy_ns, s.duration_ns, s.first_start_unix_ns, s.span_ids, s.code_location, s.loop_ns, s.short_call_ns),
        s.calls >= {min_calls:UInt32}
      ) AS repeated,
      groupArray({max_neighbours:UInt32})((s.statement, s.calls, s.first_start_unix_ns, s.rows, s.span_ids[1])) AS around
    FROM per_statement AS s
    GROUP BY
      environment,
      service,
      operation,
      kind,
      trace_id,
      entry_span_id
    HAVING notEmpty(repeated)
  ),
  repetitions AS
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      r.1 AS statement,
      sum(weight) AS executions,
      count() AS seen_executions,
      toFloat64(quantileExact(0.5)(r.2)) AS calls_median,
      max(r.2) AS calls_max,
      sum(weight * r.2) AS calls_total,
      quantileExact(0.5)(r.3 / r.2) AS distinct_ratio,
      avg(r.4) AS parameters_known,
      sum(weight * r.5) AS busy_ns,
      sum(weight * r.5 * (1 - 1 / r.2)) AS spareable_ns,
      sum(weight * r.6) / sum(weight * r.2) AS mean_call_ns,
      toFloat64(quantileExact(0.5)(r.11)) AS short_call_ns,
      sum(weight * r.10) AS loop_ns,
      anyLastIf(r.9, r.9 != '') AS code_location,
      argMax((trace_id, entry_span_id, r.2, r.7, r.5, r.6, r.8, around), (r.2, r.7)) AS exemplar
    FROM executions
    ARRAY JOIN repeated AS r
    GROUP BY
      environment,
      service,
      operation,
      kind,
      statement
    ORDER BY spareable_ns DESC
    LIMIT {max_rows:UInt32}
  ),
  texts AS ${PATTERN_TEXTS}
SELECT
  environment,
  service,
  operation,
  kind,
  q.statement AS statement,
  any(text.text) AS text,
  any(text.summary) AS summary,
  any(text.verb) AS verb,
  any(text.dialect) AS dialect,
  any(q.executions) AS executions,
  any(q.seen_executions) AS seen_executions,
  any(q.calls_median) AS calls_median,
  any(q.calls_max) AS calls_max,
  any(q.calls_total) AS calls_total,
  any(q.distinct_ratio) AS distinct_ratio,
  any(q.parameters_known) AS parameters_known,
  any(q.busy_ns) AS busy_ns,
  any(q.spareable_ns) AS spareable_ns,
  any(q.mean_call_ns) AS mean_call_ns,
  any(q.short_call_ns) AS short_call_ns,
  any(q.loop_ns) AS loop_ns,
  any(q.code_location) AS code_location,
  lower(hex(any(q.exemplar.1))) AS trace_id,
  lower(hex(any(q.exemplar.2))) AS entry_span_id,
  any(q.exemplar.3) AS exemplar_calls,
  toString(any(q.exemplar.4)) AS exemplar_first_start_unix_ns,
  any(q.exemplar.5) AS exemplar_busy_ns,
  any(q.exemplar.6) / greatest(1, any(q.exemplar.5)) AS exemplar_parallel,
  arrayMap(s -> lower(hex(s)), any(q.exemplar.7)) AS span_ids,
  arrayMap(
    n -> (n.2, n.3, toString(n.1), n.4, n.5, n.6, n.7),
    arraySort(groupArray((
      q.neighbour.3, q.neighbour.1, q.neighbour.2, q.neighbour.4, lower(hex(q.neighbour.5)), around.summary, around.text
    )))
  ) AS neighbours
FROM
(
  SELECT *, neighbour
  FROM repetitions
  ARRAY JOIN exemplar.8 AS neighbour
) AS q
LEFT JOIN texts AS text ON q.statement = text.statement
LEFT JOIN texts AS around ON q.neighbour.1 = around.statement
GROUP BY
  environment,
  service,
  operation,
  kind,
  q.statement
ORDER BY spareable_ns DESC`,
  example: {
    from_s: 1_700_000_000,
    to_s: 1_700_000_300,
    max_spans: 1_000_000,
    min_calls: 6,
    max_neighbours: 200,
    max_rows: 1_000,
  },
})
