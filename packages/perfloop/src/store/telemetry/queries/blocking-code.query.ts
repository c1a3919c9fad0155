import { z } from 'zod'
import { EVENT_LOOP_SCOPE, STARVED_EVENT_LOOP } from '../../../domain/runtime-metric.ts'
import { defineQuery } from '../query.ts'
import { entriesBeside, RECEIVED_IN_WINDOW } from './entry-calls.ts'
import { count64, flag, spanKind } from './row-fields.ts'

const IS_BLOCK = `spans.shape IN (SELECT shape FROM shapes WHERE scope_name = '${EVENT_LOOP_SCOPE}')`

/**
 * Places in the code that blocked the event loop in a window, by the operation they ran for: the one of their trace
 * that began last before they ended, since what ran just before it may have blocked too. Where the machine had no time
 * for the process it ran for nobody in particular.
 */
export const blockingCode = defineQuery({
  name: 'blocking-code',
  params: z.object({ from_s: z.int(), to_s: z.int(), max_rows: z.int() }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    /** Empty for none. */
    operation: z.string(),
    kind: spanKind,
    code_location: z.string(),
    starved: flag,
    instances: count64,
    blocks: z.number(),
    seen_blocks: count64,
    total_ns: z.number(),
    longest_ns: count64,
    /** Of the longest. */
    trace_id: z.string(),
    span_id: z.string(),
    shape_keys: z.array(z.string()),
    shape_variable: z.array(z.number()),
    shape_constants: z.array(z.string()),
    attribute_values: z.array(z.string()),
  }),
  sql: `
WITH
  entries AS ${entriesBeside(IS_BLOCK)}
SELECT
  environment,
  service,
  operation,
  kind,
  code_location,
  starved,
  instances,
  blocks,
  seen_blocks,
  total_ns,
  longest_ns,
  trace_id,
  span_id,
  form.keys AS shape_keys,
  form.variable AS shape_variable,
  form.constants AS shape_constants,
  attribute_values
FROM
(
  SELECT
    blocked.environment AS environment,
    blocked.service AS service,
    if(starved, '', entries.operation) AS operation,
    if(starved, 'unspecified', toString(entries.kind)) AS kind,
    if(starved, '', blocked.code_location) AS code_location,
    blocked.operation = '${STARVED_EVENT_LOOP}' AS starved,
    uniqExact(blocked.resource) AS instances,
    sum(weight) AS blocks,
    count() AS seen_blocks,
    sum(duration_ns * weight) AS total_ns,
    max(duration_ns) AS longest_ns,
    lower(hex(argMax(blocked.trace_id, duration_ns))) AS trace_id,
    lower(hex(argMax(blocked.span_id, duration_ns))) AS span_id,
    argMax(blocked.shape, duration_ns) AS shape,
    argMax(blocked.attribute_values, duration_ns) AS attribute_values
  FROM
  (
    SELECT
      environment,
      service,
      trace_id,
      span_id,
      operation,
      code_location,
      resource,
      start_unix_ns + duration_ns AS end_unix_ns,
      duration_ns,
      weight,
      shape,
      attribute_values
    FROM spans
    WHERE ${RECEIVED_IN_WINDOW}
        AND ${IS_BLOCK}
  ) AS blocked
  ASOF LEFT JOIN entries
    ON blocked.trace_id = entries.trace_id AND blocked.service = entries.service
    AND blocked.end_unix_ns >= entries.start_unix_ns
  GROUP BY
    environment,
    service,
    operation,
    kind,
    code_location,
    starved
  ORDER BY total_ns DESC
  LIMIT {max_rows:UInt32}
) AS found
LEFT JOIN
(
  SELECT
    shape,
    any(keys) AS keys,
    any(variable) AS variable,
    any(constants) AS constants
  FROM shapes
  WHERE scope_name = '${EVENT_LOOP_SCOPE}'
  GROUP BY shape
) AS form USING (shape)
ORDER BY total_ns DESC`,
  example: { from_s: 1_700_000_000, to_s: 1_700_000_300, max_rows: 200 },
})
