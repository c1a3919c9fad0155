import type { SpanCategory, SpanKind } from './span.ts'

/** A span as it arrives, before it is stored: what the live tail shows. Ids are lower-case hexadecimal. */
export interface LiveSpan {
  readonly traceId: string
  readonly spanId: string
  readonly environment: string
  readonly service: string
  readonly operation: string
  readonly kind: SpanKind
  readonly category: SpanCategory
  readonly failed: boolean
  /** Whether it starts a measurement, where the receiver tells. */
  readonly isEntry?: boolean
  readonly durationNs: number
  /** When the receiver had the whole request, Unix milliseconds, fractional. */
  readonly receivedUnixMs: number
}
