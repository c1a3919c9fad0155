import type { Role } from './semantic-keys.ts'

/** What enrichment may ask of a span. Texts are redacted already. */
export interface SpanFacts {
  /** OTLP number of the span kind. */
  readonly kind: number
  readonly name: string
  readonly scope: string
  /** An HTTP request that none of the routes of its server is for. */
  readonly isUnmatched: boolean
  /** Of a service whose callers have made up as many names as it may have. */
  readonly isBeyondNames: boolean
  /** The value of the attribute that plays the role; undefined when it is absent or empty. */
  text(role: Role): string | undefined
  has(role: Role): boolean
}

export const KIND_SERVER = 2
export const KIND_CLIENT = 3
export const KIND_PRODUCER = 4
export const KIND_CONSUMER = 5
