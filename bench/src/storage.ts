import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { Session } from 'chdb'
import type { BenchOptions } from './main.ts'
import { createOtlpClient } from './otlp-client.ts'
import { readSpans, type SentSpan } from './otlp-reader.ts'
import { rounded } from './percentile.ts'
import { type ServerUnderTest, startServerUnderTest } from './server-under-test.ts'
import { createTraffic } from './traffic.ts'

const SPANS = 1_000_000
const REBUILT_TRACES = 1000
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
 * against on; and whether random traces come back as they were sent, but for what is redacted. `--data DIR` takes
 * recorded bodies (*.pb, *.pb.gz) instead of generated ones.
 */
export async function run(options: BenchOptions): Promise<Readonly<Record<string, unknown>>> {
  const workloads =
    options.data === undefined ? (['typical', 'high'] as const) : (['recorded'] as const)
  const figures: Record<string, unknown> = {}
  for (const workload of workloads) {
    const on = await store(workload, options, true)
    const off = await store(workload, options, false)
    figures[workload] = {
      ratio: rounded(on.diskBytes / on.bodyBytes, 4),
      ratio_uncompressed_patterns: rounded(off.diskBytes / off.bodyBytes, 4),
      reduction_by_patterns: rounded(1 - on.diskBytes / off.diskBytes, 3),
      disk_bytes_per_span: rounded(on.diskBytes / on.spans),
      body_bytes_per_span: rounded(on.bodyBytes / on.spans),
      spans: on.spans,
      traces_rebuilt_equal: on.rebuilt.equal,
      traces_rebuilt_different: on.rebuilt.different,
      first_difference: on.rebuilt.firstDifference,
      bytes_by_table: on.bytesByTable,
    }
  }
  return figures
}

async function store(
  workload: 'typical' | 'high' | 'recorded',
  options: BenchOptions,
  patterns: boolean,
) {
  const server = await startServerUnderTest({
    directory: options.directory,
    env: {
      PERFLOOP_INGEST_PATTERN_COMPRESSION: String(patterns),
      PERFLOOP_INGEST_MAX_PAST_MS: String(20 * 365 * 24 * 3_600_000),
      PERFLOOP_SAMPLING_RATES: '{}',
    },
  })
  const client = createOtlpClient(server.otlpHttpPort, 4)
  const bodies =
    workload === 'recorded'
      ? recorded(options.data ?? '.')
      : generated(workload, options.spans ?? SPANS)
  const samples = new Map<string, SentSpan[]>()
  let bodyBytes = 0
  let spans = 0
  let bodyCount = 0
  for (const body of bodies) {
    bodyBytes += body.length
    // A whole trace is in one body in the generated workloads; of recorded ones those are taken that are.
    const sent = bodyCount % 37 === 0 || workload === 'recorded' ? readSpans(body) : undefined
    spans += sent?.length ?? countSpans(workload, body)
    if (sent !== undefined && samples.size < REBUILT_TRACES) collect(samples, sent)
    await client.send(body)
    bodyCount++
  }
  client.close()
  while (server.spoolBytes() > 65_536) await new Promise(resolve => setTimeout(resolve, 200))
  const rebuilt = patterns
    ? await compare(server, samples)
    : { equal: 0, different: 0, firstDifference: null }
  await server.stop()
  const bytesByTable = await merge(server.dataDirectory)
  const diskBytes = Object.values(bytesByTable).reduce((sum, bytes) => sum + bytes, 0)
  server.removeData()
  return { bodyBytes, spans, diskBytes, bytesByTable, rebuilt }
}

const SPANS_PER_GENERATED_BODY = 540

function countSpans(workload: string, body: Uint8Array): number {
  return workload === 'recorded' ? readSpans(body).length : SPANS_PER_GENERATED_BODY
}

function* generated(variety: 'typical' | 'high', spans: number): Generator<Buffer> {
  const traffic = createTraffic({ seed: 5, variety, templates: 400 })
  for (let sent = 0; sent < spans; sent += traffic.spansPerBody) yield traffic.next(Date.now())
}

function* recorded(directory: string): Generator<Buffer> {
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

/** Merges every part and says what each table then takes on disk. */
async function merge(dataDirectory: string): Promise<Record<string, number>> {
  const session = new Session(`${dataDirectory}/telemetry`)
  try {
    const lines = async (sql: string) =>
      (await session.queryAsync(sql, { format: 'TSV' })).text().trim().split('\n').filter(Boolean)
    const tables = await lines(
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'",
    )
    for (const table of tables) await session.queryAsync(`OPTIMIZE TABLE ${table} FINAL`)
    const rows = await lines(
      'SELECT table, sum(bytes_on_disk) FROM system.parts WHERE active AND database = currentDatabase() GROUP BY table ORDER BY 2 DESC',
    )
    return Object.fromEntries(
      rows.map(row => row.split('\t')).map(([table, bytes]) => [table, Number(bytes)]),
    )
  } finally {
    session.close()
  }
}
