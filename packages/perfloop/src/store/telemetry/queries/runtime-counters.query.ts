import { z } from 'zod'
import { defineQuery } from '../query.ts'
import {
  MOST_METRIC_ROWS,
  RESOURCE_OF_METADATA,
  SCALAR_IN_RANGE,
  SCALAR_STEP,
} from './metric-series.ts'
import { count64, SCOPE } from './row-fields.ts'
import { metricSeriesExample, metricSeriesParams } from './runtime-levels.query.ts'

/**
 * Where counters stood at the end of each step, each stream for itself: a stream ends where its process does, and what
 * comes after has another start. Of counters that tell what was added (delta), what was added in the step.
 */
export const runtimeCounters = defineQuery({
  name: 'runtime-counters',
  params: metricSeriesParams,
  row: z.object({
    name: z.string(),
    resource: z.string(),
    /** JSON object of the point's attributes. */
    attributes: z.string(),
    is_delta: z.coerce.boolean(),
    /** Start of the stream; 0 when not told. */
    start_unix_ms: count64,
    step_start_s: count64,
    last_unix_s: z.number(),
    value: z.number(),
  }),
  sql: `
SELECT
  name,
  JSONExtractString(metadata, 'resource') AS resource,
  JSONExtractRaw(metadata, 'attributes') AS attributes,
  type = 'delta' AS is_delta,
  JSONExtractUInt(metadata, 'start_unix_ms') AS start_unix_ms,
  step_start_s,
  last_unix_s,
  if(type = 'delta', total, last) AS value
FROM
(
  SELECT
    name,
    type,
    metadata,
    ${SCALAR_STEP} AS step_start_s,
    toFloat64(max(timestamp)) AS last_unix_s,
    sum(value) AS total,
    argMax(value, timestamp) AS last
  FROM performance_metrics
  WHERE ${SCOPE}
      AND name IN {names:Array(String)}
      AND type IN ('counter', 'delta')
      AND ${SCALAR_IN_RANGE}
      AND ${RESOURCE_OF_METADATA} IN {resources:Array(String)}
  GROUP BY
    name,
    type,
    metadata,
    step_start_s
  ORDER BY step_start_s DESC
  LIMIT ${MOST_METRIC_ROWS}
)
ORDER BY step_start_s`,
  example: metricSeriesExample,
})
