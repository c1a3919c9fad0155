import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { RED_QUANTILES, RED_SUMS } from './latency-sql.ts'
import { IN_RANGE, RollupRange, rollupRange } from './rollup-range.ts'
import { flag, redRow, SCOPE, scopeParams, WHOLE_SERVICES } from './row-fields.ts'

/**
 * RED of the requests and messages of each service of a range, and of all together: the histograms are read once for
 * both.
 */
export const serviceReds = defineQuery({
  name: 'service-reds',
  params: RollupRange.extend(scopeParams),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    /** Of all services in scope: that row names none. */
    is_total: flag,
    ...redRow,
  }),
  sql: `
SELECT
  environment,
  service,
  is_total,
  calls,
  errors,
  duration_ns,
  max_ns,${RED_QUANTILES}
FROM
(
  SELECT
    environment,
    service,
    grouping(service) AS is_total,${RED_SUMS}
  FROM operations
  WHERE ${WHOLE_SERVICES}
      AND ${SCOPE}
      AND ${IN_RANGE}
  GROUP BY GROUPING SETS ((environment, service), ())
)
ORDER BY
  duration_ns DESC,
  environment,
  service`,
  example: { ...rollupRange(1_700_000_000_000, 1_700_003_600_000), environment: 'production' },
})
