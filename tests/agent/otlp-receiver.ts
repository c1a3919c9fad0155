import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import protobuf from 'protobufjs'
import { type ReceivedPoint, readMetrics } from './otlp-metrics.ts'

/** From opentelemetry-proto 1.x, read by a library that is not ours. */
const PROTO = `
syntax = "proto3";
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message Scope { string name = 1; string version = 2; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; ArrayValue array_value = 5; } }
message ArrayValue { repeated AnyValue values = 1; }
message Link { bytes trace_id = 1; bytes span_id = 2; repeated KeyValue attributes = 4; }
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Status { string message = 2; int32 code = 3; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  uint32 dropped_attributes_count = 10; repeated Event events = 11; repeated Link links = 13; Status status = 15; fixed32 flags = 16;
}`

const { root } = protobuf.parse(PROTO)
const Request = root.lookupType('ExportTraceServiceRequest')

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly traceState: string
  readonly name: string
  readonly kind: number
  readonly startUnixNs: bigint
  readonly endUnixNs: bigint
  readonly status: number
  readonly statusMessage: string
  readonly scope: string
  readonly scopeVersion: string
  readonly service: string
  readonly attributes: Readonly<Record<string, ReceivedValue>>
  readonly droppedAttributes: number
  readonly events: readonly {
    name: string
    unixNs: bigint
    attributes: Readonly<Record<string, ReceivedValue>>
  }[]
  readonly links: readonly {
    traceId: string
    spanId: string
    attributes: Readonly<Record<string, ReceivedValue>>
  }[]
}

type ReceivedValue = string | number | boolean | readonly ReceivedValue[]

interface AnyValue {
  readonly stringValue?: string
  readonly boolValue?: boolean
  readonly intValue?: string
  readonly doubleValue?: number
  readonly arrayValue?: { readonly values?: readonly AnyValue[] }
}

interface KeyValue {
  readonly key: string
  readonly value: AnyValue
}

interface Decoded {
  readonly resourceSpans?: {
    readonly resource: { readonly attributes: KeyValue[] }
    readonly scopeSpans?: {
      readonly scope: { readonly name: string; readonly version?: string }
      readonly spans?: {
        readonly traceId: Buffer
        readonly spanId: Buffer
        readonly parentSpanId?: Buffer
        readonly traceState?: string
        readonly name: string
        readonly kind: number
        readonly startTimeUnixNano: string
        readonly endTimeUnixNano: string
        readonly attributes?: KeyValue[]
        readonly droppedAttributesCount?: number
        readonly events?: {
          readonly name: string
          readonly timeUnixNano: string
          readonly attributes?: KeyValue[]
        }[]
        readonly links?: {
          readonly traceId: Buffer
          readonly spanId: Buffer
          readonly attributes?: KeyValue[]
        }[]
        readonly status?: { readonly code?: number; readonly message?: string }
      }[]
    }[]
  }[]
}

/** Without what a busy machine adds: waits for a connection, and blocked event loops. */
export function planned(spans: readonly ReceivedSpan[]): readonly ReceivedSpan[] {
  return spans.filter(({ scope }) => !/\/(?:pool|event-loop)$/.test(scope))
}

/** An OTLP receiver that keeps what comes, answers with `status`, and can be told to answer nothing. */
export async function startOtlpReceiver() {
  const spans: ReceivedSpan[] = []
  const metrics: ReceivedPoint[] = []
  const state = { status: 200, isSilent: false, requests: 0 }
  const server = createServer((request, response) => {
    if (!request.url?.startsWith('/v1/')) {
      // As of any backend that is no Perfloop.
      response.writeHead(404).end()
      return
    }
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      state.requests++
      if (state.isSilent) return
      response.statusCode = state.status
      if (state.status === 200) {
        const body = Buffer.concat(chunks)
        if (request.url === '/v1/metrics') metrics.push(...readMetrics(body))
        else spans.push(...readSpans(body))
      }
      response.end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    metrics,
    state,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function readSpans(body: Buffer): ReceivedSpan[] {
  const options = { longs: String, defaults: false }
  const decoded = Request.toObject(Request.decode(body), options) as Decoded
  return (decoded.resourceSpans ?? []).flatMap(({ resource, scopeSpans }) =>
    (scopeSpans ?? []).flatMap(({ scope, spans }) =>
      (spans ?? []).map(span => ({
        traceId: span.traceId.toString('hex'),
        spanId: span.spanId.toString('hex'),
        parentSpanId: span.parentSpanId?.toString('hex') ?? '',
        traceState: span.traceState ?? '',
        name: span.name,
        kind: span.kind,
        startUnixNs: BigInt(span.startTimeUnixNano),
        endUnixNs: BigInt(span.endTimeUnixNano),
        status: span.status?.code ?? 0,
        statusMessage: span.status?.message ?? '',
        scope: scope.name,
        scopeVersion: scope.version ?? '',
        service: String(valuesOf(resource.attributes)['service.name']),
        attributes: valuesOf(span.attributes),
        droppedAttributes: span.droppedAttributesCount ?? 0,
        events: (span.events ?? []).map(({ name, timeUnixNano, attributes }) => ({
          name,
          unixNs: BigInt(timeUnixNano),
          attributes: valuesOf(attributes),
        })),
        links: (span.links ?? []).map(({ traceId, spanId, attributes }) => ({
          traceId: traceId.toString('hex'),
          spanId: spanId.toString('hex'),
          attributes: valuesOf(attributes),
        })),
      })),
    ),
  )
}

function valuesOf(attributes: readonly KeyValue[] = []) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]))
}

function readValue(value: AnyValue): ReceivedValue {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(readValue)
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue)
}
