import { z } from 'zod'
import { defineQuery } from '../query.ts'

/** Hours of spans that still hold deleted rows on disk, all of them over at an instant. */
export const maskedPartitions = defineQuery({
  name: 'masked-partitions',
  params: z.object({ before_s: z.int() }),
  row: z.object({ partition_id: z.string() }),
  sql: `
SELECT partition_id
FROM system.parts
WHERE database = currentDatabase()
    AND table = 'spans'
    AND active
GROUP BY partition_id
HAVING max(has_lightweight_delete) = 1
    AND max(max_time) < toDateTime({before_s:UInt32}, 'UTC')
ORDER BY partition_id`,
  example: { before_s: 1_700_000_000 },
})
