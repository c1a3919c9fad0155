import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64 } from './row-fields.ts'

/** Entry spans received in a window that wait to be measured: how many, since when, how long they took. */
export const entriesReceived = defineQuery({
  name: 'entries-received',
  params: z.object({ from_s: z.int(), to_s: z.int(), long_ns: z.bigint() }),
  row: z.object({
    entries: count64,
    first_s: count64,
    longest_ns: count64,
    longest_short_ns: count64,
  }),
  sql: `
SELECT
  count() AS entries,
  toUInt32(min(received_at)) AS first_s,
  max(duration_ns) AS longest_ns,
  maxIf(duration_ns, duration_ns <= {long_ns:UInt64}) AS longest_short_ns
FROM spans
WHERE is_entry = 1
    AND received_at >= toDateTime({from_s:UInt32}, 'UTC')
    AND received_at < toDateTime({to_s:UInt32}, 'UTC')`,
  example: { from_s: 1_700_000_000, to_s: 1_700_000_060, long_ns: 60_000_000_000n },
})
