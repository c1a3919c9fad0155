import { z } from 'zod'
import { durationNs } from '../../../domain/duration.ts'
import { fingerprint } from '../../../domain/fingerprint.ts'
import { ENTRY_CALLS, evidenceWindow, PATTERN_TEXTS } from './entry-calls.ts'
import { count64, spanKind } from './row-fields.ts'

export const statementCostParams = {
  ...evidenceWindow,
  /** Limits against which `excess_ns` is measured, nanoseconds. */
  limits_ns: z.array(z.bigint()),
  max_rows: z.int(),
}

/** Operations that are named with what a statement takes of them. */
const MOST_OPERATIONS = 50

/** What a statement costs, over all operations that call it, and which of them it costs most. */
export const statementCostRow = {
  environment: z.string(),
  service: z.string(),
  statement: z.string().transform(fingerprint),
  text: z.string(),
  summary: z.string(),
  verb: z.string(),
  dialect: z.string(),
  models: z.array(z.string()),
  /** The entry operation that spends most time on it. */
  operation: z.string(),
  kind: spanKind,
  /** Share of the statement's time that is spent by that operation. */
  operation_ratio: z.number(),
  operations: count64,
  /** What it takes of each of them, the most first; of the first few. */
  by_operation: z.array(
    z
      .tuple([z.number(), z.string(), spanKind])
      .transform(([timeNs, operation, kind]) => ({ operation, kind, timeNs: durationNs(timeNs) })),
  ),
  calls: z.number(),
  seen_calls: count64,
  failed_calls: z.number(),
  duration_ns: z.number().transform(durationNs),
  p10_ns: z.coerce.number().transform(durationNs),
  p50_ns: z.coerce.number().transform(durationNs),
  p95_ns: z.coerce.number().transform(durationNs),
  max_ns: z.coerce.number().transform(durationNs),
  /** Time above each of the limits asked with. */
  excess_ns: z.array(z.number()),
  /** Median of the rows, where told. */
  rows_median: z.number().nullable(),
  /** The same of what requests asked for. */
  request_rows_median: z.number().nullable(),
  code_location: z.string(),
  trace_id: z.string(),
  span_id: z.string(),
}

/** Common table expressions that end with `statement_costs`, what costs most first. */
export const STATEMENT_COSTS = `${ENTRY_CALLS},
  by_operation AS
  (
    SELECT
      environment,
      service,
      statement,
      operation,
      kind,
      sum(c.weight) AS calls,
      count() AS seen_calls,
      sumIf(c.weight, c.status = 'error') AS failed_calls,
      sum(c.weight * c.duration_ns) AS duration_ns,
      quantilesExactWeightedState(0.1, 0.5, 0.95)(c.duration_ns, toUInt64(greatest(1, round(c.weight)))) AS quantiles,
      max(c.duration_ns) AS max_ns,
      sumForEach(arrayMap(
        limit_ns -> c.weight * if(c.duration_ns > limit_ns, c.duration_ns - limit_ns, 0),
        {limits_ns:Array(UInt64)}
      )) AS excess_ns,
      quantileState(0.5)(c.row_count) AS rows,
      anyLastIf(c.code_location, c.code_location != '') AS code_location,
      argMax((c.trace_id, c.span_id), c.duration_ns) AS exemplar
    FROM entry_calls AS c
    GROUP BY
      environment,
      service,
      statement,
      operation,
      kind
  ),
  by_statement AS
  (
    SELECT
      environment,
      service,
      statement,
      argMax(o.operation, o.duration_ns) AS operation,
      argMax(o.kind, o.duration_ns) AS kind,
      max(o.duration_ns) / greatest(1, sum(o.duration_ns)) AS operation_ratio,
      count() AS operations,
      arrayMap(h -> (-h.1, h.2, h.3), groupArraySorted(${MOST_OPERATIONS})((-toFloat64(o.duration_ns), o.operation, o.kind))) AS heaviest,
      sum(o.calls) AS calls,
      sum(o.seen_calls) AS seen_calls,
      sum(o.failed_calls) AS failed_calls,
      sum(o.duration_ns) AS duration_ns,
      quantilesExactWeightedMerge(0.1, 0.5, 0.95)(o.quantiles) AS quantiles,
      max(o.max_ns) AS max_ns,
      sumForEach(o.excess_ns) AS excess_ns,
      quantileMerge(0.5)(o.rows) AS rows_median,
      quantileMergeIf(0.5)(o.rows, o.kind = 'server') AS request_rows_median,
      if(argMax(o.code_location, o.duration_ns) = '', anyLast(o.code_location), argMax(o.code_location, o.duration_ns)) AS code_location,
      argMax(o.exemplar, o.duration_ns) AS exemplar
    FROM by_operation AS o
    GROUP BY
      environment,
      service,
      statement
  ),
  statement_costs AS
  (
    SELECT
      s.environment AS environment,
      s.service AS service,
      s.statement AS statement,
      pattern.text AS text,
      pattern.summary AS summary,
      pattern.verb AS verb,
      pattern.dialect AS dialect,
      pattern.models AS models,
      s.operation AS operation,
      s.kind AS kind,
      s.operation_ratio AS operation_ratio,
      s.operations AS operations,
      s.heaviest AS by_operation,
      s.calls AS calls,
      s.seen_calls AS seen_calls,
      s.failed_calls AS failed_calls,
      s.duration_ns AS duration_ns,
      s.quantiles[1] AS p10_ns,
      s.quantiles[2] AS p50_ns,
      s.quantiles[3] AS p95_ns,
      s.max_ns AS max_ns,
      s.excess_ns AS excess_ns,
      if(isNaN(s.rows_median), NULL, s.rows_median) AS rows_median,
      if(isNaN(s.request_rows_median), NULL, s.request_rows_median) AS request_rows_median,
      s.code_location AS code_location,
      lower(hex(s.exemplar.1)) AS trace_id,
      lower(hex(s.exemplar.2)) AS span_id
    FROM by_statement AS s
    LEFT JOIN ${PATTERN_TEXTS} AS pattern ON s.statement = pattern.statement
  )`
