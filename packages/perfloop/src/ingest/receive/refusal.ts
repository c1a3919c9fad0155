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
  /** Why it usually is, and what to do about it. */
  readonly cause: string
  readonly cure: string
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
  OTLP_PATH_UNKNOWN: GRPC_CODES.NOT_FOUND,
  AGENT_PATH_UNKNOWN: GRPC_CODES.NOT_FOUND,
  RECEIVER_METHOD: GRPC_CODES.UNIMPLEMENTED,
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
  const isOurs = error instanceof PerfloopError
  if (!isOurs) logger.error({ error }, 'a request made the receiver fail')
  const code = isOurs ? error.code : 'INTERNAL'
  const { status, message, cause, cure } = ERRORS[code]
  return {
    code,
    httpStatus: status,
    grpcCode: GRPC_BY_CODE[code] ?? GRPC_CODES.INTERNAL,
    message: isOurs ? sentenceOf(error) : message,
    cause,
    cure,
    retryable: RETRYABLE.has(code),
  }
}

/** For google.rpc.Status, which has one text, and exporters that log it. */
export function wordsOf({ message, cause, cure }: Refusal): string {
  return `${message} ${cause} ${cure}`
}

function sentenceOf(error: PerfloopError): string {
  // Where reading stopped at the very beginning, the path to there is empty.
  const details = Object.entries(error.details)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${String(value)}`)
  return details.length === 0
    ? `${error.message} (${error.code})`
    : `${error.message} (${error.code}; ${details.join('; ')})`
}
