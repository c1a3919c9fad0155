import { z } from 'zod'

/** `[from_s, to_s)` by receive time, Unix seconds, and how many spans may be looked at. */
export const evidenceWindow = {
  from_s: z.int(),
  to_s: z.int(),
  max_spans: z.int(),
}

export const RECEIVED_IN_WINDOW = `received_at >= toDateTime({from_s:UInt32}) AND received_at < toDateTime({to_s:UInt32})`

const NO_SPAN = `toFixedString('', 8)`

/**
 * Common table expressions that give every database call of a window together with the execution of the
 * entry operation it belongs to, as `entry_calls`.
 *
 * - A busy window is thinned by whole traces (`one_in`), so that the work has a bound and an execution is
 *   either seen whole or not at all; weights grow accordingly.
 * - A span usually knows its entry. Exporters send children before their parents, so a batch may end in
 *   between; then the entry of its own service in its trace that began last before it is taken.
 * - A statement seen by two layers (an ORM above a driver) counts once: `is_repeated_layer` where one batch
 *   held both, `torn_layers` where a batch ended in between.
 */
export const ENTRY_CALLS = `
  (
    SELECT greatest(1, intDiv(count(), greatest(1, {max_spans:UInt32})))
    FROM spans
    WHERE ${RECEIVED_IN_WINDOW}
  ) AS one_in,
  traces_of_entries AS
  (
    SELECT
      trace_id,
      arraySort(e -> e.3, groupArray((
        span_id, service, start_unix_ns, environment, operation, toString(kind), weight * assumeNotNull(one_in)
      ))) AS entries
    FROM spans
    WHERE ${RECEIVED_IN_WINDOW}
      AND is_entry = 1
      AND cityHash64(trace_id) % one_in = 0
    GROUP BY trace_id
  ),
  torn_layers AS
  (
    SELECT
      trace_id,
      span_id,
      statement
    FROM spans
    WHERE ${RECEIVED_IN_WINDOW}
      AND statement != ''
      AND (trace_id, span_id) IN (
        SELECT trace_id, parent_span_id
        FROM spans
        WHERE ${RECEIVED_IN_WINDOW}
          AND statement != ''
          AND entry_span_id = ${NO_SPAN}
          AND cityHash64(trace_id) % one_in = 0
      )
  ),
  entry_calls AS
  (
    SELECT
      call.trace_id AS trace_id,
      entry.1 AS entry_span_id,
      entry.4 AS environment,
      entry.2 AS service,
      entry.5 AS operation,
      entry.6 AS kind,
      entry.7 AS weight,
      call.span_id AS span_id,
      call.statement AS statement,
      call.parameters AS parameters,
      call.start_unix_ns AS start_unix_ns,
      call.duration_ns AS duration_ns,
      call.row_count AS row_count,
      call.code_location AS code_location,
      call.status AS status
    FROM
    (
      SELECT
        c.trace_id AS trace_id,
        c.span_id AS span_id,
        c.statement AS statement,
        c.parameters AS parameters,
        c.start_unix_ns AS start_unix_ns,
        c.duration_ns AS duration_ns,
        c.row_count AS row_count,
        c.code_location AS code_location,
        c.status AS status,
        arrayFirst(e -> e.1 = c.entry_span_id, t.entries) AS known,
        arrayLast(e -> e.2 = c.service AND e.3 <= c.start_unix_ns, t.entries) AS nearest,
        if(known.1 = ${NO_SPAN}, nearest, known) AS entry
      FROM spans AS c
      INNER JOIN traces_of_entries AS t ON c.trace_id = t.trace_id
      WHERE ${RECEIVED_IN_WINDOW.replaceAll('received_at', 'c.received_at')}
        AND c.statement != ''
        AND c.is_repeated_layer = 0
        AND c.is_entry = 0
        AND (c.entry_span_id != ${NO_SPAN} OR (c.trace_id, c.parent_span_id, c.statement) NOT IN torn_layers)
        AND cityHash64(c.trace_id) % one_in = 0
    ) AS call
    WHERE entry.1 != ${NO_SPAN}
  )`

/** The text of each statement, once. */
export const PATTERN_TEXTS = `
  (
    SELECT
      statement,
      argMax(text, last_seen) AS text,
      argMax(summary, last_seen) AS summary,
      argMax(verb, last_seen) AS verb,
      argMax(dialect, last_seen) AS dialect,
      argMax(models, last_seen) AS models
    FROM patterns
    GROUP BY statement
  )`
