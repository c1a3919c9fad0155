import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64 } from './row-fields.ts'

/** Whether anything was received since an instant that a sampling rate below 1 applies to. */
export const sampledSpans = defineQuery({
  name: 'sampled-spans',
  params: z.object({
    from_s: z.int(),
    sampled_environments: z.array(z.string()),
    named_environments: z.array(z.string()),
    others_are_sampled: z.boolean(),
  }),
  row: z.object({ found: count64 }),
  sql: `
SELECT 1 AS found
FROM spans
WHERE received_at >= toDateTime({from_s:UInt32}, 'UTC')
    AND (environment IN {sampled_environments:Array(String)}
      OR ({others_are_sampled:Bool} AND environment NOT IN {named_environments:Array(String)}))
LIMIT 1`,
  example: {
    from_s: 1_700_000_000,
    sampled_environments: ['production'],
    named_environments: ['production', 'development'],
    others_are_sampled: false,
  },
})
