/**
 * A scalar point's series is its `metadata`: the JSON of its unit, sender, start and attributes, written in this order
 * by ingest/columns/metric-rows.ts. Grouping by the whole text and reading it once per group costs a tenth of reading
 * it in every row.
 */
export const RESOURCE_OF_METADATA = `substring(metadata, position(metadata, '"resource":"') + 12, 16)`

/** Points of a range by event time: `[from_s, to_s)`. */
export const SCALAR_IN_RANGE = `timestamp >= toDateTime64({from_s:UInt32}, 9, 'UTC')
    AND timestamp < toDateTime64({to_s:UInt32}, 9, 'UTC')`
export const DISTRIBUTION_IN_RANGE = `time_unix_ns >= toUInt64({from_s:UInt32}) * 1000000000
    AND time_unix_ns < toUInt64({to_s:UInt32}) * 1000000000`
/** Start of the step of a scalar point, Unix seconds. */
export const SCALAR_STEP = `intDiv(toUInt32(toDateTime(timestamp, 'UTC')), {step_s:UInt32}) * {step_s:UInt32}`

/** Steps × series of one answer, of which the oldest are left out: 200 steps of ten processes with 50 series each. */
export const MOST_METRIC_ROWS = 100_000
