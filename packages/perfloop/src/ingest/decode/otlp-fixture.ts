/** OTLP JSON requests for tests: short to write, complete where it matters. */
export const NOW_MS = Date.UTC(2026, 0, 15, 12, 0, 0)
export const START_NS = BigInt(NOW_MS - 10_000) * 1_000_000n
export const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'
const DURATION_NS = 5_000_000n

/** A string, number or boolean; or an AnyValue as it is. */
export type SentValue = string | number | boolean | object

export function sentAttribute(key: string, value: SentValue): object {
  if (typeof value === 'string') return { key, value: { stringValue: value } }
  if (typeof value === 'boolean') return { key, value: { boolValue: value } }
  if (typeof value === 'object') return { key, value }
  return { key, value: Number.isInteger(value) ? { intValue: value } : { doubleValue: value } }
}

export function sentAttributes(values: Readonly<Record<string, SentValue>>): object[] {
  return Object.entries(values).map(([key, value]) => sentAttribute(key, value))
}

export function sentSpanId(id: number): string {
  return id.toString(16).padStart(16, '0')
}

export interface SentSpan {
  readonly id?: number
  readonly parent?: number
  readonly attributes?: Readonly<Record<string, SentValue>>
  /** Any field of Span by its OTLP JSON name. */
  readonly [field: string]: unknown
}

export function sentSpan({ id = 1, parent, attributes = {}, ...fields }: SentSpan = {}): object {
  return {
    traceId: TRACE_ID,
    spanId: sentSpanId(id),
    parentSpanId: parent === undefined ? '' : sentSpanId(parent),
    name: 'work',
    kind: 1,
    startTimeUnixNano: String(START_NS + BigInt(id)),
    endTimeUnixNano: String(START_NS + BigInt(id) + DURATION_NS),
    attributes: sentAttributes(attributes),
    ...fields,
  }
}

const RESOURCE = { 'service.name': 'shop' }

export function sentTraces(
  spans: readonly object[],
  resource: Readonly<Record<string, SentValue>> = RESOURCE,
  scope: object = { name: 'test', version: '1' },
): object {
  return {
    resourceSpans: [
      { resource: { attributes: sentAttributes(resource) }, scopeSpans: [{ scope, spans }] },
    ],
  }
}

export function sentMetrics(metrics: readonly object[]): object {
  return {
    resourceMetrics: [
      { resource: { attributes: sentAttributes(RESOURCE) }, scopeMetrics: [{ metrics }] },
    ],
  }
}

export function sentLogs(logRecords: readonly object[]): object {
  return {
    resourceLogs: [
      {
        resource: { attributes: sentAttributes(RESOURCE) },
        scopeLogs: [{ scope: { name: 'logger' }, logRecords }],
      },
    ],
  }
}
