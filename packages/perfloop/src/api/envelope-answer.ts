import { ERRORS, type ErrorCode, PerfloopError } from '../domain/perfloop-error.ts'
import { API_VERSION, type Pagination } from './contract/envelope.ts'
import type { Answer } from './endpoint.ts'

export interface Cost {
  readonly queryCount: number
  readonly seconds: number
}

export function successEnvelope(
  operation: string,
  answer: Answer<unknown>,
  cost: Cost,
  page: { page: number; per_page: number } | undefined,
  nowUnixMs: number,
): Record<string, unknown> {
  return {
    status: 'success',
    operation,
    ...(answer.target && { target: answer.target }),
    metrics: {
      query_count: cost.queryCount,
      execution_time: Number(cost.seconds.toFixed(6)),
      ...(answer.healthScore !== undefined && { health_score: answer.healthScore }),
    },
    data: answer.data,
    ...(page && answer.total !== undefined && { pagination: pagination(page, answer.total) }),
    metadata: metadata(nowUnixMs),
  }
}

export function errorEnvelope(
  operation: string,
  error: PerfloopError,
  nowUnixMs: number,
): Record<string, unknown> {
  const { message, cure } = ERRORS[error.code]
  return {
    status: 'error',
    operation,
    error: { code: error.code, message: `${message} ${cure}`, details: error.details },
    metadata: metadata(nowUnixMs),
  }
}

export function statusOf(code: ErrorCode): number {
  return ERRORS[code].status
}

function pagination(
  { page, per_page }: { page: number; per_page: number },
  total: number,
): Pagination {
  const pages = Math.ceil(total / per_page)
  return { page, per_page, total, pages, has_next: page < pages, has_prev: page > 1 }
}

function metadata(nowUnixMs: number): { timestamp: string; version: string } {
  return { timestamp: new Date(nowUnixMs).toISOString(), version: API_VERSION }
}

/** JSON of an answer: a bigint that found its way in (an error's details) becomes its decimal text. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? String(part) : part))
}

/** Whatever was thrown, as one of our errors: fastify's own refusals of a request are the sender's fault. */
export function toPerfloopError(error: unknown, requestId: string): PerfloopError {
  if (error instanceof PerfloopError) return error
  if (error instanceof Error && 'statusCode' in error && Number(error.statusCode) < 500) {
    return new PerfloopError('INVALID_REQUEST', { problems: [error.message] }, error)
  }
  return new PerfloopError('INTERNAL', { request_id: requestId }, error)
}
