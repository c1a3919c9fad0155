import { z } from 'zod'
import { defineQuery } from '../query.ts'

/** The window a job began last: everything received before it is done. */
export const watermark = defineQuery({
  name: 'watermark',
  params: z.object({ job: z.string() }),
  row: z.object({ from_s: z.number(), to_s: z.number() }),
  sql: `
SELECT
  from_s,
  to_s
FROM watermarks
WHERE job = {job:String}
ORDER BY written_at DESC
LIMIT 1`,
  example: { job: 'measurements' },
})
