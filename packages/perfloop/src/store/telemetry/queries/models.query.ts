import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { quantileBuckets, RED_QUANTILES } from './latency-sql.ts'
import { IN_RANGE, RollupRange, rollupRange } from './rollup-range.ts'
import { count64, pageParams, redRow, SCOPE, scopeParams } from './row-fields.ts'

/** Models by the statements that touch them; a statement over two models counts in both. */
export const models = defineQuery({
  name: 'models',
  params: RollupRange.extend({ ...scopeParams, ...pageParams }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    model: z.string(),
    ...redRow,
    reads: z.number(),
    writes: z.number(),
    total: count64,
  }),
  sql: `
SELECT
  environment,
  service,
  model,
  calls,
  errors,
  duration_ns,
  max_ns,${RED_QUANTILES},
  reads,
  calls - reads AS writes,
  count() OVER () AS total
FROM
(
  SELECT
    environment,
    service,
    model,
    sumIf(called.calls, verb IN ('SELECT', 'SHOW', 'EXPLAIN', 'VALUES', 'WITH')) AS reads,
    sum(called.calls) AS calls,
    sum(called.errors) AS errors,
    sum(called.duration_ns) AS duration_ns,
    toFloat64(max(called.max_ns)) AS max_ns,
    ${quantileBuckets('called.histogram')} AS buckets
  FROM
  (
    SELECT
      environment,
      service,
      statement,
      calls,
      errors,
      duration_ns,
      max_ns,
      histogram
    FROM statements
    WHERE ${SCOPE}
        AND ${IN_RANGE}
  ) AS called
  INNER JOIN
  (
    SELECT
      statement,
      verb,
      arrayJoin(models) AS model
    FROM
    (
      SELECT
        statement,
        argMax(verb, last_seen) AS verb,
        argMax(models, last_seen) AS models
      FROM patterns
      GROUP BY statement
    )
  ) AS pattern USING statement
  GROUP BY
    environment,
    service,
    model
)
ORDER BY
  duration_ns DESC,
  environment,
  service,
  model
LIMIT {limit:UInt32}
OFFSET {offset:UInt32}`,
  example: { ...rollupRange(1_700_000_000_000, 1_700_003_600_000), limit: 20, offset: 0 },
})
