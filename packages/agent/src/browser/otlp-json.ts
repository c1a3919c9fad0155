// OTLP as JSON: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Ids are hexadecimal, 64-bit numbers texts.

export type Value = string | number | boolean
export type Values = Readonly<Record<string, Value | undefined>>

export interface BrowserSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  /** 1 within the page, 3 for a call. */
  readonly kind: number
  /** Milliseconds of `performance.now()`. */
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Values
  readonly isError?: boolean
}

export interface BrowserEvent {
  readonly name: string
  readonly atMs: number
  readonly traceId: string
  readonly spanId: string
  readonly body: Values
  readonly attributes: Values
}

export function spansBody(resource: Values, spans: readonly BrowserSpan[]): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: keyValues(resource) },
        scopeSpans: [{ scope: SCOPE, spans: spans.map(spanMessage) }],
      },
    ],
  })
}

export function eventsBody(resource: Values, events: readonly BrowserEvent[]): string {
  const logRecords = events.map(({ name, atMs, traceId, spanId, body, attributes }) => ({
    timeUnixNano: unixNano(atMs),
    severityNumber: 9,
    eventName: name,
    traceId,
    spanId,
    body: { kvlistValue: { values: keyValues(body) } },
    attributes: keyValues({ 'event.name': name, ...attributes }),
  }))
  return JSON.stringify({
    resourceLogs: [
      {
        resource: { attributes: keyValues(resource) },
        scopeLogs: [{ scope: SCOPE, logRecords }],
      },
    ],
  })
}

const SCOPE = { name: '@perfloop/agent/browser' }

function spanMessage(span: BrowserSpan) {
  const { traceId, spanId, parentSpanId, name, kind, startMs, endMs, attributes, isError } = span
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    kind,
    startTimeUnixNano: unixNano(startMs),
    endTimeUnixNano: unixNano(Math.max(startMs, endMs)),
    attributes: keyValues(attributes),
    status: isError ? { code: 2 } : {},
  }
}

function keyValues(values: Values) {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: Value | undefined) {
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value !== 'number') return { stringValue: value }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

/** Whole microseconds, which a double holds exactly. */
function unixNano(ms: number): string {
  return `${Math.round((performance.timeOrigin + ms) * 1e3)}000`
}
