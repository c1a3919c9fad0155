import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { RED_QUANTILES, RED_SUMS } from './latency-sql.ts'
import { IN_RANGE, RollupRange, rollupRange } from './rollup-range.ts'
import { redRow, SCOPE, scopeParams, WHOLE_SERVICES } from './row-fields.ts'

/** RED of all requests and messages of a range, as one row. */
export const overviewTotals = defineQuery({
  name: 'overview-totals',
  params: RollupRange.extend(scopeParams),
  row: z.object(redRow),
  sql: `
SELECT
  calls,
  errors,
  duration_ns,
  max_ns,${RED_QUANTILES}
FROM
(
  SELECT${RED_SUMS}
  FROM operations
  WHERE ${WHOLE_SERVICES}
      AND ${SCOPE}
      AND ${IN_RANGE}
)`,
  example: { ...rollupRange(1_700_000_000_000, 1_700_003_600_000), environment: 'production' },
})
