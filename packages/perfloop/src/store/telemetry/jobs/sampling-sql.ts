import { partitionId } from './partition.ts'
import { RANDOMNESS_SQL } from './sampling-threshold.ts'

/** Rejection threshold of a span's environment: 0 keeps all. */
const THRESHOLD = `transform(toString(environment), {environments:Array(String)}, {thresholds:Array(UInt64)}, {default_threshold:UInt64})`
const SINCE = `received_at >= toDateTime({from_s:UInt32}, 'UTC')`
const NOW = `toDateTime({now_s:UInt32}, 'UTC')`
const REJECTED = `${RANDOMNESS_SQL} < ${THRESHOLD}`

/** By its operation, or by its route: `/login` is `POST /login`. */
const IS_CRITICAL = `hasAny(
            {critical:Array(String)},
            [
                concat(service, '\\n', operation),
                concat(service, '\\n', substringIndex(operation, ' ', -1)),
                concat('\\n', operation),
                concat('\\n', substringIndex(operation, ' ', -1))
            ])`

const KEPT = `SELECT trace_id FROM kept_traces WHERE decided_at > toDateTime({remembered_since_s:UInt32}, 'UTC')`

/**
 * Traces that stay whatever chance says: slow, failed or critical. One of which spans were dropped before is
 * not among them: better a trace that is gone than half of one.
 *
 * (The hash tables of these joins hold the candidates of minutes, not the decisions of days: those stream by.)
 */
export const KEEP_TRACES = `
INSERT INTO kept_traces (trace_id, reason, decided_at)
SELECT
    candidate.trace_id,
    multiIf(candidate.failed, 'failed', candidate.slow, 'slow', 'critical') AS reason,
    ${NOW}
FROM
(
    ${KEPT}
    UNION ALL
    SELECT trace_id FROM dropped_traces WHERE expires_at > ${NOW}
) AS decided
RIGHT ANTI JOIN
(
    SELECT
        trace_id,
        max(status = 'error' OR is_failed) AS failed,
        max(is_entry = 1 AND duration_ns > {slow_ns:UInt64}) AS slow
    FROM spans
    WHERE ${SINCE}
        AND ${REJECTED}
        AND (status = 'error' OR is_failed OR (is_entry = 1 AND (duration_ns > {slow_ns:UInt64} OR ${IS_CRITICAL})))
    GROUP BY trace_id
) AS candidate ON decided.trace_id = candidate.trace_id`

/**
 * Traces to drop: those chance rejects and nobody keeps, whose entry has come and which have been quiet for
 * a while, or whose entry did not come for long. The latter are remembered longer: a job may take hours.
 */
export const DROP_TRACES = `
INSERT INTO dropped_traces (trace_id, decided_at, expires_at)
SELECT
    candidate.trace_id,
    ${NOW},
    toDateTime({now_s:UInt32} + if(candidate.has_entry = 1, {remember_s:UInt32}, {remember_rootless_s:UInt32}), 'UTC')
FROM (${KEPT}) AS kept
RIGHT ANTI JOIN
(
    SELECT
        trace_id,
        max(is_entry) AS has_entry,
        toUInt32(max(received_at)) AS last_s
    FROM spans
    WHERE ${SINCE}
        AND ${REJECTED}
    GROUP BY trace_id
    HAVING last_s < if(has_entry = 1, {quiet_before_s:UInt32}, {rootless_before_s:UInt32})
) AS candidate ON kept.trace_id = candidate.trace_id`

/** Marks the rows. Merges leave marked rows out; where none will come, the job removes them. */
export const DELETE_DROPPED = `
DELETE FROM spans
WHERE ${SINCE}
    AND trace_id IN (SELECT trace_id FROM dropped_traces WHERE decided_at = ${NOW})
SETTINGS lightweight_deletes_sync = 2`

export function removeMarked(id: string): string {
  return `ALTER TABLE spans APPLY DELETED MASK IN PARTITION ID '${partitionId(id)}' SETTINGS mutations_sync = 2`
}
