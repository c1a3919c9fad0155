import { z } from 'zod'
import { runtimeMetricNames } from '../../../domain/runtime-metric.ts'
import { defineQuery } from '../query.ts'
import { count64 } from './row-fields.ts'

const NAMES = {
  heap_floor: runtimeMetricNames('level', ['heap_floor']),
  heap_limit: runtimeMetricNames('level', ['heap_limit']),
  memory: runtimeMetricNames('level', ['memory']),
}
const listed = (names: readonly string[]) => names.map(name => `'${name}'`).join(', ')
const SECONDS = `toUnixTimestamp(toDateTime(timestamp, 'UTC'))`

/**
 * The memory of each process in steps: the lowest of each step of what is left in its heap after full collections, or
 * (where no heap is told of) of what is resident. Two metrics of one thing count once. `earlier_high` is the highest of the steps before those, which a
 * process that only follows its load does not pass.
 */
export const memoryFloors = defineQuery({
  name: 'memory-floors',
  params: z.object({
    earlier_s: z.int(),
    from_s: z.int(),
    to_s: z.int(),
    step_s: z.int(),
    max_rows: z.int(),
  }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    instance: z.string(),
    what: z.enum(['heap_floor', 'memory']),
    first_s: count64,
    earlier_high: z.number(),
    /** Unix seconds, ascending. */
    times_s: z.array(z.number()),
    lows: z.array(z.number()),
    /** Of the heap; 0 when not told. */
    limit_bytes: z.number(),
  }),
  sql: `
SELECT
  environment,
  service,
  instance,
  what,
  min(series_first_s) AS first_s,
  maxIf(low, step_start_s < {from_s:UInt32}) AS earlier_high,
  arraySort(groupArrayIf((step_start_s, low), step_start_s >= {from_s:UInt32})) AS points,
  arrayMap(point -> toFloat64(point.1), points) AS times_s,
  arrayMap(point -> point.2, points) AS lows,
  max(limit_bytes) AS limit_bytes
FROM
(
  SELECT
    environment,
    service,
    instance,
    what,
    step_start_s,
    min(step_start_s) OVER (PARTITION BY environment, service, instance, what) AS series_first_s,
    max(total) AS low
  FROM
  (
    SELECT
      environment,
      service,
      JSONExtractString(metadata, 'resource') AS resource,
      name,
      if(name IN (${listed(NAMES.heap_floor)}), 'heap_floor', 'memory') AS what,
      step_start_s,
      sum(lowest) AS total
    FROM
    (
      SELECT
        environment,
        service,
        name,
        metadata,
        intDiv(${SECONDS}, {step_s:UInt32}) * {step_s:UInt32} AS step_start_s,
        min(value) AS lowest
      FROM performance_metrics
      WHERE name IN (${listed([...NAMES.heap_floor, ...NAMES.memory])})
          AND timestamp >= toDateTime64({earlier_s:UInt32}, 9, 'UTC')
          AND timestamp < toDateTime64({to_s:UInt32}, 9, 'UTC')
      GROUP BY
        environment,
        service,
        name,
        metadata,
        step_start_s
    )
    WHERE JSONExtractString(metadata, 'attributes', 'jvm.memory.type') IN ('', 'heap')
        AND JSONExtractString(metadata, 'attributes', 'type') IN ('', 'heap', 'rss')
    GROUP BY
      environment,
      service,
      resource,
      name,
      step_start_s
  ) AS told
  INNER JOIN
  (
    SELECT
      resource,
      argMax(instance, last_seen) AS instance
    FROM resources
    GROUP BY resource
  ) AS sender USING (resource)
  GROUP BY
    environment,
    service,
    instance,
    what,
    step_start_s
) AS steps
LEFT JOIN
(
  SELECT
    environment,
    service,
    instance,
    max(bytes) AS limit_bytes
  FROM
  (
    SELECT
      environment,
      service,
      JSONExtractString(metadata, 'resource') AS resource,
      sum(highest) AS bytes
    FROM
    (
      SELECT
        environment,
        service,
        metadata,
        max(value) AS highest
      FROM performance_metrics
      WHERE name IN (${listed(NAMES.heap_limit)})
          AND timestamp >= toDateTime64({from_s:UInt32}, 9, 'UTC')
          AND timestamp < toDateTime64({to_s:UInt32}, 9, 'UTC')
      GROUP BY
        environment,
        service,
        metadata
    )
    WHERE JSONExtractString(metadata, 'attributes', 'jvm.memory.type') IN ('', 'heap')
        AND JSONExtractString(metadata, 'attributes', 'v8js.heap.space.name') = ''
    GROUP BY
      environment,
      service,
      resource
  ) AS limits
  INNER JOIN
  (
    SELECT
      resource,
      argMax(instance, last_seen) AS instance
    FROM resources
    GROUP BY resource
  ) AS sender USING (resource)
  GROUP BY
    environment,
    service,
    instance
) AS bounded USING (environment, service, instance)
GROUP BY
  environment,
  service,
  instance,
  what
HAVING notEmpty(points)
ORDER BY
  environment,
  service,
  instance,
  what
LIMIT {max_rows:UInt32}`,
  example: {
    earlier_s: 1_699_900_000,
    from_s: 1_700_000_000,
    to_s: 1_700_010_800,
    step_s: 60,
    max_rows: 200,
  },
})
