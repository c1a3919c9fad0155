import { z } from 'zod'

export const API_VERSION = '1.0.0'

export const PageParams = z.object({
  page: z.coerce.number().int().min(1).default(1),
  per_page: z.coerce.number().int().min(1).max(200).default(20),
})

export const Pagination = z.object({
  page: z.int(),
  per_page: z.int(),
  total: z.int(),
  pages: z.int(),
  has_next: z.boolean(),
  has_prev: z.boolean(),
})
export type Pagination = z.output<typeof Pagination>

export const ApiError = z.object({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
})

/** Every JSON answer has this shape (API-04); what does not apply is left out. */
export function envelope<Data extends z.ZodType>(data: Data) {
  return z.object({
    status: z.literal('success'),
    operation: z.string().describe('Name of the endpoint'),
    target: z.object({ type: z.string(), id: z.string() }).optional(),
    metrics: z
      .object({
        query_count: z.int(),
        execution_time: z.number().describe('Seconds'),
        health_score: z.number().optional(),
      })
      .optional()
      .describe('Cost of answering: store queries and seconds'),
    data,
    pagination: Pagination.optional(),
    metadata: z.object({ timestamp: z.iso.datetime(), version: z.string() }),
  })
}

export const ErrorEnvelope = z.object({
  status: z.literal('error'),
  operation: z.string(),
  error: ApiError,
  metadata: z.object({ timestamp: z.iso.datetime(), version: z.string() }),
})

/** `[from, to)`; the last hour when left out. ISO 8601, or -PT15M style durations before now. */
export const RangeParams = z.object({
  from: z.string().optional().describe('ISO 8601 instant, or a duration before now such as -PT1H'),
  to: z.string().optional().describe('ISO 8601 instant; now when left out'),
})

export const ScopeParams = RangeParams.extend({
  environment: z.string().optional(),
  service: z.string().optional(),
})
export type PageParams = z.output<typeof PageParams>
export type RangeParams = z.output<typeof RangeParams>
export type ScopeParams = z.output<typeof ScopeParams>
export type ApiError = z.output<typeof ApiError>
export type ErrorEnvelope = z.output<typeof ErrorEnvelope>
