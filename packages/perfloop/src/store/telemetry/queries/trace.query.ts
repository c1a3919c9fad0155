import { z } from 'zod'
import { defineQuery } from '../query.ts'
import { count64, flag, spanCategory, spanKind, spanStatus } from './row-fields.ts'

/** All stored spans of one trace, by start. The bloom filter on trace_id spares most of the table. */
export const traceSpans = defineQuery({
  name: 'trace-spans',
  params: z.object({ trace_id: z.string(), limit: z.int() }),
  row: z.object({
    span_id: z.string(),
    parent_span_id: z.string(),
    environment: z.string(),
    service: z.string(),
    operation: z.string(),
    kind: spanKind,
    category: spanCategory,
    status: spanStatus,
    start_unix_ns: z.string(),
    duration_ns: count64,
    is_entry: flag,
    statement: z.string(),
    parameters: count64,
    result: count64,
    row_count: z.number().nullable(),
    code_location: z.string(),
    resource: z.string(),
    shape: z.string(),
    attribute_values: z.array(z.string()),
    events: z.string(),
    links: z.string(),
  }),
  sql: `
SELECT
  lower(hex(span_id)) AS span_id,
  lower(hex(parent_span_id)) AS parent_span_id,
  environment,
  service,
  operation,
  kind,
  category,
  status,
  start_unix_ns,
  duration_ns,
  is_entry,
  statement,
  parameters,
  result,
  row_count,
  code_location,
  resource,
  shape,
  attribute_values,
  events,
  links
FROM spans
WHERE trace_id = toFixedString(unhex({trace_id:String}), 16)
ORDER BY
  start_unix_ns,
  duration_ns DESC
LIMIT {limit:UInt32}`,
  example: { trace_id: '0123456789abcdef0123456789abcdef', limit: 10_000 },
})

/** What the attributes of spans have in common. */
export const shapesById = defineQuery({
  name: 'shapes-by-id',
  params: z.object({ shapes: z.array(z.string()) }),
  row: z.object({
    shape: z.string(),
    scope_name: z.string(),
    scope_version: z.string(),
    keys: z.array(z.string()),
    types: z.string(),
    variable: z.array(z.number()),
    constants: z.array(z.string()),
  }),
  sql: `
SELECT
  shape,
  scope_name,
  scope_version,
  keys,
  types,
  variable,
  constants
FROM shapes
WHERE shape IN {shapes:Array(String)}
LIMIT 1 BY shape`,
  example: { shapes: ['0123456789abcdef'] },
})

/** Senders, with their attributes as JSON texts. */
export const resourcesById = defineQuery({
  name: 'resources-by-id',
  params: z.object({ resources: z.array(z.string()) }),
  row: z.object({ resource: z.string(), attributes: z.record(z.string(), z.string()) }),
  sql: `
SELECT
  resource,
  attributes
FROM resources
WHERE resource IN {resources:Array(String)}
LIMIT 1 BY resource`,
  example: { resources: ['0123456789abcdef'] },
})
