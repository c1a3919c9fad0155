/**
 * A scalar point's series is its `metadata`: the JSON of its unit, sender, start and attributes, written in this order
 * by ingest/columns/metric-rows.ts. Grouping by the whole text and reading it once per group costs a tenth of reading
 * it in every row.
 */
export const RESOURCE_OF_METADATA = `substring(metadata, position(metadata, '"resource":"') + 12, 16)`

/**
 * A sender may tell any number a double can hold. No process has that many bytes or seconds of anything, and sums and
 * squares of what is within this stay finite: infinity is no JSON number.
 */
const MOST = '1e100'
/** Points whose value somebody can have measured. */
export const SCALAR_IS_SANE = `value BETWEEN -${MOST} AND ${MOST}`
const DISTRIBUTION_IS_SANE = `sum BETWEEN -${MOST} AND ${MOST}`

/** Points of a range by event time: `[from_s, to_s)`. */
export const SCALAR_IN_RANGE = `timestamp >= toDateTime64({from_s:UInt32}, 9, 'UTC')
    AND timestamp < toDateTime64({to_s:UInt32}, 9, 'UTC')
    AND ${SCALAR_IS_SANE}`
export const DISTRIBUTION_IN_RANGE = `time_unix_ns >= toUInt64({from_s:UInt32}) * 1000000000
    AND time_unix_ns < toUInt64({to_s:UInt32}) * 1000000000
    AND ${DISTRIBUTION_IS_SANE}`
/** Start of the step of a scalar point, Unix seconds. */
export const SCALAR_STEP = `intDiv(toUInt32(toDateTime(timestamp, 'UTC')), {step_s:UInt32}) * {step_s:UInt32}`

/** The instance each resource belongs to. */
export const SENDERS = `
(
  SELECT
    resource,
    argMax(instance, last_seen) AS instance
  FROM resources
  GROUP BY resource
)`

/** Steps × series of one answer, of which the oldest are left out: 200 steps of ten processes with 50 series each. */
export const MOST_METRIC_ROWS = 100_000
