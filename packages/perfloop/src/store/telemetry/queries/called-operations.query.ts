import { z } from 'zod'
import { runtimeMetricNames, SIGNS_OF_LIFE } from '../../../domain/runtime-metric.ts'
import { defineQuery } from '../query.ts'
import { RECEIVED_IN_WINDOW } from './entry-calls.ts'
import { count64 } from './row-fields.ts'

const SIGNS = runtimeMetricNames('level', SIGNS_OF_LIFE)
  .map(name => `'${name}'`)
  .join(', ')

/**
 * How often each entry operation was executed in a window: silence means something only where there was traffic. As
 * operation without a name, all executions of a service, and how often its processes told of memory, CPU or pools.
 */
export const calledOperations = defineQuery({
  name: 'called-operations',
  params: z.object({ from_s: z.int(), to_s: z.int(), max_rows: z.int() }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    /** As seen, not weighted: what sampling left. */
    seen_executions: count64,
  }),
  sql: `
SELECT
  environment,
  service,
  operation,
  sum(seen) AS seen_executions
FROM
(
  SELECT
    environment,
    service,
    arrayJoin([operation, '']) AS operation,
    count() AS seen
  FROM measurements
  WHERE ${RECEIVED_IN_WINDOW}
  GROUP BY
    environment,
    service,
    operation
  UNION ALL
  SELECT
    environment,
    service,
    '' AS operation,
    count() AS seen
  FROM performance_metrics
  WHERE ${RECEIVED_IN_WINDOW}
      AND name IN (${SIGNS})
  GROUP BY
    environment,
    service
)
GROUP BY
  environment,
  service,
  operation
ORDER BY seen_executions DESC
LIMIT {max_rows:UInt32}`,
  example: { from_s: 1_700_000_000, to_s: 1_700_000_300, max_rows: 10_000 },
})
