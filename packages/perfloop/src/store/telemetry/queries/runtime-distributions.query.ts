import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { DISTRIBUTION_IN_RANGE, MOST_METRIC_ROWS } from './metric-series.ts'
import { count64, SCOPE } from './row-fields.ts'
import { metricSeriesExample, metricSeriesParams } from './runtime-levels.query.ts'

/**
 * Where distributions stood at the end of each step, each stream for itself; of those that tell what was added (delta),
 * what was added in the step. Buckets are by their upper bounds, the last of which is infinite and left out. `sumMap`
 * leaves out buckets without any value, whose bounds tell where the next ones begin: they are put back.
 */
export const runtimeDistributions = defineQuery({
  name: 'runtime-distributions',
  params: metricSeriesParams,
  row: z.object({
    name: z.string(),
    resource: z.string(),
    /** Values are JSON texts. */
    attributes: z.record(z.string(), z.string()),
    is_delta: z.coerce.boolean(),
    /** Start of the stream; 0 when not told. */
    start_unix_ms: count64,
    step_start_s: count64,
    last_unix_s: z.number(),
    count: count64,
    sum: z.number(),
    bounds: z.array(z.number()),
    counts: z.array(z.number()),
  }),
  sql: `
SELECT
  name,
  resource,
  attributes,
  is_delta,
  start_unix_ms,
  step_start_s,
  last_unix_s,
  count,
  sum,
  bounds,
  counts
FROM
(
  SELECT
    name,
    resource,
    attributes,
    is_delta,
    start_unix_ms,
    step_start_s,
    toFloat64(max(time_unix_ns)) / 1000000000 AS last_unix_s,
    if(is_delta, sum(points.count), argMax(points.count, time_unix_ns)) AS count,
    if(is_delta, sum(points.sum), argMax(points.sum, time_unix_ns)) AS sum,
    arrayFilter(bound -> bound < 1.7e308, upper_bounds) AS bounds,
    if(
      is_delta,
      arrayMap(bound -> added.2[indexOf(added.1, bound)], upper_bounds),
      argMax(points.counts, time_unix_ns)
    ) AS counts,
    if(
      is_delta,
      arraySort(groupUniqArrayArray(arrayPushBack(points.bounds, 1.7e308))),
      argMax(arrayPushBack(points.bounds, 1.7e308), time_unix_ns)
    ) AS upper_bounds,
    sumMap(arrayPushBack(points.bounds, 1.7e308), points.counts) AS added
  FROM
  (
    SELECT
      name,
      resource,
      attributes,
      temporality = 'delta' AS is_delta,
      if(is_delta, 0, intDiv(start_unix_ns, 1000000)) AS start_unix_ms,
      toUInt32(intDiv(intDiv(time_unix_ns, 1000000000), {step_s:UInt32})) * {step_s:UInt32} AS step_start_s,
      time_unix_ns,
      count,
      sum,
      bounds,
      counts
    FROM metric_points
    WHERE ${SCOPE}
        AND name IN {names:Array(String)}
        AND type != 'summary'
        AND length(counts) = length(bounds) + 1
        AND resource IN {resources:Array(String)}
        AND ${DISTRIBUTION_IN_RANGE}
  ) AS points
  GROUP BY
    name,
    resource,
    attributes,
    is_delta,
    start_unix_ms,
    step_start_s
  ORDER BY step_start_s DESC
  LIMIT ${MOST_METRIC_ROWS}
)
ORDER BY step_start_s`,
  example: { ...metricSeriesExample, names: ['v8js.gc.duration'] },
})
