import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64 } from './row-fields.ts'

/**
 * Partitions on disk. Their names tell what they hold: `20261121` a day, `(7,'2026-11-21 22:00:00')` an hour of
 * spans that are kept for 7 days; the ids are what DDL takes.
 */
export const partitions = defineQuery({
  name: 'partitions',
  params: z.object({}),
  row: z.object({
    table: z.string(),
    partition: z.string(),
    partition_id: z.string(),
    rows: count64,
    size_bytes: count64,
  }),
  sql: `
SELECT
  table,
  partition,
  partition_id,
  sum(rows) AS rows,
  sum(bytes_on_disk) AS size_bytes
FROM system.parts
WHERE database = currentDatabase()
    AND active
GROUP BY
  table,
  partition,
  partition_id
ORDER BY
  table,
  partition_id`,
  example: {},
})
