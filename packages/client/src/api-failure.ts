/**
 * Why a request gave no answer, as what the caller can do about it:
 * - `network`: nothing came back; the server is away or unreachable.
 * - `auth`: a token or session is needed, or the present one is not enough.
 * - `validation`: the request is wrong; `details` names the fields.
 * - `not-found`: the id is unknown, or its data is past its retention.
 * - `conflict`: the state changed meanwhile; reload and decide again.
 * - `busy`: asked to come back later (429, 503); `retryAfterMs` says when.
 * - `server`: Perfloop, or something behind it, failed.
 */
export type ApiFailureKind =
  | 'network'
  | 'auth'
  | 'validation'
  | 'not-found'
  | 'conflict'
  | 'busy'
  | 'server'

export interface ApiFailureFacts {
  readonly kind: ApiFailureKind
  /** Code of the error catalogue (docs/errors.md); `NETWORK` and `UNREADABLE_ANSWER` are the client's own. */
  readonly code: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
  readonly status: number | null
  readonly retryAfterMs: number | null
  readonly method: string
  readonly path: string
}

export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  readonly kind: ApiFailureKind
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
  readonly status: number | null
  readonly retryAfterMs: number | null
  readonly method: string
  readonly path: string

  constructor(facts: ApiFailureFacts, cause?: unknown) {
    super(facts.message, { cause })
    this.kind = facts.kind
    this.code = facts.code
    this.details = facts.details
    this.status = facts.status
    this.retryAfterMs = facts.retryAfterMs
    this.method = facts.method
    this.path = facts.path
  }
}

export function failureKind(status: number): ApiFailureKind {
  if (status === 401 || status === 403) return 'auth'
  if (status === 404 || status === 410) return 'not-found'
  if (status === 409 || status === 412) return 'conflict'
  if (status === 429 || status === 503) return 'busy'
  if (status >= 400 && status < 500) return 'validation'
  return 'server'
}
