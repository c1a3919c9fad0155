import { z } from 'zod'
import { durationNs } from '../../../domain/duration.ts'
import { defineQuery } from '../query.ts'
import { RECEIVED_IN_WINDOW } from './entry-calls.ts'
import { count64, spanKind } from './row-fields.ts'

/** The text of an attribute of an exception event, in OTLP JSON. */
function exceptionField(key: string): string {
  return `extract(s.events, '"exception\\\\.${key}"\\\\s*,\\\\s*"value"\\\\s*:\\\\s*\\\\{\\\\s*"stringValue"\\\\s*:\\\\s*"((?:[^"\\\\\\\\]|\\\\\\\\.)*)"')`
}

const Share = z
  .tuple([z.string(), z.number()])
  .transform(([name, executions]) => ({ name, executions }))

const FAILED = 'm.failed = 1'

/** Entry operations of a window with failed executions: how many, with which status, after which exceptions. */
export const operationFailures = defineQuery({
  name: 'operation-failures',
  params: z.object({ from_s: z.int(), to_s: z.int(), max_rows: z.int() }),
  row: z.object({
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: spanKind,
    executions: z.number(),
    failed: z.number(),
    seen_executions: count64,
    seen_failed: count64,
    /** Time of the failed executions: users waited for nothing. */
    failed_ns: z.number().transform(durationNs),
    /** Status codes of failed executions, the commonest first; 0 where there is none. */
    status_codes: z.array(Share),
    /** Exception types with a message, the commonest first. */
    exceptions: z.array(Share),
    trace_id: z.string(),
    span_id: z.string(),
  }),
  sql: `
WITH
  failing AS
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      sum(m.weight) AS executions,
      sumIf(m.weight, ${FAILED}) AS failed,
      count() AS seen_executions,
      countIf(${FAILED}) AS seen_failed,
      sumIf(m.weight * m.total_ns, ${FAILED}) AS failed_ns,
      sumMapIf(map(toString(m.status_code), m.weight), ${FAILED}) AS by_status,
      argMaxIf((m.trace_id, m.span_id), m.start_unix_ns, ${FAILED}) AS exemplar
    FROM measurements AS m
    WHERE ${RECEIVED_IN_WINDOW}
    GROUP BY
      environment,
      service,
      operation,
      kind
    HAVING failed > 0
    ORDER BY failed DESC
    LIMIT {max_rows:UInt32}
  ),
  failed_traces AS
  (
    SELECT
      trace_id,
      environment,
      service,
      operation,
      toString(kind) AS kind,
      any(m.weight) AS weight
    FROM measurements AS m
    WHERE ${RECEIVED_IN_WINDOW} AND ${FAILED}
    GROUP BY
      trace_id,
      environment,
      service,
      operation,
      kind
  ),
  raised AS
  (
    SELECT
      environment,
      service,
      operation,
      kind,
      sumMap(map(concat(type, if(message = '', '', ': '), message), weight)) AS by_exception
    FROM
    (
      SELECT DISTINCT
        f.trace_id,
        f.environment AS environment,
        f.service AS service,
        f.operation AS operation,
        f.kind AS kind,
        f.weight AS weight,
        ${exceptionField('type')} AS type,
        substringUTF8(${exceptionField('message')}, 1, 200) AS message
      FROM spans AS s
      INNER JOIN failed_traces AS f ON s.trace_id = f.trace_id AND s.service = f.service
      WHERE ${RECEIVED_IN_WINDOW.replaceAll('received_at', 's.received_at')}
        AND (s.status = 'error' OR s.is_failed)
        AND s.events LIKE '%exception%'
    )
    WHERE type != ''
    GROUP BY
      environment,
      service,
      operation,
      kind
  )
SELECT
  failing.environment AS environment,
  failing.service AS service,
  failing.operation AS operation,
  failing.kind AS kind,
  failing.executions AS executions,
  failing.failed AS failed,
  failing.seen_executions AS seen_executions,
  failing.seen_failed AS seen_failed,
  failing.failed_ns AS failed_ns,
  arraySlice(arrayReverseSort(s -> s.2, arrayZip(mapKeys(by_status), mapValues(by_status))), 1, 5) AS status_codes,
  arraySlice(arrayReverseSort(s -> s.2, arrayZip(mapKeys(by_exception), mapValues(by_exception))), 1, 5) AS exceptions,
  lower(hex(failing.exemplar.1)) AS trace_id,
  lower(hex(failing.exemplar.2)) AS span_id
FROM failing
LEFT JOIN raised
  ON failing.environment = raised.environment
  AND failing.service = raised.service
  AND failing.operation = raised.operation
  AND toString(failing.kind) = raised.kind
ORDER BY failed DESC`,
  example: { from_s: 1_700_000_000, to_s: 1_700_000_300, max_rows: 1_000 },
})
