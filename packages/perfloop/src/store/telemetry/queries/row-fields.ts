import { z } from 'zod'
import { SPAN_CATEGORIES, SPAN_KINDS, SPAN_STATUSES } from '../../../domain/span.ts'

/** The engine prints 64-bit integers as strings; those that fit a double exactly become numbers here. */
export const count64 = z.coerce.number()
export const nullableNumber = z.number().nullable()
export const spanKind = z.enum(SPAN_KINDS)
export const spanCategory = z.enum(SPAN_CATEGORIES)
export const spanStatus = z.enum(SPAN_STATUSES)
export const flag = z.coerce.number().transform(value => value !== 0)

/** Columns of RED_SUMS and RED_QUANTILES. */
export const redRow = {
  calls: z.number(),
  errors: z.number(),
  duration_ns: z.number(),
  max_ns: z.number(),
  p50_ns: nullableNumber,
  p95_ns: nullableNumber,
  p99_ns: nullableNumber,
}

/** Columns of BREAKDOWN_SUMS. */
export const breakdownRow = {
  executions: z.number(),
  total_ns: z.number(),
  db_ns: z.number(),
  render_ns: z.number(),
  external_ns: z.number(),
  self_ns: z.number(),
  query_count: z.number(),
}

export const BREAKDOWN_COLUMNS = [
  'executions',
  'total_ns',
  'db_ns',
  'render_ns',
  'external_ns',
  'self_ns',
  'query_count',
] as const
export const BREAKDOWN_SUMS = BREAKDOWN_COLUMNS.map(
  column => `toFloat64(sum(${column})) AS ${column}`,
).join(',\n    ')

/** An empty text means any: one query serves every combination of filters. */
export const SCOPE = `({environment:String} = '' OR environment = {environment:String})
      AND ({service:String} = '' OR service = {service:String})`
export const scopeParams = {
  environment: z.string().default(''),
  service: z.string().default(''),
}

export const pageParams = { limit: z.int(), offset: z.int() }

/**
 * Rollups of operations and of their breakdowns hold a row for each operation, and one for all operations of a service
 * that serve requests or messages: whoever asks for no operation in particular reads those, which are few.
 */
export const SINGLE_OPERATIONS = 'whole_service = 0'
export const WHOLE_SERVICES = 'whole_service = 1'

/** Requests and messages: what has users or other services waiting. Jobs are known by their measurements. */
export const IS_REQUEST = `kind IN ('server', 'consumer')`
