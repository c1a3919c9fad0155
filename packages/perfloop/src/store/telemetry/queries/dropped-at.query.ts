import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64 } from './row-fields.ts'

/** Traces whose detail one decision drops. */
export const droppedAt = defineQuery({
  name: 'dropped-at',
  params: z.object({ decided_s: z.int() }),
  row: z.object({ traces: count64 }),
  sql: `
SELECT uniqExact(trace_id) AS traces
FROM dropped_traces
WHERE decided_at = toDateTime({decided_s:UInt32}, 'UTC')`,
  example: { decided_s: 1_700_000_000 },
})
