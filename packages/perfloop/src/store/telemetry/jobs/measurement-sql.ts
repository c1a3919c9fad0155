/**
 * Measures the entry spans received in a window. The parts of an execution are wall-clock time: the length of
 * the union of its children's intervals, clipped to the entry, counted in the order db, external, render, so
 * that time in which a statement runs inside a template is db time and the parts add up to the total.
 *
 * A child belongs to the entry span above it. Where its batch did not tell (exporters cut traces in two), it
 * belongs to the entry that is its parent, or else to the latest entry of its service and trace that had
 * started and not ended when it started.
 *
 * Joins do the filtering: `trace_id IN (…)` of thousands would test each against every granule's bloom filter,
 * which was measured at half the cost of the whole. Only the few traces whose entries took so long that their
 * children were received long before (`long`) are looked up that way.
 */
export function measurementSql(has: { readonly long: boolean }): string {
  return `
INSERT INTO measurements
(
    environment, service, operation, kind, start_unix_ns, trace_id, span_id, total_ns, sending_ns,
    query_count, db_ns, render_ns, external_ns, failed, status_code, weight, received_at
)
SELECT
    environment, service, operation, kind, start_unix_ns, trace_id, span_id, total_ns, 0 AS sending_ns,
    query_count,
    db AS db_ns,
    least(busy, total_ns) - waiting AS render_ns,
    waiting - db AS external_ns,
    failed, status_code, weight, received_at
FROM
(
    SELECT
        entry.trace_id AS trace_id,
        entry.span_id AS span_id,
        any(entry.environment) AS environment,
        any(entry.service) AS service,
        any(entry.operation) AS operation,
        any(entry.kind) AS kind,
        any(entry.starts) AS start_unix_ns,
        any(entry.ends - entry.starts) AS total_ns,
        any(entry.failed) AS failed,
        any(entry.status_code) AS status_code,
        any(entry.weight) AS weight,
        any(entry.received_at) AS received_at,
        toUInt32(countIf(child.is_query)) AS query_count,
        ${wallClock(`child.category = 'db'`)} AS db,
        ${wallClock(`child.category IN ('db', 'external')`)} AS waiting,
        ${wallClock(`child.category != 'other'`)} AS busy
    FROM (${has.long ? attributed([RECENT, LONG]) : attributed([RECENT])}) AS child
    RIGHT JOIN (${ENTRIES}) AS entry
        ON child.trace_id = entry.trace_id AND child.entry_span_id = entry.span_id
    GROUP BY
        entry.trace_id,
        entry.span_id
)`
}

const IN_WINDOW = `received_at >= toDateTime({from_s:UInt32}, 'UTC') AND received_at < toDateTime({to_s:UInt32}, 'UTC')`

const ENTRIES = `
    SELECT
        environment, service, operation, kind, is_failed AS failed, status_code, weight, received_at,
        trace_id, span_id, start_unix_ns AS starts, start_unix_ns + duration_ns AS ends
    FROM spans
    WHERE is_entry = 1 AND ${IN_WINDOW}`

const RECENT = `received_at >= toDateTime({children_from_s:UInt32}, 'UTC')
        AND received_at < toDateTime({children_to_s:UInt32}, 'UTC')`
const LONG = `received_at >= toDateTime({long_children_from_s:UInt32}, 'UTC')
        AND received_at < toDateTime({children_from_s:UInt32}, 'UTC')
        AND trace_id IN (SELECT trace_id FROM spans WHERE is_entry = 1 AND duration_ns > {long_ns:UInt64} AND ${IN_WINDOW})`

const NOT_TOLD = `toFixedString('', 8)`
const CHILD_COLUMNS = `
        category,
        category = 'db' AND statement != '' AND is_repeated_layer = 0 AS is_query,
        start_unix_ns AS starts,
        start_unix_ns + duration_ns AS ends`

/** Children with their entry span, of each of the ranges. */
function attributed(ranges: readonly string[]): string {
  return ranges.flatMap(range => [told(range), adopted(range)]).join('\n    UNION ALL')
}

function told(range: string): string {
  return `
    SELECT
        trace_id,
        entry_span_id,${CHILD_COLUMNS}
    FROM spans
    WHERE is_entry = 0
        AND category != 'other'
        AND entry_span_id != ${NOT_TOLD}
        AND ${range}`
}

function adopted(range: string): string {
  return `
    SELECT
        child.trace_id AS trace_id,
        argMax(entry.span_id, (entry.span_id = child.parent_span_id, entry.starts)) AS entry_span_id,
        any(child.category) AS category,
        any(child.is_query) AS is_query,
        any(child.starts) AS starts,
        any(child.ends) AS ends
    FROM
    (
        SELECT environment, service, trace_id, span_id, parent_span_id,${CHILD_COLUMNS}
        FROM spans
        WHERE is_entry = 0
            AND category != 'other'
            AND entry_span_id = ${NOT_TOLD}
            AND ${range}
    ) AS child
    INNER JOIN (${ENTRIES}) AS entry
        ON child.trace_id = entry.trace_id
        AND child.service = entry.service
        AND child.environment = entry.environment
    WHERE child.starts >= entry.starts
        AND child.starts <= entry.ends
    GROUP BY
        child.trace_id,
        child.span_id`
}

/** Length of the union of the children's intervals that meet a condition, within the entry. */
function wallClock(condition: string): string {
  return `intervalLengthSumIf(
            greatest(child.starts, entry.starts),
            least(child.ends, entry.ends),
            ${condition} AND child.starts < entry.ends AND child.ends > entry.starts)`
}
