import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { quantileBuckets, quantileValue, RED_QUANTILES, RED_SUMS } from './latency-sql.ts'
import { DISTRIBUTION_IN_RANGE, SCALAR_IN_RANGE } from './metric-series.ts'
import {
  HOUR_S,
  IN_RANGE,
  IN_STEP_RANGE,
  RollupRange,
  rollupRange,
  STEP_START,
  StepRange,
  stepRange,
} from './rollup-range.ts'
import {
  count64,
  flag,
  IS_REQUEST,
  nullableNumber,
  redRow,
  SCOPE,
  SINGLE_OPERATIONS,
  scopeParams,
  WHOLE_SERVICES,
} from './row-fields.ts'

/** A sender's row is renewed at least so often while it sends (ingest/columns/mentions.ts). */
const RENEWED_WITHIN_S = 2 * HOUR_S

/** Senders of which there are no spans: of the others, which are nearly all, no metric is read to know that they were there. */
const WITHOUT_SPANS = `${SCOPE}
      AND (environment, service) IN
      (
        SELECT
          environment,
          service
        FROM resources
        WHERE ${SCOPE}
            AND last_seen >= toDateTime({from_s:UInt32} - ${RENEWED_WITHIN_S}, 'UTC')
            AND (environment, service) NOT IN
            (
              SELECT
                environment,
                service
              FROM operations
              WHERE ${SINGLE_OPERATIONS}
                  AND ${SCOPE}
                  AND ${IN_RANGE}
            )
      )`

/**
 * Every service seen in a range, also by its metrics alone. Its RED is of its requests; a service of jobs only has the RED
 * of its jobs' roots.
 */
export const services = defineQuery({
  name: 'services',
  params: RollupRange.extend(scopeParams),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    ...redRow,
    operations: count64,
    has_spans: flag,
    last_seen_s: count64,
  }),
  sql: `
SELECT
  environment,
  service,
  operations,
  has_spans,
  last_seen_s,
  calls,
  errors,
  duration_ns,
  max_ns,${RED_QUANTILES}
FROM
(
  SELECT
    environment,
    service,
    toUInt32(max(bucket)) AS last_seen_s,
    uniqIf((operation, kind), ${IS_REQUEST}) AS operations,
    1 AS has_spans
  FROM operations
  WHERE ${SINGLE_OPERATIONS}
      AND ${SCOPE}
      AND ${IN_RANGE}
  GROUP BY
    environment,
    service
  UNION ALL
  SELECT
    environment,
    service,
    max(told_s) AS last_seen_s,
    0 AS operations,
    0 AS has_spans
  FROM
  (
    SELECT
      environment,
      service,
      toUInt32(toDateTime(timestamp, 'UTC')) AS told_s
    FROM performance_metrics
    WHERE ${WITHOUT_SPANS}
        AND ${SCALAR_IN_RANGE}
    UNION ALL
    SELECT
      environment,
      service,
      toUInt32(intDiv(time_unix_ns, 1000000000)) AS told_s
    FROM metric_points
    WHERE ${WITHOUT_SPANS}
        AND ${DISTRIBUTION_IN_RANGE}
  )
  GROUP BY
    environment,
    service
) AS seen
LEFT JOIN
(
  SELECT
    environment,
    service,${RED_SUMS}
  FROM operations
  WHERE ${WHOLE_SERVICES}
      AND ${SCOPE}
      AND ${IN_RANGE}
  GROUP BY
    environment,
    service
) AS red USING (environment, service)
ORDER BY
  duration_ns DESC,
  environment,
  service`,
  example: rollupRange(1_700_000_000_000, 1_700_003_600_000),
})

/** Calls, errors and p95 of each service per step: the small charts of the services list. */
export const serviceSparks = defineQuery({
  name: 'service-sparks',
  params: StepRange.extend(scopeParams),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    step_start_s: count64,
    calls: z.number(),
    errors: z.number(),
    p95_ns: nullableNumber,
  }),
  sql: `
SELECT
  environment,
  service,
  step_start_s,
  calls,
  errors,
  ${quantileValue(0.95)} AS p95_ns
FROM
(
  SELECT
    environment,
    service,
    ${STEP_START} AS step_start_s,
    sum(calls) AS calls,
    sum(errors) AS errors,
    ${quantileBuckets('histogram')} AS buckets
  FROM operations
  WHERE ${WHOLE_SERVICES}
      AND ${SCOPE}
      AND ${IN_STEP_RANGE}
  GROUP BY
    environment,
    service,
    step_start_s
)
ORDER BY
  environment,
  service,
  step_start_s`,
  example: stepRange(1_700_000_000_000, 1_700_003_600_000),
})
