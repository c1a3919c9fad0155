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
message Scope { string name = 1; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Status { string message = 2; int32 code = 3; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  repeated Event events = 11; Status status = 15; fixed32 flags = 16;
}`

const { root } = protobuf.parse(PROTO)
const Request = root.lookupType('ExportTraceServiceRequest')

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: number
  readonly startUnixNs: bigint
  readonly endUnixNs: bigint
  readonly status: number
  readonly scope: string
  readonly service: string
  readonly attributes: Readonly<Record<string, string | number>>
  readonly events: readonly {
    name: string
    attributes: Readonly<Record<string, string | number>>
  }[]
}

interface KeyValue {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: string }
}

interface Decoded {
  readonly resourceSpans?: {
    readonly resource: { readonly attributes: KeyValue[] }
    readonly scopeSpans?: {
      readonly scope: { readonly name: string }
      readonly spans?: {
        readonly traceId: Buffer
        readonly spanId: Buffer
        readonly parentSpanId?: Buffer
        readonly name: string
        readonly kind: number
        readonly startTimeUnixNano: string
        readonly endTimeUnixNano: string
        readonly attributes?: KeyValue[]
        readonly events?: { readonly name: string; readonly attributes?: KeyValue[] }[]
        readonly status?: { readonly code?: number }
      }[]
    }[]
  }[]
}

/** An OTLP receiver that keeps what comes, answers with `status`, and can be told to answer nothing. */
export async function startOtlpReceiver() {
  const spans: ReceivedSpan[] = []
  const metrics: ReceivedPoint[] = []
  const state = { status: 200, isSilent: false, requests: 0 }
  const server = createServer((request, response) => {
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
        name: span.name,
        kind: span.kind,
        startUnixNs: BigInt(span.startTimeUnixNano),
        endUnixNs: BigInt(span.endTimeUnixNano),
        status: span.status?.code ?? 0,
        scope: scope.name,
        service: String(valuesOf(resource.attributes)['service.name']),
        attributes: valuesOf(span.attributes),
        events: (span.events ?? []).map(({ name, attributes }) => ({
          name,
          attributes: valuesOf(attributes),
        })),
      })),
    ),
  )
}

function valuesOf(attributes: readonly KeyValue[] = []) {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  )
}
