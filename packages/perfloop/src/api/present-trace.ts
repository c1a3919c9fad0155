import { z } from 'zod'
import { patternsByFingerprint } from '../store/telemetry/queries/statements.query.ts'
import { resourcesById, shapesById, traceSpans } from '../store/telemetry/queries/trace.query.ts'
import type { RowOf } from '../store/telemetry/query.ts'
import { rebuildAttributes } from '../store/telemetry/rebuild-attributes.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import type { Trace, TraceSpan } from './contract/measure.ts'

const NO_SPAN = '0000000000000000'
const NO_TRACE = /^0*$/

/** An exemplar's trace id; null where a rollup has none (zeros). */
export function traceOrNull(traceId: string): string | null {
  return NO_TRACE.test(traceId) ? null : traceId
}

/** The stored spans of a trace with everything they share put back; undefined when there are none. */
export async function readTrace(
  telemetry: TelemetryStore,
  traceId: string,
  mostSpans: number,
): Promise<Trace | undefined> {
  const spans = await telemetry.run(traceSpans, { trace_id: traceId, limit: mostSpans })
  const [first] = spans
  if (first === undefined) return undefined
  const [shapes, resources, patterns] = await Promise.all([
    telemetry.run(shapesById, { shapes: distinct(spans.map(({ shape }) => shape)) }),
    telemetry.run(resourcesById, { resources: distinct(spans.map(({ resource }) => resource)) }),
    telemetry.run(patternsByFingerprint, {
      statements: distinct(spans.flatMap(({ statement }) => statement || [])),
    }),
  ])
  const shapeById = new Map(shapes.map(shape => [shape.shape, shape]))
  const patternById = new Map(patterns.map(pattern => [pattern.statement, pattern]))
  const start = BigInt(first.start_unix_ns)
  // Relative to the start, so that doubles are exact enough.
  const ends = spans.map(span => Number(BigInt(span.start_unix_ns) - start) + span.duration_ns)
  return {
    trace_id: traceId,
    start_unix_ns: String(start),
    duration_ns: ends.reduce((a, b) => Math.max(a, b)),
    services: distinct(spans.map(({ service }) => service)),
    spans: spans.map(span =>
      toTraceSpan(span, shapeById.get(span.shape), patternById.get(span.statement)),
    ),
    resources: Object.fromEntries(
      resources.map(({ resource, attributes }) => [
        resource,
        Object.fromEntries(
          Object.entries(attributes).map(([key, value]) => [key, parseJson(value)]),
        ),
      ]),
    ),
  }
}

function toTraceSpan(
  span: RowOf<typeof traceSpans>,
  shape: RowOf<typeof shapesById> | undefined,
  pattern: RowOf<typeof patternsByFingerprint> | undefined,
): TraceSpan {
  const rebuilt = shape && rebuildAttributes(shape, span.attribute_values, pattern?.text)
  return {
    span_id: span.span_id,
    parent_span_id: span.parent_span_id === NO_SPAN ? null : span.parent_span_id,
    environment: span.environment,
    service: span.service,
    name: rebuilt?.name ?? span.operation,
    operation: span.operation,
    kind: span.kind,
    category: span.category,
    status: span.status,
    status_message: rebuilt?.statusMessage || null,
    start_unix_ns: span.start_unix_ns,
    duration_ns: span.duration_ns,
    is_entry: span.is_entry,
    statement:
      span.statement === ''
        ? null
        : {
            fingerprint: span.statement,
            text: pattern?.text ?? '',
            summary: pattern?.summary ?? '',
          },
    parameters: hashOrNull(span.parameters),
    result: hashOrNull(span.result),
    row_count: span.row_count,
    code_location: span.code_location || null,
    scope: { name: shape?.scope_name ?? '', version: shape?.scope_version ?? '' },
    attributes: { ...rebuilt?.attributes },
    events: toEvents(span.events),
    links: toLinks(span.links),
    resource: span.resource,
  }
}

/** 0 where it is not known. */
function hashOrNull(hash: number): string | null {
  return hash === 0 ? null : hash.toString(16).padStart(8, '0')
}

const OtlpAttributes = z.array(z.object({ key: z.string(), value: z.unknown() })).default([])
const OtlpEvents = z.array(
  z.object({
    name: z.string().default(''),
    timeUnixNano: z.coerce.string().default('0'),
    attributes: OtlpAttributes,
  }),
)
const OtlpLinks = z.array(
  z.object({
    traceId: z.string().default(''),
    spanId: z.string().default(''),
    attributes: OtlpAttributes,
  }),
)

function toEvents(text: string): TraceSpan['events'] {
  if (text === '') return []
  return OtlpEvents.parse(JSON.parse(text)).map(event => ({
    name: event.name,
    time_unix_ns: event.timeUnixNano,
    attributes: toAttributes(event.attributes),
  }))
}

function toLinks(text: string): TraceSpan['links'] {
  if (text === '') return []
  return OtlpLinks.parse(JSON.parse(text)).map(link => ({
    trace_id: link.traceId,
    span_id: link.spanId,
    attributes: toAttributes(link.attributes),
  }))
}

function toAttributes(attributes: z.output<typeof OtlpAttributes>): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plainValue(value)]))
}

/** An OTLP JSON `AnyValue` as a plain value; integers are strings there and stay so beyond 2^53. */
function plainValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const [[kind, inner] = []] = Object.entries(value)
  switch (kind) {
    case 'intValue':
      return Number.isSafeInteger(Number(inner)) ? Number(inner) : String(inner)
    case 'arrayValue':
      return valuesOf(inner).map(plainValue)
    case 'kvlistValue':
      return toAttributes(OtlpAttributes.parse(valuesOf(inner)))
    default:
      return inner ?? null
  }
}

function valuesOf(list: unknown): readonly unknown[] {
  const parsed = z.object({ values: z.array(z.unknown()).default([]) }).safeParse(list)
  return parsed.success ? parsed.data.values : []
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Texts may have been stored bare.
    return text
  }
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)]
}
