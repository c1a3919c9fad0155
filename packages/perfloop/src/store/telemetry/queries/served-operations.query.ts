import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { IN_RANGE, RollupRange, rollupRange } from './rollup-range.ts'
import { count64, SCOPE, SINGLE_OPERATIONS, scopeParams } from './row-fields.ts'

/** Every operation that serves requests, how often and when last: what is compared with what was declared. */
export const servedOperations = defineQuery({
  name: 'served-operations',
  params: RollupRange.extend({ ...scopeParams, max_rows: z.int() }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    calls: z.number(),
    errors: z.number(),
    /** Start of the last minute, hour or day it was seen in, Unix seconds. */
    last_s: count64,
  }),
  sql: `
SELECT
  environment,
  service,
  operation,
  sum(calls) AS calls,
  sum(errors) AS errors,
  toUInt32(max(bucket)) AS last_s
FROM operations
WHERE ${SINGLE_OPERATIONS}
    AND ${SCOPE}
    AND kind = 'server'
    AND ${IN_RANGE}
GROUP BY
  environment,
  service,
  operation
ORDER BY calls DESC
LIMIT {max_rows:UInt32}`,
  example: { ...rollupRange(1_700_000_000_000, 1_700_003_600_000), max_rows: 10_000 },
})
