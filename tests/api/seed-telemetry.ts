import type { TelemetryEngine } from '../../packages/perfloop/src/store/telemetry/engine.ts'

export interface SeedOptions {
  readonly traces: number
  /** Of the last trace; the others are spread over `overSeconds` before it. */
  readonly untilUnixS: number
  readonly overSeconds: number
  readonly operations?: number
  readonly statements?: number
  readonly services?: number
  /** Number of the first trace, so that several seeds have traces of their own. */
  readonly firstTrace?: number
}

export const STATEMENTS_A_TRACE = 4

/** The trace id, as hexadecimal, of the n-th seeded trace. */
export function seededTrace(n: number): string {
  return `f00d${n.toString(16).padStart(28, '0')}`
}

/**
 * Traces with one server span and four statements each, written by the engine itself, so that rollups fill as
 * they do for received spans. Every tenth trace failed. Deterministic, but for the receive time.
 */
export async function seedTelemetry(engine: TelemetryEngine, options: SeedOptions): Promise<void> {
  const { traces, untilUnixS, overSeconds } = options
  const operations = options.operations ?? 5
  const statements = options.statements ?? 8
  const services = options.services ?? 2
  const first = options.firstTrace ?? 0
  const start = `toUInt64(${untilUnixS - overSeconds}) * 1000000000 + intDiv(toUInt64(number) * ${overSeconds} * 1000000, ${traces}) * 1000`
  const trace = `toFixedString(unhex(concat('f00d', leftPad(lower(hex(number + ${first})), 28, '0'))), 16)`
  const span = (n: string) =>
    `toFixedString(unhex(leftPad(lower(hex((number + ${first}) * 8 + ${n})), 16, '0')), 8)`
  const service = `concat('service-', toString(number % ${services}))`
  const duration = `toUInt64(1000000 * (20 + cityHash64(number) % 200))`

  await engine.execute(`
    INSERT INTO patterns (statement, dialect, text, summary, verb, models, last_seen)
    SELECT leftPad(lower(hex(number + 1)), 16, '0'), 'postgresql',
      concat('SELECT * FROM item_', toString(number), ' WHERE id = ?'), concat('SELECT item_', toString(number)),
      if(number % 4 = 3, 'UPDATE', 'SELECT'), [concat('item_', toString(number % 3))], now()
    FROM numbers(${statements})`)
  await engine.execute(`
    INSERT INTO shapes (shape, scope_name, scope_version, keys, types, variable, constants, last_seen) VALUES
      ('00000000000000a1', 'http', '1.0', ['@name', 'http.request.method', 'http.response.status_code', 'user'], 'ssis', [0, 0, 1, 1], ['', 'GET', '', ''], now()),
      ('00000000000000a2', 'pg', '2.0', ['db.system.name'], 's', [0], ['postgresql'], now())`)
  await engine.execute(`
    INSERT INTO resources (resource, environment, service, instance, attributes, last_seen)
    SELECT leftPad(lower(hex(number)), 16, '0'), 'production', concat('service-', toString(number)), 'one',
      map('service.name', concat('"service-', toString(number), '"'), 'process.pid', '42'), now()
    FROM numbers(${services})`)
  await engine.execute(`
    INSERT INTO spans (environment, service, operation, kind, category, status, status_code, is_entry, trace_id, ids,
      start_unix_ns, duration_ns, resource, shape, attribute_values, events, weight, received_at, retention_days)
    SELECT 'production', ${service}, concat('GET /thing-', toString(intDiv(number, ${services}) % ${operations})), 'server', 'other',
      if(number % 10 = 0, 'error', 'unset'), if(number % 10 = 0, 500, 200), 1, ${trace},
      concat(${span('1')}, toFixedString('', 8), ${span('1')}), ${start}, ${duration}, leftPad(lower(hex(number % ${services})), 16, '0'),
      '00000000000000a1', [if(number % 10 = 0, '500', '200'), concat('user-', toString(number % 97))],
      if(number % 10 = 0, '[{"timeUnixNano":"1","name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"Oops"}}]}]', ''),
      1, toDateTime(intDiv(${start}, 1000000000)), 7
    FROM numbers(${traces})`)
  await engine.execute(`
    INSERT INTO spans (environment, service, operation, kind, category, trace_id, ids,
      start_unix_ns, duration_ns, statement, parameters, row_count, code_location, resource, shape, attribute_values, weight, received_at, retention_days)
    SELECT 'production', ${service}, 'SELECT', 'client', 'db', ${trace}, concat(${span('2 + n')}, ${span('1')}, ${span('1')}),
      ${start} + n * 2000000, toUInt64(500000 * (1 + cityHash64(number, n) % 8)),
      leftPad(lower(hex((number * ${STATEMENTS_A_TRACE} + n) % ${statements} + 1)), 16, '0'), number % 1000 + 1, 3, 'app.js:10',
      leftPad(lower(hex(number % ${services})), 16, '0'), '00000000000000a2', [], 1, toDateTime(intDiv(${start}, 1000000000)), 7
    FROM numbers(${traces}) ARRAY JOIN range(${STATEMENTS_A_TRACE}) AS n`)
  await engine.execute(`
    INSERT INTO measurements (environment, service, operation, kind, start_unix_ns, trace_id, span_id, total_ns, sending_ns,
      query_count, db_ns, render_ns, external_ns, failed, status_code, weight, received_at)
    SELECT environment, service, operation, kind, start_unix_ns, trace_id, span_id, duration_ns, 0,
      ${STATEMENTS_A_TRACE}, 8000000, 1000000, 0, status = 'error', status_code, 1, received_at
    FROM spans WHERE is_entry = 1 AND start_unix_ns >= toUInt64(${untilUnixS - overSeconds}) * 1000000000`)
}
