import type { Logger } from '../../domain/logger.ts'
import { ERRORS, type ErrorCode, PerfloopError } from '../../domain/perfloop-error.ts'
import { GRPC_CODES } from './otlp-answer.ts'

/** How a request is refused, for both protocols. */
export interface Refusal {
  readonly code: ErrorCode
  readonly httpStatus: number
  readonly grpcCode: number
  /** What is wrong and where, in words. */
  readonly message: string
  /** Whether the same batch may be sent again. */
  readonly retryable: boolean
}

const GRPC_BY_CODE: Partial<Record<ErrorCode, number>> = {
  OTLP_BODY_UNREADABLE: GRPC_CODES.INVALID_ARGUMENT,
  OTLP_MEDIA_TYPE: GRPC_CODES.INVALID_ARGUMENT,
  // Without RetryInfo: by the OTLP specification the sender must not repeat it.
  OTLP_BODY_TOO_LARGE: GRPC_CODES.RESOURCE_EXHAUSTED,
  INGEST_TOKEN_UNKNOWN: GRPC_CODES.UNAUTHENTICATED,
  FORBIDDEN_ORIGIN: GRPC_CODES.PERMISSION_DENIED,
  NOT_FOUND: GRPC_CODES.NOT_FOUND,
  SPOOL_FULL: GRPC_CODES.RESOURCE_EXHAUSTED,
  SPOOL_WRITE_FAILED: GRPC_CODES.UNAVAILABLE,
  RECEIVER_BUSY: GRPC_CODES.UNAVAILABLE,
}

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'SPOOL_FULL',
  'SPOOL_WRITE_FAILED',
  'RECEIVER_BUSY',
])

export function toRefusal(error: unknown, logger: Logger): Refusal {
  if (!(error instanceof PerfloopError)) {
    logger.error({ error }, 'a request made the receiver fail')
    return {
      code: 'INTERNAL',
      httpStatus: ERRORS.INTERNAL.status,
      grpcCode: GRPC_CODES.INTERNAL,
      message: ERRORS.INTERNAL.message,
      retryable: false,
    }
  }
  return {
    code: error.code,
    httpStatus: ERRORS[error.code].status,
    grpcCode: GRPC_BY_CODE[error.code] ?? GRPC_CODES.INTERNAL,
    message: sentenceOf(error),
    retryable: RETRYABLE.has(error.code),
  }
}

function sentenceOf(error: PerfloopError): string {
  const details = Object.entries(error.details).map(([name, value]) => `${name}: ${String(value)}`)
  return details.length === 0
    ? `${error.message} (${error.code})`
    : `${error.message} (${error.code}; ${details.join('; ')})`
}
