import { z } from 'zod'
import { defineQuery } from '../query.ts'
import {
  MOST_METRIC_ROWS,
  RESOURCE_OF_METADATA,
  SCALAR_IN_RANGE,
  SCALAR_STEP,
} from './metric-series.ts'
import { count64, SCOPE } from './row-fields.ts'

export const metricSeriesParams = z.object({
  environment: z.string(),
  service: z.string(),
  names: z.array(z.string()),
  resources: z.array(z.string()),
  from_s: z.int(),
  to_s: z.int(),
  step_s: z.int(),
})
export const metricSeriesExample = {
  environment: 'production',
  service: 'shop',
  names: ['process.memory.usage'],
  resources: ['0123456789abcdef'],
  from_s: 1_700_000_000,
  to_s: 1_700_003_600,
  step_s: 60,
}

/** What was so in each step, of every series of some metrics: gauges, and sums that rise and fall. */
export const runtimeLevels = defineQuery({
  name: 'runtime-levels',
  params: metricSeriesParams,
  row: z.object({
    name: z.string(),
    resource: z.string(),
    /** JSON object of the point's attributes. */
    attributes: z.string(),
    step_start_s: count64,
    mean: z.number(),
    max: z.number(),
    min: z.number(),
  }),
  sql: `
SELECT
  name,
  JSONExtractString(metadata, 'resource') AS resource,
  JSONExtractRaw(metadata, 'attributes') AS attributes,
  step_start_s,
  mean,
  max,
  min
FROM
(
  SELECT
    name,
    metadata,
    ${SCALAR_STEP} AS step_start_s,
    avg(value) AS mean,
    max(value) AS max,
    min(value) AS min
  FROM performance_metrics
  WHERE ${SCOPE}
      AND name IN {names:Array(String)}
      AND type IN ('gauge', 'updown')
      AND ${SCALAR_IN_RANGE}
      AND ${RESOURCE_OF_METADATA} IN {resources:Array(String)}
  GROUP BY
    name,
    metadata,
    step_start_s
  ORDER BY step_start_s DESC
  LIMIT ${MOST_METRIC_ROWS}
)
ORDER BY step_start_s`,
  example: metricSeriesExample,
})
