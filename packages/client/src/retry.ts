import type { ApiFailure } from './api-failure.ts'

export interface RetryOptions {
  /** Requests in all, the first included. 1 turns retrying off. */
  readonly attempts: number
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  /** Longest `Retry-After` that is waited for; beyond it the failure is given to the caller. */
  readonly maxRetryAfterMs: number
  readonly random: () => number
}

export const DEFAULT_RETRY: RetryOptions = {
  attempts: 3,
  baseDelayMs: 250,
  maxDelayMs: 4_000,
  maxRetryAfterMs: 30_000,
  random: Math.random,
}

/** Answers of something in between that is gone for a moment: bad gateway and gateway timeout. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([502, 504])

/** How long to wait before the next try, or null when another try is no use. `attempt` counts from 1. */
export function retryDelayMs(
  failure: ApiFailure,
  attempt: number,
  options: RetryOptions,
): number | null {
  if (attempt >= options.attempts || !isPassing(failure)) return null
  if (failure.retryAfterMs !== null) {
    return failure.retryAfterMs <= options.maxRetryAfterMs ? failure.retryAfterMs : null
  }
  return backoffMs(attempt, options)
}

/** "Full jitter": uniform below an exponentially growing bound, so that clients do not come back together. */
export function backoffMs(
  attempt: number,
  options: Pick<RetryOptions, 'baseDelayMs' | 'maxDelayMs' | 'random'>,
): number {
  const bound = Math.min(options.maxDelayMs, options.baseDelayMs * 2 ** (attempt - 1))
  return options.random() * bound
}

/** `Retry-After` is a number of seconds or an HTTP date (RFC 9110, 10.2.3). */
export function parseRetryAfterMs(header: string | null, nowUnixMs: number): number | null {
  if (header === null || header.trim() === '') return null
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1_000)
  const instant = Date.parse(header)
  return Number.isNaN(instant) ? null : Math.max(0, instant - nowUnixMs)
}

function isPassing(failure: ApiFailure): boolean {
  if (failure.kind === 'network' || failure.kind === 'busy') return true
  return failure.status !== null && PASSING_STATUSES.has(failure.status)
}
