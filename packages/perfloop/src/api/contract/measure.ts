import { z } from 'zod'
import { SPAN_CATEGORIES, SPAN_KINDS, SPAN_STATUSES } from '../../domain/span.ts'
import { PageParams, RangeParams, ScopeParams } from './envelope.ts'

/** Durations are in nanoseconds; ids are lower-case hexadecimal; instants are ISO 8601 in UTC. */
const ns = () => z.number().describe('Nanoseconds')
const instant = () => z.iso.datetime()

export const OperationRef = z.object({
  environment: z.string(),
  service: z.string(),
  operation: z.string(),
  kind: z.enum(SPAN_KINDS),
})

/** Rate, errors and duration of something over the asked range. */
export const Red = z.object({
  calls: z.number(),
  calls_per_second: z.number(),
  errors: z.number(),
  error_ratio: z.number(),
  mean_ns: ns(),
  p50_ns: ns(),
  p95_ns: ns(),
  p99_ns: ns(),
  max_ns: ns(),
})

/** Mean wall time of one execution, by what it was spent on. They add up to total_ns. */
export const Breakdown = z.object({
  total_ns: ns(),
  db_ns: ns(),
  render_ns: ns(),
  external_ns: ns(),
  self_ns: ns(),
  query_count: z.number().describe('Mean statements of one execution'),
  measured: z.number().describe('Executions this is the mean of'),
})

export const SeriesPoint = z.object({
  time: instant().describe('Start of the step'),
  calls: z.number(),
  errors: z.number(),
  p50_ns: ns().nullable().describe('null where nothing was measured'),
  p95_ns: ns().nullable(),
  p99_ns: ns().nullable(),
  db_ns: ns().nullable(),
  render_ns: ns().nullable(),
  external_ns: ns().nullable(),
  self_ns: ns().nullable(),
})
export const Series = z.object({ step_seconds: z.number(), points: z.array(SeriesPoint) })

export const ServiceSummary = z.object({
  environment: z.string(),
  service: z.string(),
  red: Red.describe('Of its entry operations'),
  operations: z.int(),
  has_spans: z.boolean().describe('false where only its metrics were seen'),
  open_issues: z.int(),
  last_seen: instant().nullable(),
  spark: z.array(
    z.object({ time: instant(), calls: z.number(), p95_ns: ns().nullable(), errors: z.number() }),
  ),
})

export const OperationSummary = OperationRef.extend({
  red: Red,
  breakdown: Breakdown.nullable().describe('null for operations that start no measurement'),
  total_time_share: z.number().describe('Share of the time of all entry operations, 0 to 1'),
})

export const OPERATION_SORTS = ['total_time', 'p95', 'calls', 'errors', 'query_count'] as const
export const OperationListParams = ScopeParams.extend({
  ...PageParams.shape,
  kind: z
    .enum([...SPAN_KINDS, 'entry', 'all'])
    .default('entry')
    .describe('entry: server, consumer and jobs'),
  search: z.string().optional(),
  sort: z.enum(OPERATION_SORTS).default('total_time'),
})

export const OperationParams = RangeParams.extend(OperationRef.shape)
export const OperationDetail = OperationSummary.extend({
  first_seen: instant().nullable(),
  slowest_trace: z.string().nullable(),
  failed_trace: z.string().nullable(),
})

export const StatementSummary = z.object({
  environment: z.string(),
  service: z.string(),
  statement: z.string().describe('Fingerprint'),
  text: z.string(),
  summary: z.string(),
  dialect: z.string(),
  models: z.array(z.string()),
  red: Red,
  calls_per_execution: z.number().nullable().describe('Under one operation only'),
  total_ns: ns(),
  exemplar_trace: z.string().nullable(),
  code_location: z.string().nullable(),
})
export const StatementListParams = ScopeParams.extend({
  ...PageParams.shape,
  search: z.string().optional(),
  operation: z.string().optional().describe('Only statements under this entry operation'),
  kind: z.enum(SPAN_KINDS).optional(),
  sort: z.enum(['total_time', 'p95', 'calls']).default('total_time'),
})
export const StatementDetail = StatementSummary.extend({
  callers: z.array(OperationRef.extend({ calls: z.number(), total_ns: ns() })),
  plan: z
    .object({ target: z.string(), collected_at: instant(), words: z.array(z.string()) })
    .nullable(),
})

export const ModelSummary = z.object({
  environment: z.string(),
  service: z.string(),
  model: z.string(),
  red: Red,
  reads: z.number(),
  writes: z.number(),
})

export const Measurement = z.object({
  trace_id: z.string(),
  span_id: z.string(),
  started_at: instant(),
  load_ns: ns(),
  total_ns: ns(),
  query_count: z.int(),
  db_ns: ns(),
  render_ns: ns(),
  external_ns: ns(),
  self_ns: ns(),
  failed: z.boolean(),
  status_code: z.int().nullable(),
})
export const MeasurementListParams = OperationParams.extend({
  ...PageParams.shape,
  sort: z.enum(['recent', 'slowest', 'failed', 'queries']).default('recent'),
})

export const Overview = z.object({
  totals: Red,
  series: Series,
  services: z.array(ServiceSummary),
  slowest_operations: z.array(OperationSummary),
})

export const ResourcePoint = z.object({
  time: instant(),
  cpu_ratio: z.number(),
  memory_bytes: z.number(),
  disk_read_bytes: z.number(),
  disk_write_bytes: z.number(),
})
export const ResourceSeries = z.object({
  scope: z.string(),
  service: z.string(),
  host: z.string(),
  pid: z.int(),
  memory_limit_bytes: z.number(),
  points: z.array(ResourcePoint),
})

const Attributes = z.record(z.string(), z.unknown())
export const TraceSpan = z.object({
  span_id: z.string(),
  parent_span_id: z.string().nullable(),
  environment: z.string(),
  service: z.string(),
  name: z.string(),
  operation: z.string(),
  kind: z.enum(SPAN_KINDS),
  category: z.enum(SPAN_CATEGORIES),
  status: z.enum(SPAN_STATUSES),
  status_message: z.string().nullable(),
  start_unix_ns: z.string().describe('Decimal string: past 2^53'),
  duration_ns: ns(),
  is_entry: z.boolean(),
  statement: z
    .object({ fingerprint: z.string(), text: z.string(), summary: z.string() })
    .nullable(),
  parameters: z.string().nullable().describe('Equal for equal parameters; null when not known'),
  result: z
    .string()
    .nullable()
    .describe(
      'Equal for equal results, as far as these were hashed (perfloop.db.result.hashed_rows); null when not told',
    ),
  row_count: z.int().nullable(),
  code_location: z.string().nullable(),
  scope: z.object({ name: z.string(), version: z.string() }),
  attributes: Attributes,
  events: z.array(z.object({ name: z.string(), time_unix_ns: z.string(), attributes: Attributes })),
  links: z.array(z.object({ trace_id: z.string(), span_id: z.string(), attributes: Attributes })),
  resource: z.string(),
})
export const Trace = z.object({
  trace_id: z.string(),
  start_unix_ns: z.string(),
  duration_ns: ns(),
  services: z.array(z.string()),
  spans: z.array(TraceSpan).describe('By start time'),
  resources: z.record(z.string(), Attributes),
})
export const TraceSummary = z.object({
  trace_id: z.string(),
  started_at: instant(),
  duration_ns: ns(),
  root: OperationRef,
  failed: z.boolean(),
  query_count: z.int(),
})
export const TraceListParams = ScopeParams.extend({
  ...PageParams.shape,
  operation: z.string().optional(),
  min_duration_ms: z.coerce.number().optional(),
  failed: z.enum(['true', 'false']).optional(),
  sort: z.enum(['recent', 'slowest']).default('recent'),
})

export type OperationRef = z.output<typeof OperationRef>
export type Red = z.output<typeof Red>
export type Breakdown = z.output<typeof Breakdown>
export type Series = z.output<typeof Series>
export type ServiceSummary = z.output<typeof ServiceSummary>
export type OperationSummary = z.output<typeof OperationSummary>
export type OperationDetail = z.output<typeof OperationDetail>
export type StatementSummary = z.output<typeof StatementSummary>
export type StatementDetail = z.output<typeof StatementDetail>
export type ModelSummary = z.output<typeof ModelSummary>
export type Measurement = z.output<typeof Measurement>
export type Overview = z.output<typeof Overview>
export type ResourceSeries = z.output<typeof ResourceSeries>
export type TraceSpan = z.output<typeof TraceSpan>
export type Trace = z.output<typeof Trace>
export type TraceSummary = z.output<typeof TraceSummary>
export type OperationListParams = z.output<typeof OperationListParams>
export type OperationParams = z.output<typeof OperationParams>
export type SeriesPoint = z.output<typeof SeriesPoint>
export type StatementListParams = z.output<typeof StatementListParams>
export type MeasurementListParams = z.output<typeof MeasurementListParams>
export type TraceListParams = z.output<typeof TraceListParams>
