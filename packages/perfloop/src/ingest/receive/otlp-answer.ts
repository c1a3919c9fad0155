import type { BodyEncoding, IngestOutcome, Signal } from '../ingest-buffer.ts'
import { bytesField, varintField } from './protobuf-field.ts'

/** JSON name of the count in partial success, by signal. In protobuf all three are field 1. */
const REJECTED = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
} as const satisfies Record<Signal, string>

/**
 * ExportTraceServiceResponse and its two sisters, which have the same fields. By the OTLP specification
 * partial_success is absent when all was accepted; a message without rejections is a warning.
 */
export function encodeExportResponse(
  signal: Signal,
  encoding: BodyEncoding,
  outcome: IngestOutcome,
): Buffer {
  const isPartial = outcome.rejected > 0 || outcome.message !== ''
  if (encoding === 'json') {
    const partialSuccess = {
      [REJECTED[signal]]: String(outcome.rejected),
      errorMessage: outcome.message,
    }
    return Buffer.from(JSON.stringify(isPartial ? { partialSuccess } : {}))
  }
  if (!isPartial) return Buffer.alloc(0)
  const fields: Buffer[] = []
  if (outcome.rejected > 0) fields.push(varintField(1, outcome.rejected))
  if (outcome.message !== '') fields.push(bytesField(2, outcome.message))
  return bytesField(1, Buffer.concat(fields))
}

/** google.rpc.Code of what can go wrong here. */
export const GRPC_CODES = {
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const

/** google.rpc.Status, which OTLP/HTTP wants as the body of every refusal. */
export interface RpcStatus {
  readonly code: number
  readonly message: string
  /** Adds google.rpc.RetryInfo. */
  readonly retryAfterMs?: number
}

const MS_PER_SECOND = 1_000
const NS_PER_MS = 1_000_000
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'

export function encodeStatus(encoding: BodyEncoding, status: RpcStatus): Buffer {
  const { code, message, retryAfterMs } = status
  if (encoding === 'json') {
    const details = retryAfterMs === undefined ? [] : [retryInfoJson(retryAfterMs)]
    return Buffer.from(JSON.stringify({ code, message, details }))
  }
  const fields = [varintField(1, code), bytesField(2, message)]
  if (retryAfterMs !== undefined) {
    const retryDelay = Buffer.concat([
      varintField(1, Math.floor(retryAfterMs / MS_PER_SECOND)),
      varintField(2, (retryAfterMs % MS_PER_SECOND) * NS_PER_MS),
    ])
    const retryInfo = bytesField(1, retryDelay)
    fields.push(bytesField(3, Buffer.concat([bytesField(1, RETRY_INFO), bytesField(2, retryInfo)])))
  }
  return Buffer.concat(fields)
}

function retryInfoJson(retryAfterMs: number): object {
  return { '@type': RETRY_INFO, retryDelay: `${retryAfterMs / MS_PER_SECOND}s` }
}
