import { z } from 'zod'
import { defineQuery } from '../query.ts'

const params = z.object({ before_s: z.int() })
const row = z.object({ partition_id: z.string() })
const example = { before_s: 1_700_000_000 }

/** Months of a rollup that hold days before an instant. */
function monthsWithExpiredDays(rollup: string) {
  return defineQuery({
    name: `months-with-expired-days-${rollup}`,
    params,
    row,
    sql: `
SELECT DISTINCT _partition_id AS partition_id
FROM ${rollup}
WHERE step_s = 86400
    AND bucket < toDateTime({before_s:UInt32}, 'UTC')
ORDER BY partition_id`,
    example,
  })
}

export const expiredDays = {
  operations: monthsWithExpiredDays('operations'),
  statements: monthsWithExpiredDays('statements'),
  breakdowns: monthsWithExpiredDays('breakdowns'),
}
