import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64 } from './row-fields.ts'

/**
 * Executions of one operation, summed up in blocks of time counted from the start of the range. Requests
 * that are close in time are alike, blocks much less so: they are the samples of before/after comparisons.
 */
export const measurementBlocks = defineQuery({
  name: 'measurement-blocks',
  params: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: z.string(),
    from_unix_ns: z.bigint(),
    to_unix_ns: z.bigint(),
    block_ns: z.bigint(),
  }),
  row: z.object({
    block: count64,
    calls: z.number(),
    errors: z.number(),
    p50_ns: z.number(),
    p95_ns: z.number(),
    mean_ns: z.number(),
    db_ns: z.number(),
  }),
  sql: `
SELECT
  intDiv(start_unix_ns - {from_unix_ns:UInt64}, {block_ns:UInt64}) AS block,
  sum(weight) AS calls,
  sum(failed * weight) AS errors,
  toFloat64(quantileExactWeighted(0.5)(total_ns, toUInt64(greatest(1, round(weight))))) AS p50_ns,
  toFloat64(quantileExactWeighted(0.95)(total_ns, toUInt64(greatest(1, round(weight))))) AS p95_ns,
  sum(total_ns * weight) / sum(weight) AS mean_ns,
  sum(measurements.db_ns * weight) / sum(weight) AS db_ns
FROM measurements
WHERE environment = {environment:String}
    AND service = {service:String}
    AND operation = {operation:String}
    AND toString(kind) = {kind:String}
    AND start_unix_ns >= {from_unix_ns:UInt64}
    AND start_unix_ns < {to_unix_ns:UInt64}
GROUP BY block
ORDER BY block`,
  example: {
    environment: 'production',
    service: 'shop',
    operation: 'GET /orders/:id',
    kind: 'server',
    from_unix_ns: 1_700_000_000_000_000_000n,
    to_unix_ns: 1_700_000_600_000_000_000n,
    block_ns: 5_000_000_000n,
  },
})
