import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64 } from './row-fields.ts'

const RECEIVED = `
      SELECT trace_id
      FROM spans
      WHERE received_at >= toDateTime({from_s:UInt32}, 'UTC')
        AND received_at < toDateTime({to_s:UInt32}, 'UTC')`

/**
 * Spans received within `[from_s, to_s)` of traces that had been decided on before. Only the decisions on traces of
 * that time are held in memory; those of days stream by.
 */
export const lateSpans = defineQuery({
  name: 'late-spans',
  params: z.object({ from_s: z.int(), to_s: z.int() }),
  row: z.object({ spans: count64 }),
  sql: `
SELECT sum(received.spans) AS spans
FROM
(
  SELECT trace_id, min(decided_at) AS decided_at
  FROM
  (
    SELECT trace_id, decided_at FROM kept_traces WHERE reason != 'finding' AND trace_id IN (${RECEIVED})
    UNION ALL
    SELECT trace_id, decided_at FROM dropped_traces WHERE trace_id IN (${RECEIVED})
  )
  GROUP BY trace_id
) AS decided
INNER JOIN
(
  SELECT
    trace_id,
    received_at,
    count() AS spans
  FROM spans
  WHERE received_at >= toDateTime({from_s:UInt32}, 'UTC')
    AND received_at < toDateTime({to_s:UInt32}, 'UTC')
  GROUP BY
    trace_id,
    received_at
) AS received ON decided.trace_id = received.trace_id
WHERE received.received_at > decided.decided_at`,
  example: { from_s: 1_700_000_000, to_s: 1_700_000_300 },
})
