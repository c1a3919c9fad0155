import type { SpanCategory, SpanKind, SpanStatus } from '../../domain/span.ts'
import { sqlString } from './chdb/bind-parameters.ts'
import type { TelemetryEngine } from './engine.ts'

/** A span as tests write it: what is not said is a fast, ordinary entry span of a shop. */
export interface SpanFixture {
  readonly environment?: string
  readonly service?: string
  readonly operation?: string
  readonly kind?: SpanKind
  readonly category?: SpanCategory
  readonly status?: SpanStatus
  readonly statusCode?: number
  readonly isEntry?: boolean
  readonly isRepeatedLayer?: boolean
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  readonly parentSpanId?: string
  readonly entrySpanId?: string
  readonly startUnixMs: number
  readonly durationMs?: number
  readonly statement?: string
  readonly parameters?: number
  readonly rowCount?: number
  readonly weight?: number
  readonly receivedUnixMs?: number
  readonly retentionDays?: number
  readonly randomness?: bigint
  /** Of the table `shapes`. */
  readonly shape?: string
}

const NO_ID = '0000000000000000'

/** Inserts spans as the loader does: all rollups follow, and a token seen before changes nothing. */
export async function insertSpans(
  engine: TelemetryEngine,
  spans: readonly SpanFixture[],
  deduplicationToken?: string,
): Promise<void> {
  const lines = spans.map(span => JSON.stringify(toRow(span))).join('\n')
  await engine.execute(
    `INSERT INTO spans
     (environment, service, operation, kind, category, status, status_code, is_entry, is_repeated_layer, trace_id, ids,
      start_unix_ns, duration_ns, statement, parameters, row_count, weight, received_at,
      retention_days, randomness, shape)
     SELECT environment, service, operation, kind, category, status, status_code, is_entry, is_repeated_layer, unhex(trace_id),
       unhex(concat(span_id, parent_span_id, entry_span_id)), start_unix_ns, duration_ns, statement, parameters, row_count,
       weight, toDateTime(received_s, 'UTC'), retention_days, randomness, shape
     FROM format(JSONEachRow, ${sqlString(STRUCTURE)}, ${sqlString(lines)})`,
    {},
    deduplicationToken === undefined ? {} : { deduplicationToken },
  )
}

const STRUCTURE = `environment String, service String, operation String, kind String, category String, status String,
  status_code UInt16,
  is_entry UInt8, is_repeated_layer UInt8, trace_id String, span_id String, parent_span_id String,
  entry_span_id String, start_unix_ns UInt64, duration_ns UInt64, statement String, parameters UInt32, row_count Nullable(UInt32),
  weight Float64, received_s UInt32, retention_days UInt16, randomness Nullable(UInt64),
  shape String`

function toRow(span: SpanFixture): Readonly<Record<string, unknown>> {
  const isEntry = span.isEntry ?? true
  const durationMs = span.durationMs ?? 20
  const receivedUnixMs = span.receivedUnixMs ?? span.startUnixMs + durationMs
  return {
    environment: span.environment ?? 'production',
    service: span.service ?? 'shop',
    operation: span.operation ?? 'GET /orders/:id',
    kind: span.kind ?? (isEntry ? 'server' : 'internal'),
    category: span.category ?? 'other',
    status: span.status ?? 'unset',
    status_code: span.statusCode ?? 0,
    is_entry: isEntry ? 1 : 0,
    is_repeated_layer: span.isRepeatedLayer ? 1 : 0,
    trace_id: span.traceId,
    span_id: span.spanId,
    parent_span_id: span.parentSpanId ?? NO_ID,
    entry_span_id: span.entrySpanId ?? (isEntry ? span.spanId : NO_ID),
    start_unix_ns: String(nanoseconds(span.startUnixMs)),
    duration_ns: String(nanoseconds(durationMs)),
    statement: span.statement ?? '',
    parameters: span.parameters ?? 0,
    row_count: span.rowCount ?? null,
    weight: span.weight ?? 1,
    received_s: Math.floor(receivedUnixMs / 1_000),
    retention_days: span.retentionDays ?? 7,
    randomness: span.randomness === undefined ? null : String(span.randomness),
    shape: span.shape ?? '',
  }
}

/** Microseconds exactly; a float of milliseconds holds no more at today's times. */
function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000)) * 1_000n
}
