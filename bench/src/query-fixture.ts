import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Session } from 'chdb'
import { startServerUnderTest } from './server-under-test.ts'

/** A store that was filled once and is asked in every run until it is a day old. */
export interface QueryFixture {
  readonly dataDirectory: string
  /** The end of its time, Unix seconds: "now" for whoever asks. */
  readonly endS: number
  readonly spans: number
}

const SPAN_DAYS = 7
const ROLLUP_DAYS = 30
const SPANS_PER_TRACE = 9
const HOUR_S = 3_600
const DAY_S = 86_400
/** One insert: the hours of it are partitions. */
const CHUNK_S = 6 * HOUR_S
const MINUTE_MS = 60_000
const REUSED_FOR_S = DAY_S

/**
 * Spans over the seven days that spans are kept, with rollups made from them by the schema's own views; the rollups of
 * the weeks before are copies of theirs, minutes included, for as long as minutes are kept. By SQL: sending so
 * many would take an hour, and what is measured is reading.
 */
export async function queryFixture(directory: string, spans: number): Promise<QueryFixture> {
  const dataDirectory = join(directory, `query-${spans}`)
  const noteFile = join(dataDirectory, 'fixture.json')
  const nowS = Math.floor(Date.now() / 1_000)
  if (existsSync(noteFile)) {
    const { endS } = JSON.parse(readFileSync(noteFile, 'utf8')) as { endS: number }
    if (nowS - endS < REUSED_FOR_S) return { dataDirectory, endS, spans }
  }
  rmSync(dataDirectory, { recursive: true, force: true })
  mkdirSync(dataDirectory, { recursive: true })
  const server = await startServerUnderTest({ directory, dataDirectory })
  await server.stop()
  const endS = Math.floor(nowS / 60) * 60
  await fill(dataDirectory, spans, endS)
  writeFileSync(noteFile, JSON.stringify({ endS }))
  return { dataDirectory, endS, spans }
}

async function fill(dataDirectory: string, spans: number, endS: number): Promise<void> {
  const session = new Session(`${dataDirectory}/telemetry`)
  const run = (sql: string) => session.queryAsync(sql)
  try {
    await run(PATTERNS)
    await run(SHAPES)
    await run(`INSERT INTO resources SELECT 'resource', 'production', 'any', 'one', map(), now()`)
    // Everything is measured and decided: the jobs of the server have nothing to catch up with.
    await run(
      `INSERT INTO watermarks (job, from_s, to_s) SELECT arrayJoin(['measurements', 'sampling']), ${endS - 60}, ${endS}`,
    )
    const traces = Math.floor(spans / SPANS_PER_TRACE)
    const chunks = (SPAN_DAYS * DAY_S) / CHUNK_S
    const perChunk = Math.ceil(traces / chunks)
    const startS = endS - SPAN_DAYS * DAY_S
    for (let chunk = 0; chunk < chunks; chunk++) {
      const first = chunk * perChunk
      const count = Math.min(perChunk, traces - first)
      await run(insertSpans(first, count, startS + chunk * CHUNK_S))
      process.stderr.write(`\rspans ${Math.round(((chunk + 1) / chunks) * 100)} %`)
    }
    await run(MEASUREMENTS)
    for (const table of ['operations', 'statements', 'breakdowns']) {
      await run(`OPTIMIZE TABLE ${table}`)
      for (let week = SPAN_DAYS; week < ROLLUP_DAYS; week += SPAN_DAYS) {
        await run(`
          INSERT INTO ${table}
          SELECT * REPLACE (bucket - toIntervalDay(${week}) AS bucket)
          FROM (SELECT * FROM ${table} WHERE bucket >= toDateTime(${endS - Math.min(SPAN_DAYS, ROLLUP_DAYS - week) * DAY_S}, 'UTC') AND bucket < toDateTime(${endS}, 'UTC'))
          ${IN_BIG_BLOCKS}`)
      }
      process.stderr.write(`\rrollups of ${table}   `)
    }
    await untilMerged(session)
    process.stderr.write('\n')
  } finally {
    session.close()
  }
}

/** As a store would be that took a month to fill. */
async function untilMerged(session: Session): Promise<void> {
  const until = performance.now() + 3 * MINUTE_MS
  const merging = async () =>
    Number(
      (await session.queryAsync('SELECT count() FROM system.merges', { format: 'TSV' })).text(),
    )
  while ((await merging()) > 0 && performance.now() < until) {
    await new Promise(resolve => setTimeout(resolve, 500))
  }
}

const IN_BIG_BLOCKS = `SETTINGS max_partitions_per_insert_block = 0, max_insert_threads = 1,
  max_insert_block_size = 2000000, min_insert_block_size_rows = 2000000, min_insert_block_size_bytes = 0`

const SERVICES = `['storefront', 'checkout', 'catalogue', 'accounts', 'fulfilment']`
const RESOURCES = `['products', 'baskets', 'shipments', 'invoices', 'reviews', 'returns', 'coupons', 'stock', 'tickets', 'vendors']`
const ACTIONS = `['', '/:id', '/:id/lines', '/:id/history', '/search']`
const STATEMENTS_PER_TABLE = 56
const statementId = (service: string, resource: string, number: string) =>
  `lower(hex(sipHash64(${service}, ${resource}, toUInt32(${number}))))`

const PATTERNS = `
  INSERT INTO patterns (statement, dialect, text, summary, verb, models, last_seen)
  SELECT
    ${statementId('service', 'resource', 'n')},
    'postgresql',
    concat('SELECT t.id, t.name, t.column_', toString(n), ' FROM ', table, ' t WHERE t.column_', toString(n % 11), ' = ? AND t.state = ? ORDER BY t.created_at DESC LIMIT ?'),
    concat('SELECT ', table),
    'SELECT',
    [table],
    now()
  FROM
  (
    SELECT arrayJoin(${SERVICES}) AS service, arrayJoin(${RESOURCES}) AS resource, arrayJoin(range(${STATEMENTS_PER_TABLE})) AS n, concat(service, '_', resource) AS table
  )`

const SHAPES = `
  INSERT INTO shapes (shape, scope_name, scope_version, keys, types, variable, constants, last_seen)
  SELECT shape, 'bench', '1', keys, repeat('s', length(keys)), arrayMap(key -> 1, keys), arrayMap(key -> '', keys), now()
  FROM values('shape String, keys Array(String)',
    ('server', ['http.request.method', 'url.path', 'client.address']),
    ('middleware', ['express.name']),
    ('db', ['db.namespace']),
    ('client', ['url.full', 'server.address']))`

/** A uniform number in [0, 1) of a trace or span, the same in every run. */
const uniform = (of: string, salt: number) => `(sipHash64(${of}, ${salt}) / 18446744073709551616)`
/** Skewed, as calls are: the first of ten gets a third. */
const skewed = (of: string, salt: number, choices: number) =>
  `toUInt32(floor(${choices} * pow(${uniform(of, salt)}, 2)))`

/** Traces as those of the generator that sends OTLP: a request, a middleware, six statements, a call. */
function insertSpans(firstTrace: number, traces: number, startS: number): string {
  return `
    INSERT INTO spans
    (
      environment, service, operation, kind, category, status, status_code, is_entry, trace_id, ids, start_unix_ns, duration_ns, statement, parameters, code_location, resource, shape,
      attribute_values, weight, received_at, retention_days
    )
    WITH
      intDiv(number, ${SPANS_PER_TRACE}) AS trace,
      number % ${SPANS_PER_TRACE} AS n,
      ${SERVICES}[1 + sipHash64(trace, 1) % 5] AS trace_service,
      ${RESOURCES}[1 + ${skewed('trace', 2, 10)}] AS resource_name,
      concat(if(sipHash64(trace, 3) % 5 = 0, 'POST', 'GET'), ' /api/', trace_service, '/', resource_name, ${ACTIONS}[1 + ${skewed('trace', 4, 5)}]) AS route,
      concat(trace_service, '_', resource_name) AS table,
      toUInt64(8e6 * exp(1.2 * sqrt(-2 * log(1 - ${uniform('trace', 5)})) * cos(2 * pi() * ${uniform('trace', 6)})) + 2e6) AS total,
      toUInt64(${startS}) * 1000000000 + toUInt64((trace - ${firstTrace} + ${uniform('trace', 7)}) / ${traces} * ${CHUNK_S}e9) AS begun,
      n >= 2 AND n < 8 AS is_call,
      t -> reinterpretAsFixedString(sipHash64(t, 8)) AS id
    SELECT
      'production',
      trace_service,
      multiIf(n = 0, route, n = 1, concat('middleware - ', ['session', 'router', 'auth'][1 + sipHash64(trace, 9) % 3]), is_call, concat('SELECT ', table), 'GET'),
      multiIf(n = 0, 'server', n = 1, 'internal', 'client'),
      multiIf(is_call, 'db', n = 8, 'external', 'other'),
      if(n = 0 AND sipHash64(trace, 10) % 250 = 0, 'error', 'unset'),
      if(n = 0, 200, 0),
      n = 0,
      sipHash128(trace),
      concat(id(number), if(n = 0, toFixedString('', 8), id(number - n + (n > 1))), id(number - n)),
      begun + toUInt64(total * multiIf(n = 0, 0, n = 1, 0.02, is_call, 0.05 + (n - 2) * 0.13, 0.84)),
      toUInt64(total * multiIf(n = 0, 1, n = 1, 0.9, is_call, 0.1 * (0.3 + ${uniform('number', 11)}), 0.06)),
      if(is_call, ${statementId('trace_service', 'resource_name', skewed('number', 12, STATEMENTS_PER_TABLE))}, ''),
      if(is_call, toUInt32(sipHash64(number, 13)), 0),
      if(is_call, concat('src/', resource_name, '.js:', toString(38 + n)), ''),
      'resource',
      multiIf(n = 0, 'server', n = 1, 'middleware', is_call, 'db', 'client'),
      multiIf(n = 0, ['GET', concat('/api/', toString(sipHash64(trace, 14) % 1000000)), concat('10.0.', toString(sipHash64(trace, 15) % 1000))], n = 1, ['router'], is_call, [trace_service], [concat('https://prices.internal/', toString(sipHash64(trace, 16) % 100000)), 'prices.internal']),
      1,
      toDateTime(intDiv(begun + total, 1000000000) + 1, 'UTC'),
      7
    FROM numbers(${firstTrace * SPANS_PER_TRACE}, ${traces * SPANS_PER_TRACE})
    ${IN_BIG_BLOCKS}`
}

/** What the measurement job would have made of these spans: their parts do not overlap. */
const MEASUREMENTS = `
  INSERT INTO measurements
  (
    environment, service, operation, kind, start_unix_ns, trace_id, span_id, total_ns, sending_ns, query_count, db_ns,
    render_ns, external_ns, failed, status_code, weight, received_at
  )
  SELECT
    environment, service, operation, kind, start_unix_ns, trace_id, span_id, duration_ns, 0, 6,
    toUInt64(duration_ns * 0.48), 0, toUInt64(duration_ns * 0.06), status = 'error', status_code, weight, received_at
  FROM spans
  WHERE is_entry = 1
  ${IN_BIG_BLOCKS}`
