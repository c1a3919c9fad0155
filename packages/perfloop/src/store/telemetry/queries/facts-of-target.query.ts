import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { TargetFact } from '../target-facts.ts'

/** What a target told when it was asked last. */
export const factsOfTarget = defineQuery({
  name: 'facts-of-target',
  params: z.object({ environment: z.string(), target: z.string() }),
  row: z.object({
    fact: z
      .string()
      .transform(text => JSON.parse(text))
      .pipe(TargetFact),
  }),
  sql: `
SELECT document AS fact
FROM target_facts FINAL
WHERE environment = {environment:String}
    AND target = {target:String}
    AND collected_at =
    (
      SELECT max(collected_at)
      FROM target_facts
      WHERE environment = {environment:String}
          AND target = {target:String}
    )
ORDER BY
  fact,
  subject`,
  example: { environment: 'production', target: 'target' },
})
