import { z } from 'zod'
import { defineQuery } from '../query.ts'

const params = z.object({ before_s: z.int() })
const row = z.object({ partition_id: z.string() })
const example = { before_s: 1_700_000_000 }

/** Days of a rollup, all before an instant, that still have rows of minutes or hours. */
function fineRollupPartitionsOf(rollup: string) {
  return defineQuery({
    name: `fine-rollup-partitions-${rollup}`,
    params,
    row,
    sql: `
SELECT DISTINCT _partition_id AS partition_id
FROM ${rollup}
WHERE step_s IN (60, 3600)
    AND bucket < toDateTime({before_s:UInt32}, 'UTC')
ORDER BY partition_id`,
    example,
  })
}

export const fineRollupPartitions = {
  operations: fineRollupPartitionsOf('operations'),
  statements: fineRollupPartitionsOf('statements'),
  breakdowns: fineRollupPartitionsOf('breakdowns'),
}
