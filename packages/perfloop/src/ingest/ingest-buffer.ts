import type { LiveSpan } from '../domain/live-span.ts'

/** Rows of one table as one ClickHouse Native block, ready for the spool. */
export interface NativeBlock {
  /** Table without its database, such as `spans`. */
  readonly table: string
  readonly columns: readonly string[]
  readonly rows: number
  readonly bytes: Uint8Array
}

export interface ReceiveContext {
  /** Set by an ingest token; wins over the resource's own environment. */
  readonly environment?: string
  /** When the receiver had the whole request, Unix milliseconds (fractional). */
  readonly receivedUnixMs: number
}

/** What became of one export request. Nothing of a request that throws stays in the buffer. */
export interface IngestOutcome {
  readonly accepted: number
  readonly rejected: number
  /** For OTLP partial success: what was refused and why, in words. */
  readonly message: string
}

export type Signal = 'traces' | 'metrics' | 'logs'
export type BodyEncoding = 'protobuf' | 'json'

/**
 * Decodes export requests straight into columns and gives them out as Native blocks.
 * It does no I/O and never waits; it throws `OTLP_BODY_UNREADABLE` with where reading stopped, after taking
 * back what the request had added.
 */
export interface IngestBuffer {
  add(
    signal: Signal,
    encoding: BodyEncoding,
    body: Uint8Array,
    context: ReceiveContext,
  ): IngestOutcome
  /** Rows of all tables waiting. */
  readonly rows: number
  /** Gives out all waiting rows and starts anew. Empty when there are none. */
  take(receivedUnixSeconds: number): readonly NativeBlock[]
  /**
   * After a block was lost before it was durable: the rows that spans refer to (resources, shapes,
   * patterns) are given out again with the next spans that need them.
   */
  forgetMentions(): void
  /**
   * While set, is given the spans of each accepted request. Costs nothing while unset.
   * `entriesOnly` leaves out spans that start no measurement.
   */
  watch(
    watcher:
      | { readonly entriesOnly: boolean; onSpans(spans: readonly LiveSpan[]): void }
      | undefined,
  ): void
  /** Counters since start, for /metrics and health. */
  statistics(): IngestStatistics
}

export interface IngestStatistics {
  readonly spansAccepted: number
  readonly pointsAccepted: number
  readonly logsAccepted: number
  /** By reason: too_old, too_new, invalid_id, invalid_time, invalid_number, too_many, … */
  readonly rejected: Readonly<Record<string, number>>
  /** By reason: attributes_over_limit, value_cut, operation_other, statement_other, late, … */
  readonly limited: Readonly<Record<string, number>>
  /** Bytes held by caches of statements, shapes, operations, resources. */
  readonly cacheBytes: number
  readonly cacheEvictions: number
  /** RED of every operation since start, for /metrics; bounded by the cardinality limits. */
  readonly operations: readonly OperationCounters[]
}

export interface OperationCounters {
  readonly environment: string
  readonly service: string
  readonly operation: string
  readonly kind: string
  readonly calls: number
  readonly errors: number
  readonly durationSecondsSum: number
  /** Cumulative counts at OPERATION_BUCKETS_SECONDS. */
  readonly buckets: readonly number[]
}

/** OpenTelemetry's advised boundaries for http.server.request.duration, seconds. */
export const OPERATION_BUCKETS_SECONDS = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
] as const
