import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { quantileBuckets, quantileValue, RED_QUANTILES, RED_SUMS } from './latency-sql.ts'
import {
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
  IS_REQUEST,
  nullableNumber,
  redRow,
  SCOPE,
  SINGLE_OPERATIONS,
  scopeParams,
  WHOLE_SERVICES,
} from './row-fields.ts'

/** Every service whose spans were seen in a range. Its RED is of its requests; a service of jobs only has the RED of its jobs' roots. */
export const services = defineQuery({
  name: 'services',
  params: RollupRange.extend(scopeParams),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    ...redRow,
    operations: count64,
    last_seen_s: count64,
  }),
  sql: `
SELECT
  environment,
  service,
  operations,
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
    uniqIf((operation, kind), ${IS_REQUEST}) AS operations
  FROM operations
  WHERE ${SINGLE_OPERATIONS}
      AND ${SCOPE}
      AND ${IN_RANGE}
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
