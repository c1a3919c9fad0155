import protobuf from 'protobufjs'

/** The part of OTLP's trace messages that a rebuilt trace is compared by, read with a library that is not ours. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; uint32 kind = 6;
    fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9; Status status = 15;
  }
  message Status { string message = 2; uint32 code = 3; }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue {
    oneof value {
      string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
      ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7;
    }
  }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
`)
const Request = root.lookupType('Request')

export interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly name: string
  readonly kind: number
  readonly statusCode: number
  readonly startUnixNs: bigint
  readonly durationNs: bigint
  readonly attributes: Readonly<Record<string, unknown>>
}

interface AnyValue {
  readonly value?: string
  readonly [field: string]: unknown
}
interface KeyValue {
  readonly key: string
  readonly value: AnyValue
}
interface RawSpan {
  readonly traceId: Uint8Array
  readonly spanId: Uint8Array
  readonly parentSpanId: Uint8Array
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: { toString(): string }
  readonly endTimeUnixNano: { toString(): string }
  readonly attributes: readonly KeyValue[]
  readonly status?: { readonly code: number }
}

export function readSpans(body: Uint8Array): SentSpan[] {
  const request = Request.decode(body) as unknown as {
    resourceSpans: { scopeSpans: { spans: RawSpan[] }[] }[]
  }
  return request.resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map(toSentSpan)),
  )
}

function toSentSpan(span: RawSpan): SentSpan {
  const startUnixNs = BigInt(span.startTimeUnixNano.toString())
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: span.parentSpanId.length === 0 ? null : hex(span.parentSpanId),
    name: span.name,
    kind: span.kind,
    statusCode: span.status?.code ?? 0,
    startUnixNs,
    durationNs: BigInt(span.endTimeUnixNano.toString()) - startUnixNs,
    attributes: Object.fromEntries(span.attributes.map(({ key, value }) => [key, plain(value)])),
  }
}

function plain(value: AnyValue): unknown {
  switch (value.value) {
    case 'stringValue':
    case 'boolValue':
    case 'doubleValue':
      return value[value.value]
    case 'intValue':
      return Number(String(value.intValue))
    case 'arrayValue':
      return (value.arrayValue as { values: AnyValue[] }).values.map(plain)
    case 'kvlistValue':
      return Object.fromEntries(
        (value.kvlistValue as { values: KeyValue[] }).values.map(pair => [
          pair.key,
          plain(pair.value),
        ]),
      )
    default:
      return null
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
