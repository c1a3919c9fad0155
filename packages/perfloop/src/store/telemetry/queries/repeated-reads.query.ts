import { z } from 'zod'
import { durationNs } from '../../../domain/duration.ts'
import { fingerprint } from '../../../domain/fingerprint.ts'
import { defineQuery } from '../query.ts'
import { ENTRY_CALLS, evidenceWindow, PATTERN_TEXTS } from './entry-calls.ts'
import { count64, spanKind } from './row-fields.ts'

const ns = z.number().transform(durationNs)

/** Patterns in use are named about once an hour, before anything is sampled. */
const NAMED_WITHIN_S = 4_200

/**
 * Statements with how often each was issued with the same parameters within a short time, over all requests of a
 * service: one row per statement, what repeats cost most first, with the tables that anybody wrote to meanwhile.
 */
export const repeatedReads = defineQuery({
  name: 'repeated-reads',
  params: z.object({ ...evidenceWindow, kept_ns: z.bigint(), max_rows: z.int() }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    statement: z.string().transform(fingerprint),
    text: z.string(),
    summary: z.string(),
    verb: z.string(),
    dialect: z.string(),
    models: z.array(z.string()),
    written: z.array(z.string()),
    /** The one that spends most time on it. */
    operation: z.string(),
    kind: spanKind,
    operation_ratio: z.number(),
    operations: count64,
    calls: z.number(),
    seen_calls: count64,
    executions: count64,
    /** Share of the calls whose parameters are told. */
    parameters_known: z.number(),
    distinct_parameters: count64,
    /** Share of the calls that came within `kept_ns` of one with the same parameters. */
    repeated_ratio: z.number(),
    /** Time of those. */
    repeated_ns: ns,
    duration_ns: ns,
    code_location: z.string(),
    trace_id: z.string(),
    span_id: z.string(),
  }),
  sql: `
WITH${ENTRY_CALLS},
  by_parameters AS
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      c.statement AS statement,
      c.parameters AS parameters,
      count() AS seen,
      sum(c.weight) AS calls,
      sum(c.weight * c.duration_ns) AS duration_ns,
      uniqExactState((c.trace_id, c.entry_span_id)) AS in_executions,
      anyLastIf(c.code_location, c.code_location != '') AS code_location,
      any((c.trace_id, c.span_id)) AS exemplar
    FROM entry_calls AS c
    GROUP BY
      environment,
      service,
      operation,
      kind,
      c.statement,
      c.parameters,
      -- Where results are told, another answer is no repetition.
      c.result,
      intDiv(c.start_unix_ns, {kept_ns:UInt64})
  ),
  by_operation AS
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      p.statement AS statement,
      sum(p.calls) AS calls,
      sum(p.seen) AS seen,
      uniqExactMerge(p.in_executions) AS executions,
      sumIf(p.seen, p.parameters != 0) AS known,
      uniqExact(p.parameters) AS distinct_parameters,
      sum(p.calls * (1 - 1 / p.seen)) AS repeated,
      sum(p.duration_ns * (1 - 1 / p.seen)) AS repeated_ns,
      sum(p.duration_ns) AS duration_ns,
      anyLastIf(p.code_location, p.code_location != '') AS code_location,
      argMax(p.exemplar, p.seen) AS exemplar
    FROM by_parameters AS p
    GROUP BY
      environment,
      service,
      operation,
      kind,
      p.statement
  ),
  (
    SELECT groupUniqArrayArray(models)
    FROM patterns
    WHERE last_seen >= toDateTime({from_s:UInt32} - ${NAMED_WITHIN_S})
      AND (
        verb IN ('INSERT', 'UPDATE', 'DELETE', 'MERGE', 'REPLACE', 'UPSERT', 'COPY', 'TRUNCATE')
        OR match(text, '(?is)\\\\b(insert\\\\s+into|delete\\\\s+from|merge\\\\s+into|update\\\\s.*\\\\sset)\\\\b')
      )
  ) AS written_models
SELECT
  environment,
  service,
  o.statement AS statement,
  any(pattern.text) AS text,
  any(pattern.summary) AS summary,
  any(pattern.verb) AS verb,
  any(pattern.dialect) AS dialect,
  any(pattern.models) AS models,
  arrayIntersect(models, assumeNotNull(written_models)) AS written,
  argMax(o.operation, o.duration_ns) AS operation,
  argMax(o.kind, o.duration_ns) AS kind,
  max(o.duration_ns) / greatest(1, sum(o.duration_ns)) AS operation_ratio,
  count() AS operations,
  sum(o.calls) AS calls,
  sum(o.seen) AS seen_calls,
  sum(o.executions) AS executions,
  sum(o.known) / seen_calls AS parameters_known,
  max(o.distinct_parameters) AS distinct_parameters,
  sum(o.repeated) / calls AS repeated_ratio,
  sum(o.repeated_ns) AS repeated_ns,
  sum(o.duration_ns) AS duration_ns,
  anyLastIf(o.code_location, o.code_location != '') AS code_location,
  lower(hex(argMax(o.exemplar.1, o.duration_ns))) AS trace_id,
  lower(hex(argMax(o.exemplar.2, o.duration_ns))) AS span_id
FROM by_operation AS o
LEFT JOIN ${PATTERN_TEXTS} AS pattern ON o.statement = pattern.statement
GROUP BY
  environment,
  service,
  o.statement
ORDER BY repeated_ns DESC
LIMIT {max_rows:UInt32}`,
  example: {
    from_s: 1_700_000_000,
    to_s: 1_700_000_300,
    max_spans: 1_000_000,
    kept_ns: 10_000_000_000n,
    max_rows: 1_000,
  },
})
