/** OTLP `SpanKind`, by its wire number. */
export const SPAN_KINDS = [
  'unspecified',
  'internal',
  'server',
  'client',
  'producer',
  'consumer',
] as const
export type SpanKind = (typeof SPAN_KINDS)[number]

/** OTLP `Status.StatusCode`, by its wire number. */
export const SPAN_STATUSES = ['unset', 'ok', 'error'] as const
export type SpanStatus = (typeof SPAN_STATUSES)[number]

/**
 * What the time of a span counts as in the breakdown of a request.
 * `db`: a statement or another call to a database or cache; `render`: a template; `external`: a call
 * to another service or a message sent; `other`: everything else (it ends up in the self time).
 */
export const SPAN_CATEGORIES = ['other', 'db', 'render', 'external'] as const
export type SpanCategory = (typeof SPAN_CATEGORIES)[number]

/** (service, span name, kind) within an environment: what a baseline is about. */
export interface OperationKey {
  readonly environment: string
  readonly service: string
  readonly operation: string
  readonly kind: SpanKind
}

/** Operations and statements beyond the cardinality limits are counted here, never dropped. */
export const OTHER = '_other'

/** In place of a route, for requests that none is for. No route is called so: they have no spaces. */
export const NO_ROUTE = '(no route)'
