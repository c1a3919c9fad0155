import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { DISTRIBUTION_IN_RANGE, SCALAR_IN_RANGE } from './metric-series.ts'
import { count64, scopeParams } from './row-fields.ts'

/** Which of these services sent metrics in a range, and when last. */
export const metricServices = defineQuery({
  name: 'metric-services',
  params: z.object({
    environment: scopeParams.environment,
    services: z.array(z.string()),
    from_s: z.int(),
    to_s: z.int(),
  }),
  row: z.object({ environment: z.string(), service: z.string(), last_seen_s: count64 }),
  sql: `
SELECT
  environment,
  service,
  max(told_s) AS last_seen_s
FROM
(
  SELECT
    environment,
    service,
    toUInt32(toDateTime(timestamp, 'UTC')) AS told_s
  FROM performance_metrics
  WHERE ({environment:String} = '' OR environment = {environment:String})
      AND service IN {services:Array(String)}
      AND ${SCALAR_IN_RANGE}
  UNION ALL
  SELECT
    environment,
    service,
    toUInt32(intDiv(time_unix_ns, 1000000000)) AS told_s
  FROM metric_points
  WHERE ({environment:String} = '' OR environment = {environment:String})
      AND service IN {services:Array(String)}
      AND ${DISTRIBUTION_IN_RANGE}
)
GROUP BY
  environment,
  service
ORDER BY
  environment,
  service`,
  example: { services: ['worker'], from_s: 1_700_000_000, to_s: 1_700_003_600 },
})
