import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { PlanFact } from '../target-facts.ts'
import { STATEMENT_COSTS, statementCostParams, statementCostRow } from './statement-costs.ts'

/** Statements of a window whose plan a target has told, with what they cost and the newest plan. */
export const statementPlans = defineQuery({
  name: 'statement-plans',
  params: z.object(statementCostParams),
  row: z.object({
    ...statementCostRow,
    target: z.string(),
    collected_at: z.string(),
    plan: z
      .string()
      .transform(text => JSON.parse(text))
      .pipe(PlanFact),
  }),
  sql: `
WITH${STATEMENT_COSTS},
  plans AS
  (
    SELECT
      environment,
      subject,
      argMax(f.target, f.collected_at) AS target,
      argMax(f.document, f.collected_at) AS plan,
      toString(max(f.collected_at)) AS collected_at
    FROM target_facts AS f
    WHERE fact = 'plan'
    GROUP BY
      environment,
      subject
  )
SELECT
  c.*,
  p.target AS target,
  p.collected_at AS collected_at,
  p.plan AS plan
FROM statement_costs AS c
INNER JOIN plans AS p ON c.environment = p.environment AND c.statement = p.subject
ORDER BY c.duration_ns DESC
LIMIT {max_rows:UInt32}`,
  example: {
    from_s: 1_700_000_000,
    to_s: 1_700_000_300,
    max_spans: 1_000_000,
    limits_ns: [],
    max_rows: 1_000,
  },
})
