import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64 } from './row-fields.ts'

/** How much each target told when it was asked last. */
export const targetFactCounts = defineQuery({
  name: 'target-fact-counts',
  params: z.object({}),
  row: z.object({
    target: z.string(),
    tables: count64,
    indexes: count64,
    plans: count64,
  }),
  sql: `
SELECT
  target,
  uniqExactIf(subject, fact = 'table') AS tables,
  uniqExactIf(subject, fact = 'index') AS indexes,
  uniqExactIf(subject, fact = 'plan') AS plans
FROM target_facts
WHERE (target, collected_at) IN
(
  SELECT
    target,
    max(collected_at)
  FROM target_facts
  GROUP BY target
)
GROUP BY target`,
  example: {},
})

/** Targets that something is known of, whether they are still there or not. */
export const targetsWithFacts = defineQuery({
  name: 'targets-with-facts',
  params: z.object({}),
  row: z.object({ environment: z.string(), target: z.string() }),
  sql: `
SELECT DISTINCT
  environment,
  target
FROM target_facts`,
  example: {},
})

/** The newest plan of a statement, on whichever target it was explained. */
export const statementPlan = defineQuery({
  name: 'statement-plan',
  params: z.object({ environment: z.string().default(''), statement: z.string() }),
  row: z.object({
    target: z.string(),
    document: z.string(),
    collected_unix_ms: count64,
  }),
  sql: `
SELECT
  target,
  document,
  toUnixTimestamp64Milli(collected_at) AS collected_unix_ms
FROM target_facts
WHERE fact = 'plan'
    AND subject = {statement:String}
    AND ({environment:String} = '' OR environment = {environment:String})
ORDER BY collected_at DESC
LIMIT 1`,
  example: { statement: '0123456789abcdef' },
})
