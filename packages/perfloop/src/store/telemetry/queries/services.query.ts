import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { quantileBuckets, quantileValue } from './latency-sql.ts'
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
  IS_REQUEST,
  nullableNumber,
  SCOPE,
  SINGLE_OPERATIONS,
  scopeParams,
  WHOLE_SERVICES,
} from './row-fields.ts'

/** A sender's row is renewed at least so often while it sends (ingest/columns/mentions.ts). */
const RENEWED_WITHIN_S = 2 * HOUR_S

/**
 * Every service whose spans were seen in a range; and, without a time, those that sent anything since about its start: by
 * metrics alone perhaps, which are asked for apart.
 */
export const services = defineQuery({
  name: 'services',
  params: RollupRange.extend(scopeParams),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    operations: count64,
    /** 0 for one of which no span was seen. */
    last_seen_s: count64,
  }),
  sql: `
SELECT
  environment,
  service,
  max(seen_operations) AS operations,
  max(seen_s) AS last_seen_s
FROM
(
  SELECT
    environment,
    service,
    toUInt32(max(bucket)) AS seen_s,
    uniqIf((operation, kind), ${IS_REQUEST}) AS seen_operations
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
    toUInt32(0) AS seen_s,
    toUInt64(0) AS seen_operations
  FROM resources
  WHERE ${SCOPE}
      AND last_seen >= toDateTime({from_s:UInt32} - ${RENEWED_WITHIN_S}, 'UTC')
)
GROUP BY
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
