import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Session } from 'chdb'
import { recordDemoTraffic } from './demo-traffic.ts'
import type { BenchOptions } from './main.ts'
import { createOtlpClient } from './otlp-client.ts'
import { readSpans, type SentSpan } from './otlp-reader.ts'
import { rounded } from './percentile.ts'
import { type ServerUnderTest, startServerUnderTest } from './server-under-test.ts'
import { createTraffic, type Traffic } from './traffic.ts'

const SPANS = 1_000_000
const DEMO_SPANS = 200_000
const REBUILT_TRACES = 1000
/** Of every so many bodies one is kept to compare with what comes back. */
const BODIES_PER_SAMPLE = 37
const LONGEST_WAIT_MS = 180_000
/** The text of these is redacted on purpose: what is left is checked to be there, not to be equal. */
const REDACTED = [
  'db.query.text',
  'db.statement',
  'url.full',
  'url.query',
  'http.url',
  'http.target',
]

/**
 * Bytes on disk after merging, rollups included, over the bytes of the OTLP protobuf bodies; pattern compression off
 * against on; and whether random traces come back as they were sent, but for what is redacted. Of the demo shop's own
 * traffic, as each of its two agents tells it, and of generated ones; `--only WORKLOAD` takes one of them, and
 * `--data DIR` takes recorded bodies (*.pb, *.pb.gz) instead.
 */
export async function run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const figures: Record<string, unknown> = {}
  for (const [name, open] of chosen(options)) {
    const workload = await open()
    const on = await store(workload, options, true)
    const off = await store(workload, options, false)
    workload.remove?.()
    const { compared, merged } = on
    figures[name] = {
      ratio: rounded(merged.diskBytes / on.bodyBytes, 4),
      ratio_uncompressed_patterns: rounded(off.merged.diskBytes / off.bodyBytes, 4),
      reduction_by_patterns: rounded(1 - merged.diskBytes / off.merged.diskBytes, 3),
      disk_bytes_per_span: rounded(merged.diskBytes / on.spans),
      body_bytes_per_span: rounded(on.bodyBytes / on.spans),
      spans: on.spans,
      executions_measured_ratio: rounded(merged.measured / merged.entries, 3),
      traces_rebuilt_equal: compared.equal,
      traces_rebuilt_different: compared.different,
      first_difference: compared.firstDifference,
      bytes_per_span_by_table: perSpan(merged.bytesByTable, on.spans),
      bytes_per_span_by_column: perSpan(merged.bytesByColumn, on.spans),
    }
  }
  return figures
}

interface Workload {
  /** The same bodies each time. */
  bodies(): Iterable<Buffer>
  /** Of a whole number of traces each, or of whatever had ended. */
  readonly spansPerBody: number | undefined
  remove?(): void
}

function chosen(options: BenchOptions): [string, () => Promise<Workload>][] {
  const { data, only, spans } = options
  if (data !== undefined) return [['recorded', async () => recorded(data)]]
  const parent = options.directory ?? join(process.cwd(), '.cache', 'bench')
  const demo = (telemetry: 'agent' | 'opentelemetry') => async () => {
    const { directory, remove } = await recordDemoTraffic(telemetry, spans ?? DEMO_SPANS, parent)
    return { ...recorded(directory), remove }
  }
  const workloads: Record<string, () => Promise<Workload>> = {
    demo_agent: demo('agent'),
    demo_opentelemetry: demo('opentelemetry'),
    typical: async () => generated('typical', spans ?? SPANS),
    high: async () => generated('high', spans ?? SPANS),
  }
  return Object.entries(workloads).filter(([name]) => only === undefined || name === only)
}

async function store(workload: Workload, options: BenchOptions, patterns: boolean) {
  const server = await startServerUnderTest({
    directory: options.directory,
    env: {
      PERFLOOP_INGEST_PATTERN_COMPRESSION: String(patterns),
      PERFLOOP_INGEST_MAX_PAST_MS: String(20 * 365 * 24 * 3_600_000),
      PERFLOOP_SAMPLING_RATES: '{}',
    },
  })
  const client = createOtlpClient(server.otlpHttpPort, 4)
  const samples = new Map<string, SentSpan[]>()
  let bodyBytes = 0
  let spans = 0
  let bodyCount = 0
  for (const body of workload.bodies()) {
    bodyBytes += body.length
    // Traces are whole in the bodies of generated workloads, so some bodies are enough; of recorded ones all are read.
    const sent =
      bodyCount % BODIES_PER_SAMPLE === 0 || workload.spansPerBody === undefined
        ? readSpans(body)
        : undefined
    spans += sent?.length ?? workload.spansPerBody ?? 0
    if (sent !== undefined) collect(samples, sent)
    await client.send(body)
    bodyCount++
  }
  client.close()
  await untilSettled(server)
  const compared = await compare(server, patterns ? samples : new Map())
  await server.stop()
  const merged = await merge(server.dataDirectory)
  if (merged.spans !== spans) throw new Error(`${spans} spans sent, ${merged.spans} stored`)
  server.removeData()
  return { bodyBytes, spans, merged, compared }
}

/** All segments loaded and, so that what it takes on disk is counted too, all executions measured. */
async function untilSettled(server: ServerUnderTest): Promise<void> {
  const deadlineMs = performance.now() + LONGEST_WAIT_MS
  let quietSinceMs = performance.now()
  while (performance.now() - quietSinceMs < 25_000) {
    if (performance.now() > deadlineMs) throw new Error('The spool was not loaded in time')
    if (server.spoolBytes() > SMALL_SEGMENTS_BYTES) quietSinceMs = performance.now()
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

/** Segments of the server's own resource usage come all the time. */
const SMALL_SEGMENTS_BYTES = 65_536

function generated(variety: 'typical' | 'high', spans: number): Workload {
  const create = () => createTraffic({ seed: 5, variety, templates: 400 })
  return { bodies: () => bodiesOf(create(), spans), spansPerBody: create().spansPerBody }
}

function* bodiesOf(traffic: Traffic, spans: number): Generator<Buffer> {
  for (let sent = 0; sent < spans; sent += traffic.spansPerBody) yield traffic.next(Date.now())
}

function recorded(directory: string): Workload {
  return { bodies: () => bodiesIn(directory), spansPerBody: undefined }
}

function* bodiesIn(directory: string): Generator<Buffer> {
  for (const name of readdirSync(directory).sort()) {
    const bytes = readFileSync(join(directory, name))
    if (name.endsWith('.pb')) yield bytes
    if (name.endsWith('.pb.gz')) yield gunzipSync(bytes)
  }
}

function collect(samples: Map<string, SentSpan[]>, spans: readonly SentSpan[]): void {
  for (const span of spans) {
    const list = samples.get(span.traceId)
    if (list !== undefined) list.push(span)
    else if (samples.size < REBUILT_TRACES) samples.set(span.traceId, [span])
  }
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']
const STATUSES = ['unset', 'ok', 'error']

async function compare(server: ServerUnderTest, samples: ReadonlyMap<string, readonly SentSpan[]>) {
  let equal = 0
  let different = 0
  let firstDifference: unknown = null
  for (const [traceId, sent] of samples) {
    const response = await fetch(`${server.url}/api/v1/traces/${traceId}`)
    const { data } = (await response.json()) as { data?: { spans: Record<string, unknown>[] } }
    const rebuilt = data?.spans.map(span => ({
      ...span,
      attributes: withoutRedacted(span.attributes as Record<string, unknown>),
    }))
    const expected = [...sent]
      .sort((a, b) => Number(a.startUnixNs - b.startUnixNs) || a.spanId.localeCompare(b.spanId))
      .map(expectation)
    const actual = rebuilt
      ?.sort(
        (a: Record<string, unknown>, b: Record<string, unknown>) =>
          Number(BigInt(String(a.start_unix_ns)) - BigInt(String(b.start_unix_ns))) ||
          String(a.span_id).localeCompare(String(b.span_id)),
      )
      .map((span: Record<string, unknown>) => pick(span, Object.keys(expected[0] ?? {})))
    if (isDeepStrictEqual(actual, expected)) equal++
    else {
      different++
      firstDifference ??= { traceId, ...firstUnequal(actual ?? [], expected) }
    }
  }
  return { equal, different, firstDifference }
}

function expectation(span: SentSpan) {
  return {
    span_id: span.spanId,
    parent_span_id: span.parentSpanId,
    name: span.name,
    kind: KINDS[span.kind],
    status: STATUSES[span.statusCode],
    start_unix_ns: String(span.startUnixNs),
    duration_ns: Number(span.durationNs),
    attributes: withoutRedacted(span.attributes),
  }
}

function firstUnequal(actual: readonly unknown[], expected: readonly unknown[]) {
  const index = expected.findIndex((span, n) => !isDeepStrictEqual(span, actual[n]))
  return { expected: expected[index], actual: actual[index] }
}

function withoutRedacted(attributes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [
      key,
      REDACTED.includes(key) ? 'present' : value,
    ]),
  )
}

function pick(
  span: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(keys.map(key => [key, span[key]]))
}

/** Merges every part and says what then is on disk. */
async function merge(dataDirectory: string) {
  const session = new Session(`${dataDirectory}/telemetry`)
  try {
    const rows = async (sql: string) =>
      (await session.queryAsync(sql, { format: 'TSV' }))
        .text()
        .trim()
        .split('\n')
        .filter(Boolean)
        .map(line => line.split('\t'))
    const sizes = async (sql: string): Promise<Record<string, number>> =>
      Object.fromEntries((await rows(sql)).map(([name, bytes]) => [name, Number(bytes)]))
    const tables = await rows(
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'",
    )
    for (const [table] of tables) await session.queryAsync(`OPTIMIZE TABLE ${table} FINAL`)
    const [[spans, entries] = []] = await rows('SELECT count(), sum(is_entry) FROM spans')
    const [[measured] = []] = await rows('SELECT count() FROM measurements')
    const bytesByTable = await sizes(
      'SELECT table, sum(bytes_on_disk) AS bytes FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC',
    )
    const bytesByColumn = await sizes(
      "SELECT concat(table, '.', column), sum(column_bytes_on_disk) AS bytes FROM system.parts_columns WHERE active AND database = currentDatabase() GROUP BY 1 ORDER BY bytes DESC LIMIT 20",
    )
    return {
      spans: Number(spans),
      entries: Number(entries),
      measured: Number(measured),
      diskBytes: Object.values(bytesByTable).reduce((sum, bytes) => sum + bytes, 0),
      bytesByTable,
      bytesByColumn,
    }
  } finally {
    session.close()
  }
}

function perSpan(bytes: Readonly<Record<string, number>>, spans: number): Record<string, number> {
  return Object.fromEntries(
    Object.entries(bytes).map(([name, size]) => [name, rounded(size / spans, 2)]),
  )
}
