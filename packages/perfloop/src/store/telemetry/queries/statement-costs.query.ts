import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { STATEMENT_COSTS, statementCostParams, statementCostRow } from './statement-costs.ts'

/** What each statement cost in a window, with the operation that calls it most, from single calls. */
export const statementCosts = defineQuery({
  name: 'statement-costs',
  params: z.object(statementCostParams),
  row: z.object(statementCostRow),
  sql: `
WITH${STATEMENT_COSTS}
SELECT *
FROM statement_costs
ORDER BY duration_ns DESC
LIMIT {max_rows:UInt32}`,
  example: {
    from_s: 1_700_000_000,
    to_s: 1_700_000_300,
    max_spans: 1_000_000,
    limits_ns: [100_000_000n, 200_000_000n],
    max_rows: 1_000,
  },
})
