import { z } from 'zod'
import { POOL_SCOPE, runtimeMetricNames } from '../../../domain/runtime-metric.ts'
import { defineQuery } from '../query.ts'
import { entriesBeside, RECEIVED_IN_WINDOW } from './entry-calls.ts'
import { DISTRIBUTION_IN_RANGE, SCALAR_IN_RANGE, SENDERS } from './metric-series.ts'
import { count64, flag, spanKind } from './row-fields.ts'

const NAMES = {
  // Of both states: which of them a point tells is in its attributes.
  count: runtimeMetricNames('level', ['pool_used', 'pool_idle']),
  max: runtimeMetricNames('level', ['pool_max']),
  pending: runtimeMetricNames('level', ['pool_pending']),
  timeouts: runtimeMetricNames('counter', ['pool_timeouts']),
  wait: runtimeMetricNames('distribution', ['pool_wait']),
  use: runtimeMetricNames('distribution', ['pool_use']),
}
const listed = (...names: (readonly string[])[]) =>
  names
    .flat()
    .map(name => `'${name}'`)
    .join(', ')

/** The conventions before 2024 measured in milliseconds. */
const IN_SECONDS = `if(startsWith(name, 'db.client.connections.'), 0.001, 1)`
const POOL = `if(
        JSONHas(metadata, 'attributes', 'db.client.connection.pool.name'),
        JSONExtractString(metadata, 'attributes', 'db.client.connection.pool.name'),
        JSONExtractString(metadata, 'attributes', 'pool.name'))`
const STATE = `if(
        JSONHas(metadata, 'attributes', 'db.client.connection.state'),
        JSONExtractString(metadata, 'attributes', 'db.client.connection.state'),
        JSONExtractString(metadata, 'attributes', 'state'))`
const WAITED = `spans.shape IN (SELECT shape FROM shapes WHERE scope_name = '${POOL_SCOPE}')`

/** Growth of a cumulative distribution within the range, or the sum of what a delta added. */
const grown = (column: string) =>
  `if(any(temporality) = 'delta', sum(${column}), max(${column}) - min(${column}))`

/**
 * The longest of the values of a distribution: as told, or the bound of its highest bucket with any. What is beyond all
 * bounds is as long as the sum leaves for each. Of a summary it is the value of its highest quantile: those are its
 * `counts`. None is shorter than the mean.
 */
const LONGEST = `greatest(if(count = 0, 0, sum / count), multiIf(
          max IS NOT NULL, ifNull(max, 0),
          type = 'summary', arrayReduce('max', counts),
          arrayLastIndex(values -> values > 0, counts) <= length(bounds),
          bounds[arrayLastIndex(values -> values > 0, counts)],
          greatest(
            bounds[-1],
            (sum - arraySum((values, bound) -> values * bound, arrayResize(counts, length(bounds)), bounds)) / counts[-1])))`

/**
 * Connection pools of each process: how often all connections were in use and somebody waited, how many were in use at
 * least in each part of the range, how long connections were waited for and held, and who waited.
 */
export const poolState = defineQuery({
  name: 'pool-state',
  params: z.object({
    from_s: z.int(),
    to_s: z.int(),
    part_s: z.int(),
    max_rows: z.int(),
  }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    instance: z.string(),
    pool: z.string(),
    samples: count64,
    exhausted_samples: count64,
    used_mean: z.number(),
    used_max: z.number(),
    pending_max: z.number(),
    /** 0 when not told. */
    max: z.number(),
    timeouts: z.number(),
    /**
     * Parts of the range in order: the lowest and the mean number in use, samples, and how many were in use on average
     * by whoever gave them back.
     */
    parts: z.array(
      z
        .tuple([z.number(), z.number(), z.number(), z.number()])
        .transform(([usedMin, usedMean, samples, returned]) => ({
          usedMin,
          usedMean,
          samples,
          returned,
        })),
    ),
    waits: z.number(),
    wait_s: z.number(),
    /** Whether it is told how long connections are held, by whoever gives them back. */
    tells_use: flag,
    /** The longest that any was held before it was given back, as far as is known. */
    longest_use_s: z.number(),
    /** Who waited in this service, the longest in all first. */
    waiting: z.array(
      z
        .tuple([z.string(), spanKind, z.coerce.number(), z.coerce.number()])
        .transform(([operation, kind, waits, waitNs]) => ({ operation, kind, waits, waitNs })),
    ),
    /** Of the longest wait; empty when none was traced. */
    trace_id: z.string(),
    span_id: z.string(),
  }),
  sql: `
WITH
  samples AS
  (
    SELECT
      environment,
      service,
      resource,
      pool,
      told_at,
      sumIf(told, what = 'count' AND state = 'used') AS used,
      maxIf(told, what = 'pending') AS pending,
      maxIf(told, what = 'max') AS most,
      countIf(what = 'count') AS counted
    FROM
    (
      SELECT
        environment,
        service,
        JSONExtractString(metadata, 'resource') AS resource,
        ${POOL} AS pool,
        ${STATE} AS state,
        multiIf(
          name IN (${listed(NAMES.count)}), 'count',
          name IN (${listed(NAMES.pending)}), 'pending',
          'max') AS what,
        timestamp AS told_at,
        value AS told
      FROM performance_metrics
      WHERE name IN (${listed(NAMES.count, NAMES.pending, NAMES.max)})
          AND ${SCALAR_IN_RANGE}
    )
    GROUP BY
      environment,
      service,
      resource,
      pool,
      told_at
    HAVING counted > 0
  ),
  gave_up AS
  (
    SELECT
      environment,
      service,
      resource,
      pool,
      sum(grown) AS timeouts
    FROM
    (
      SELECT
        environment,
        service,
        JSONExtractString(metadata, 'resource') AS resource,
        ${POOL} AS pool,
        multiIf(
          type = 'delta', sum(value),
          JSONExtractUInt(metadata, 'start_unix_ms') >= toUInt64({from_s:UInt32}) * 1000, max(value),
          max(value) - min(value)) AS grown
      FROM performance_metrics
      WHERE name IN (${listed(NAMES.timeouts)})
          AND ${SCALAR_IN_RANGE}
      GROUP BY
        environment,
        service,
        metadata,
        type
    )
    GROUP BY
      environment,
      service,
      resource,
      pool
  ),
  times AS
  (
    SELECT
      environment,
      service,
      resource,
      pool,
      part,
      sumIf(values, what = 'wait') AS waits,
      sumIf(seconds, what = 'wait') AS wait_s,
      sumIf(seconds / told_s, what = 'use') AS returned,
      maxIf(longest_s, what = 'use') AS longest_use_s,
      countIf(what = 'use') AS uses_told
    FROM
    (
      SELECT
        environment,
        service,
        resource,
        JSONExtractString(
          if(
            mapContains(attributes, 'db.client.connection.pool.name'),
            attributes['db.client.connection.pool.name'],
            attributes['pool.name'])) AS pool,
        if(name IN (${listed(NAMES.wait)}), 'wait', 'use') AS what,
        start_unix_ns,
        toUInt32(intDiv(intDiv(time_unix_ns, 1000000000) - {from_s:UInt32}, {part_s:UInt32})) AS part,
        ${grown('toFloat64(count)')} AS values,
        ${grown('sum')} * any(${IN_SECONDS}) AS seconds,
        max(${LONGEST}) * any(${IN_SECONDS}) AS longest_s,
        greatest(1, if(
          any(temporality) = 'delta',
          {part_s:UInt32},
          (max(time_unix_ns) - min(time_unix_ns)) / 1000000000)) AS told_s
      FROM metric_points
      WHERE name IN (${listed(NAMES.wait, NAMES.use)})
          AND ${DISTRIBUTION_IN_RANGE}
      GROUP BY
        environment,
        service,
        resource,
        pool,
        what,
        if(temporality = 'delta', 0, start_unix_ns) AS start_unix_ns,
        part
    )
    GROUP BY
      environment,
      service,
      resource,
      pool,
      part
  ),
  entries AS ${entriesBeside(WAITED)},
  waiting AS
  (
    SELECT
      environment,
      service,
      arraySort(who -> -who.4, groupArray((operation, toString(kind), waits, wait_ns))) AS operations,
      argMax(longest_trace, longest_ns) AS trace_id,
      argMax(longest_span, longest_ns) AS span_id
    FROM
    (
      SELECT
        waited.environment AS environment,
        waited.service AS service,
        entries.operation AS operation,
        entries.kind AS kind,
        sum(weight) AS waits,
        sum(duration_ns * weight) AS wait_ns,
        max(duration_ns) AS longest_ns,
        lower(hex(argMax(waited.trace_id, duration_ns))) AS longest_trace,
        lower(hex(argMax(waited.span_id, duration_ns))) AS longest_span
      FROM
      (
        SELECT
          environment,
          service,
          trace_id,
          span_id,
          start_unix_ns,
          duration_ns,
          weight
        FROM spans
        WHERE ${RECEIVED_IN_WINDOW}
            AND ${WAITED}
      ) AS waited
      ASOF INNER JOIN entries
        ON waited.trace_id = entries.trace_id AND waited.service = entries.service
        AND waited.start_unix_ns >= entries.start_unix_ns
      GROUP BY
        environment,
        service,
        operation,
        kind
    )
    GROUP BY
      environment,
      service
  )
SELECT
  environment,
  service,
  sender.instance AS instance,
  pool,
  sum(counted) AS samples,
  sum(exhausted) AS exhausted_samples,
  sum(used_sum) / samples AS used_mean,
  max(used_max) AS used_max,
  max(pending_max) AS pending_max,
  max(most_ever) AS max,
  arraySum(of -> of.2, groupUniqArray((resource, gave_up.timeouts))) AS timeouts,
  arrayMap(
    told -> (told.2, told.3, told.4, told.5),
    arraySort(told -> told.1, groupArray((part, used_min, used_sum / counted, toFloat64(counted), returned)))) AS parts,
  sum(times_waits) AS waits,
  sum(times_wait_s) AS wait_s,
  sum(times_uses_told) > 0 AS tells_use,
  max(longest_use_s) AS longest_use_s,
  any(waiting.operations) AS waiting,
  any(waiting.trace_id) AS trace_id,
  any(waiting.span_id) AS span_id
FROM
(
  SELECT
    environment,
    service,
    resource,
    pool,
    part,
    counted,
    exhausted,
    used_sum,
    used_min,
    used_max,
    pending_max,
    most_ever,
    times.waits AS times_waits,
    times.wait_s AS times_wait_s,
    times.returned AS returned,
    times.longest_use_s AS longest_use_s,
    times.uses_told AS times_uses_told
  FROM
  (
    SELECT
      environment,
      service,
      resource,
      pool,
      toUInt32(intDiv(toUnixTimestamp(toDateTime(told_at, 'UTC')) - {from_s:UInt32}, {part_s:UInt32})) AS part,
      count() AS counted,
      countIf(pending > 0 AND (most = 0 OR used >= most)) AS exhausted,
      sum(used) AS used_sum,
      min(used) AS used_min,
      max(used) AS used_max,
      max(pending) AS pending_max,
      max(most) AS most_ever
    FROM samples
    GROUP BY
      environment,
      service,
      resource,
      pool,
      part
  ) AS levels
  LEFT JOIN times USING (environment, service, resource, pool, part)
) AS told
INNER JOIN${SENDERS} AS sender USING (resource)
LEFT JOIN gave_up USING (environment, service, resource, pool)
LEFT JOIN waiting USING (environment, service)
GROUP BY
  environment,
  service,
  instance,
  pool
ORDER BY
  wait_s DESC,
  environment,
  service,
  instance,
  pool
LIMIT {max_rows:UInt32}`,
  example: { from_s: 1_700_000_000, to_s: 1_700_000_300, part_s: 300, max_rows: 200 },
})
