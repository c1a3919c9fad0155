import { z } from 'zod'

/** `[from_s, to_s)` by receive time, Unix seconds, and how many spans may be looked at. */
export const evidenceWindow = {
  from_s: z.int(),
  to_s: z.int(),
  max_spans: z.int(),
}

export const RECEIVED_IN_WINDOW = `received_at >= toDateTime({from_s:UInt32}) AND received_at < toDateTime({to_s:UInt32})`

/** Executions of entry operations of the traces that have a span of the window with `condition`. */
export function entriesBeside(condition: string): string {
  return `
  (
    SELECT
      trace_id,
      service,
      start_unix_ns,
      operation,
      kind
    FROM spans
    WHERE ${RECEIVED_IN_WINDOW}
        AND is_entry = 1
        AND spans.trace_id IN (SELECT trace_id FROM spans WHERE ${RECEIVED_IN_WINDOW} AND ${condition})
  )`
}

const NO_SPAN = `toFixedString('', 8)`

const STATEMENTS = {
  own: 'statement, parameters, result, row_count, status',
  condition: `statement != '' AND is_repeated_layer = 0`,
  torn: 'AND (trace_id, parent_span_id, statement) NOT IN torn_layers',
}
const REQUESTS_OF_OTHERS = {
  own: 'operation AS call, is_failed, status_code',
  // What a client library does within a call of its own is the same call.
  condition: `category = 'external'
        AND kind = 'client'
        AND (trace_id, parent_span_id) NOT IN outer_calls`,
  torn: '',
}
type Calls = Readonly<Record<'own' | 'condition' | 'torn', string>>

/** Calls of the window; with `known`, those that know their entry or those that do not. */
function calls({ own, condition }: Calls, known: string): string {
  return `
      SELECT trace_id, span_id, entry_span_id, service, start_unix_ns, duration_ns, code_location, ${own}
      FROM spans
      WHERE ${RECEIVED_IN_WINDOW}
        AND ${condition}
        AND is_entry = 0
        AND cityHash64(trace_id) % one_in = 0
        AND ${known}`
}

/** Each call with the execution it belongs to, as `entry_calls`. */
function withEntries(which: Calls): string {
  const names = which.own.split(', ').map(name => name.split(' AS ').at(-1) ?? name)
  const columns = `
      c.trace_id AS trace_id,
      e.span_id AS entry_span_id,
      e.environment AS environment,
      e.service AS service,
      e.operation AS operation,
      e.kind AS kind,
      e.weight AS weight,
      c.span_id AS span_id,
      c.start_unix_ns AS start_unix_ns,
      c.duration_ns AS duration_ns,
      c.code_location AS code_location,
      ${names.map(name => `c.${name} AS ${name}`).join(', ')}`
  return `
  entry_calls AS
  (
    SELECT ${columns}
    FROM (${calls(which, `entry_span_id != ${NO_SPAN}`)}) AS c
    INNER JOIN entries AS e ON c.trace_id = e.trace_id AND c.entry_span_id = e.span_id
    UNION ALL
    SELECT ${columns}
    FROM (${calls(which, `entry_span_id = ${NO_SPAN} ${which.torn}`)}) AS c
    ASOF INNER JOIN entries AS e
      ON c.trace_id = e.trace_id AND c.service = e.service AND c.start_unix_ns >= e.start_unix_ns
  )`
}

const ENTRIES = `
  (
    SELECT greatest(1, intDiv(count(), greatest(1, {max_spans:UInt32})))
    FROM spans
    WHERE ${RECEIVED_IN_WINDOW}
  ) AS one_in,
  entries AS
  (
    SELECT
      trace_id,
      span_id,
      service,
      start_unix_ns,
      environment,
      operation,
      toString(kind) AS kind,
      weight * assumeNotNull(one_in) AS weight
    FROM spans
    WHERE ${RECEIVED_IN_WINDOW}
      AND is_entry = 1
      AND cityHash64(trace_id) % one_in = 0
  )`

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
export const ENTRY_CALLS = `${ENTRIES},
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
  ),${withEntries(STATEMENTS)}`

/** The same of calls to other services, with the operation of each as `call`. */
export const ENTRY_EXTERNAL_CALLS = `${ENTRIES},
  outer_calls AS
  (
    SELECT
      trace_id,
      span_id
    FROM spans
    WHERE ${RECEIVED_IN_WINDOW}
      AND category = 'external'
      AND cityHash64(trace_id) % one_in = 0
  ),${withEntries(REQUESTS_OF_OTHERS)}`

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
