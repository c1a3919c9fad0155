import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { RED_QUANTILES, RED_SUMS } from './latency-sql.ts'
import { IN_STEP_RANGE, STEP_START, StepRange, stepRange } from './rollup-range.ts'
import { BREAKDOWN_SUMS, breakdownRow, count64, redRow, SCOPE, scopeParams } from './row-fields.ts'

const OPERATION = `whole_service = ({operation:String} = '')
    AND ({operation:String} = '' OR operation = {operation:String} AND kind = {kind:String})`
const seriesParams = StepRange.extend({
  ...scopeParams,
  operation: z.string().default(''),
  kind: z.string().default(''),
})
const example = {
  ...stepRange(1_700_000_000_000, 1_700_003_600_000),
  environment: 'production',
  service: 'shop',
  operation: 'GET /orders/:id',
  kind: 'server',
}

/** Rate, errors and percentiles per step, of one operation or (operation empty) of all requests. */
export const redSeries = defineQuery({
  name: 'red-series',
  params: seriesParams,
  row: z.object({ step_start_s: count64, ...redRow }),
  sql: `
SELECT
  step_start_s,
  calls,
  errors,
  duration_ns,
  max_ns,${RED_QUANTILES}
FROM
(
  SELECT
    ${STEP_START} AS step_start_s,${RED_SUMS}
  FROM operations
  WHERE ${SCOPE}
      AND ${OPERATION}
      AND ${IN_STEP_RANGE}
  GROUP BY step_start_s
)
ORDER BY step_start_s`,
  example,
})

/** What executions spent their time on, per step: sums, to be divided by `executions`. */
export const breakdownSeries = defineQuery({
  name: 'breakdown-series',
  params: seriesParams,
  row: z.object({ step_start_s: count64, ...breakdownRow }),
  sql: `
SELECT
  ${STEP_START} AS step_start_s,
  ${BREAKDOWN_SUMS}
FROM breakdowns
WHERE ${SCOPE}
    AND ${OPERATION}
    AND ${IN_STEP_RANGE}
GROUP BY step_start_s
ORDER BY step_start_s`,
  example,
})
