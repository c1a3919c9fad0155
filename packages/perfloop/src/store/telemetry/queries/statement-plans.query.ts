import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { PlanFact } from '../target-facts.ts'
import { STATEMENT_COSTS, statementCostParams, statementCostRow } from './statement-costs.ts'

/**
 * Statements of a window whose plan a target has told, with what they cost. Equal statements of two services are
 * two statements when they run on two databases: a plan speaks for the services of its target only. One that is
 * not in its target's last collection is past.
 */
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
  newest AS
  (
    SELECT
      environment,
      target,
      max(collected_at) AS collected_at
    FROM target_facts
    GROUP BY
      environment,
      target
  ),
  plans AS
  (
    SELECT
      f.environment AS environment,
      f.target AS target,
      f.subject AS subject,
      f.collected_at AS collected_at,
      f.document AS plan,
      JSONExtract(f.document, 'services', 'Array(String)') AS services
    FROM target_facts AS f
    INNER JOIN newest AS n
      ON f.environment = n.environment AND f.target = n.target AND f.collected_at = n.collected_at
    WHERE f.fact = 'plan'
  )
SELECT *
FROM
(
  SELECT
    c.*,
    p.target AS target,
    toString(p.collected_at) AS collected_at,
    p.plan AS plan
  FROM statement_costs AS c
  INNER JOIN plans AS p ON c.environment = p.environment AND c.statement = p.subject
  WHERE empty(p.services) OR has(p.services, c.service)
  ORDER BY notEmpty(p.services) DESC, p.collected_at DESC
  LIMIT 1 BY c.environment, c.service, c.statement
)
ORDER BY duration_ns DESC
LIMIT {max_rows:UInt32}`,
  example: {
    from_s: 1_700_000_000,
    to_s: 1_700_000_300,
    max_spans: 1_000_000,
    limits_ns: [],
    max_rows: 1_000,
  },
})
