import { z } from 'zod'
import { runtimeMetricNames } from '../../../domain/runtime-metric.ts'
import { defineQuery } from '../query.ts'
import { RESOURCE_OF_METADATA, SCALAR_IN_RANGE, SCALAR_IS_SANE, SENDERS } from './metric-series.ts'
import { count64, SCOPE, scopeParams } from './row-fields.ts'

const NAMES = {
  heap_floor: runtimeMetricNames('level', ['heap_floor']),
  heap_limit: runtimeMetricNames('level', ['heap_limit']),
  memory: runtimeMetricNames('level', ['memory']),
}
const listed = (names: readonly string[]) => names.map(name => `'${name}'`).join(', ')
const STEP = `intDiv(toUnixTimestamp(toDateTime(timestamp, 'UTC')), {step_s:UInt32}) * {step_s:UInt32}`
const LIVING = `received_at >= toDateTime({alive_s:UInt32}, 'UTC')`

/** What is resident says nothing of a process that tells what collections leave of its heap. */
const IS_JUDGED = `${SCOPE}
          AND (name IN (${listed(NAMES.heap_floor)})
          OR (name IN (${listed(NAMES.memory)})
            AND ${RESOURCE_OF_METADATA} NOT IN (
              SELECT ${RESOURCE_OF_METADATA}
              FROM performance_metrics
              WHERE ${SCOPE}
                  AND name IN (${listed(NAMES.heap_floor)})
                  AND ${SCALAR_IN_RANGE}
                  AND ${LIVING})))`
const EACH_STEP = `
        environment,
        service,
        name,
        metadata,
        step_start_s`
/** The lowest point of each step of each metric, of those with `condition`. */
const lowestSteps = (condition: string) => `
        SELECT
        environment,
        service,
        name,
        metadata,
        ${STEP} AS step_start_s,
        min(value) AS lowest,
        max(received_at) AS last_received_at
        FROM performance_metrics
        WHERE ${IS_JUDGED}
            AND ${condition}
        GROUP BY${EACH_STEP}`

/**
 * The memory of each living process in steps: the lowest of each step of what is left in its heap after full
 * collections, or (where no heap is told of) of what is resident. Two metrics of one thing count once. `earlier_high`
 * is the highest of the steps before those, which a process that only follows its load does not pass. It is read only
 * of metrics of services in which something grew: the day before is eight times as much to read as what is judged.
 */
export const memoryFloors = defineQuery({
  name: 'memory-floors',
  params: z.object({
    ...scopeParams,
    earlier_s: z.int(),
    from_s: z.int(),
    to_s: z.int(),
    step_s: z.int(),
    /** Who was last heard of before has ended. */
    alive_s: z.int(),
    min_growth_bytes: z.number(),
    max_rows: z.int(),
  }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    instance: z.string(),
    /** Of one instance there may be several: another process of the same name, or another sender in the same one. */
    resource: z.string(),
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
  resource,
  what,
  min(step_start_s) AS first_s,
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
    resource,
    what,
    step_start_s,
    max(total) AS low,
    max(last_received_at) AS last_received_at
  FROM
  (
    SELECT
      environment,
      service,
      ${RESOURCE_OF_METADATA} AS resource,
      name,
      if(name IN (${listed(NAMES.heap_floor)}), 'heap_floor', 'memory') AS what,
      step_start_s,
      sum(lowest) AS total,
      max(last_received_at) AS last_received_at
    FROM
    (
      SELECT
        environment,
        service,
        name,
        metadata,
        step_start_s,
        min(lowest) AS lowest,
        max(last_received_at) AS last_received_at
      FROM
      (${lowestSteps(SCALAR_IN_RANGE)}
        UNION ALL${lowestSteps(`timestamp >= toDateTime64({earlier_s:UInt32}, 9, 'UTC')
            AND timestamp < toDateTime64({from_s:UInt32}, 9, 'UTC')
            AND ${SCALAR_IS_SANE}
            AND (environment, service, name) IN
            (
              SELECT
                environment,
                service,
                name
              FROM
              (${lowestSteps(SCALAR_IN_RANGE)}
              )
              GROUP BY
                environment,
                service,
                name,
                metadata
              HAVING max(lowest) - min(lowest) >= {min_growth_bytes:Float64}
                  AND max(last_received_at) >= toDateTime({alive_s:UInt32}, 'UTC')
            )`)}
      )
      GROUP BY${EACH_STEP}
    )
    WHERE JSONExtractString(metadata, 'attributes', 'jvm.memory.type') IN ('', 'heap')
        AND JSONExtractString(metadata, 'attributes', 'type') IN ('', 'heap', 'rss')
    GROUP BY
      environment,
      service,
      resource,
      name,
      step_start_s
  )
  GROUP BY
    environment,
    service,
    resource,
    what,
    step_start_s
) AS steps
INNER JOIN${SENDERS} AS sender USING (resource)
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
      ${RESOURCE_OF_METADATA} AS resource,
      sum(highest) AS bytes
    FROM
    (
      SELECT
        environment,
        service,
        metadata,
        max(value) AS highest
      FROM performance_metrics
      WHERE ${SCOPE}
          AND name IN (${listed(NAMES.heap_limit)})
          AND ${SCALAR_IN_RANGE}
          AND ${LIVING}
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
  INNER JOIN${SENDERS} AS sender USING (resource)
  GROUP BY
    environment,
    service,
    instance
) AS bounded USING (environment, service, instance)
GROUP BY
  environment,
  service,
  instance,
  resource,
  what
HAVING notEmpty(points)
    AND max(last_received_at) >= toDateTime({alive_s:UInt32}, 'UTC')
ORDER BY
  environment,
  service,
  instance,
  resource,
  what
LIMIT {max_rows:UInt32}`,
  example: {
    earlier_s: 1_699_900_000,
    from_s: 1_700_000_000,
    to_s: 1_700_010_800,
    step_s: 60,
    alive_s: 1_700_010_500,
    min_growth_bytes: 4e6,
    max_rows: 200,
  },
})
