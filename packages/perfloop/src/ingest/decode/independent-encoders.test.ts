import { diag, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import protobuf from 'protobufjs'
import { afterAll, describe, expect, it } from 'vitest'
import { scratchBuffer } from '../columns/scratch-engine.ts'
import type { BodyEncoding, NativeBlock, Signal } from '../ingest-buffer.ts'
import {
  NOW_MS,
  START_NS,
  sentAttributes,
  sentLogs,
  sentMetrics,
  sentSpan,
  sentSpanId,
  sentTraces,
  TRACE_ID,
} from './otlp-fixture.ts'
import { otlpJsonToProtobuf } from './otlp-json.ts'
import { type FieldType, MESSAGES, type MessageName } from './otlp-schema.ts'

afterAll(() => diag.disable())

/** Blocks of a fresh buffer: equal bytes mean equal rows, dictionaries and all. */
function blocks(signal: Signal, encoding: BodyEncoding, body: Uint8Array): readonly NativeBlock[] {
  const buffer = scratchBuffer({ maxPastMs: 10 * 365 * 24 * 3_600_000 })
  const outcome = buffer.add(signal, encoding, body, { receivedUnixMs: NOW_MS })
  expect(outcome.rejected).toBe(0)
  expect(outcome.accepted).toBeGreaterThan(0)
  return buffer.take(NOW_MS / 1000)
}

const resource = resourceFromAttributes({
  'service.name': 'shop',
  'service.instance.id': 'shop-1',
  'deployment.environment.name': 'production',
})

function recordedSpans() {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  })
  const tracer = provider.getTracer('independent', '1.2.3')
  const time = NOW_MS - 5_000
  const root = tracer.startSpan(
    'GET /orders/:id',
    { kind: SpanKind.SERVER, startTime: time },
    ROOT_CONTEXT,
  )
  root.setAttributes({
    'http.request.method': 'GET',
    'http.route': '/orders/:id',
    'http.response.status_code': 200,
  })
  const context = trace.setSpan(ROOT_CONTEXT, root)
  const child = tracer.startSpan(
    'pg.query',
    { kind: SpanKind.CLIENT, startTime: time + 1 },
    context,
  )
  child.setAttributes({
    'db.system.name': 'postgresql',
    'db.query.text': "SELECT * FROM orders WHERE id = 42 AND note = 'x'",
    ratio: 0.25,
    large: 2 ** 40,
    negative: -12,
    flags: [true, false],
    names: ['a', 'ü'],
  })
  child.addEvent(
    'exception',
    { 'exception.message': 'deadlock', 'exception.type': 'Error' },
    time + 2,
  )
  child.addLink({
    context: { traceId: TRACE_ID, spanId: sentSpanId(7), traceFlags: TraceFlags.SAMPLED },
  })
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'deadlock detected' })
  child.end(time + 5)
  root.end(time + 9)
  return exporter.getFinishedSpans()
}

const hrTime = (ms: number): [number, number] => [Math.floor(ms / 1000), (ms % 1000) * 1e6]

const metrics = {
  resource,
  scopeMetrics: [
    {
      scope: { name: 'meter', version: '1' },
      metrics: [
        {
          descriptor: { name: 'memory', description: '', unit: 'By', valueType: 1, advice: {} },
          aggregationTemporality: 1,
          dataPointType: 2,
          dataPoints: [
            {
              startTime: hrTime(NOW_MS - 9_000),
              endTime: hrTime(NOW_MS),
              attributes: { pool: 'a' },
              value: 12.5,
            },
          ],
        },
        {
          descriptor: { name: 'requests', description: '', unit: '1', valueType: 0, advice: {} },
          aggregationTemporality: 0,
          isMonotonic: true,
          dataPointType: 3,
          dataPoints: [
            {
              startTime: hrTime(NOW_MS - 9_000),
              endTime: hrTime(NOW_MS),
              attributes: {},
              value: 7,
            },
          ],
        },
        {
          descriptor: { name: 'duration', description: '', unit: 's', valueType: 1, advice: {} },
          aggregationTemporality: 0,
          dataPointType: 0,
          dataPoints: [
            {
              startTime: hrTime(NOW_MS - 9_000),
              endTime: hrTime(NOW_MS),
              attributes: { route: '/x' },
              value: {
                buckets: { boundaries: [0.1, 1], counts: [3, 2, 1] },
                sum: 3.3,
                count: 6,
                min: 0.01,
                max: 2,
              },
            },
          ],
        },
      ],
    },
  ],
}

const logs = [
  {
    hrTime: hrTime(NOW_MS - 100),
    hrTimeObserved: hrTime(NOW_MS - 90),
    severityNumber: 17,
    severityText: 'ERROR',
    body: 'it broke',
    resource,
    instrumentationScope: { name: 'logger' },
    attributes: { a: 1, list: ['x'] },
    droppedAttributesCount: 0,
    spanContext: { traceId: TRACE_ID, spanId: sentSpanId(3), traceFlags: 1 },
  },
]

function present(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new Error('the serializer gave nothing')
  return bytes
}

describe('bodies of the OpenTelemetry serializers', () => {
  it('give the same rows as protobuf and as JSON: traces', () => {
    const spans = recordedSpans()
    const binary = blocks(
      'traces',
      'protobuf',
      present(ProtobufTraceSerializer.serializeRequest(spans)),
    )
    const json = blocks('traces', 'json', present(JsonTraceSerializer.serializeRequest(spans)))
    expect(binary.map(block => [block.table, block.rows])).toEqual([
      ['spans', 2],
      ['resources', 1],
      ['shapes', 2],
      ['patterns', 1],
    ])
    expect(json).toEqual(binary)
  })

  it('give the same rows as protobuf and as JSON: metrics', () => {
    const request = metrics as unknown as Parameters<
      typeof ProtobufMetricsSerializer.serializeRequest
    >[0]
    const binary = blocks(
      'metrics',
      'protobuf',
      present(ProtobufMetricsSerializer.serializeRequest(request)),
    )
    const json = blocks('metrics', 'json', present(JsonMetricsSerializer.serializeRequest(request)))
    expect(binary.map(block => [block.table, block.rows])).toEqual([
      ['resources', 1],
      ['performance_metrics', 2],
      ['metric_points', 1],
    ])
    expect(json).toEqual(binary)
  })

  it('give the same rows as protobuf and as JSON: logs', () => {
    const request = logs as unknown as Parameters<typeof ProtobufLogsSerializer.serializeRequest>[0]
    const binary = blocks(
      'logs',
      'protobuf',
      present(ProtobufLogsSerializer.serializeRequest(request)),
    )
    const json = blocks('logs', 'json', present(JsonLogsSerializer.serializeRequest(request)))
    expect(binary.map(block => [block.table, block.rows])).toEqual([
      ['resources', 1],
      ['logs', 1],
    ])
    expect(json).toEqual(binary)
  })
})

// protobufjs with the same field numbers, but an encoder and a wire layout that are not ours.
const SCALARS: Readonly<Record<Extract<FieldType, string>, string>> = {
  string: 'string',
  id: 'bytes',
  bytes: 'bytes',
  bool: 'bool',
  double: 'double',
  int64: 'int64',
  fixed64: 'fixed64',
  sfixed64: 'sfixed64',
  uint32: 'uint32',
  sint32: 'sint32',
  fixed32: 'fixed32',
  doubles: 'double',
  fixed64s: 'fixed64',
  uint64s: 'uint64',
}
const LISTS: ReadonlySet<FieldType> = new Set(['doubles', 'fixed64s', 'uint64s'])

const root = new protobuf.Root()
for (const [name, message] of Object.entries(MESSAGES)) {
  const type = new protobuf.Type(name)
  for (const [fieldName, { number, type: fieldType }] of Object.entries(message)) {
    if (typeof fieldType === 'string') {
      const rule = LISTS.has(fieldType) ? 'repeated' : undefined
      type.add(new protobuf.Field(fieldName, number, SCALARS[fieldType], rule))
    } else if ('message' in fieldType) {
      type.add(new protobuf.Field(fieldName, number, fieldType.message))
    } else if ('messages' in fieldType) {
      type.add(new protobuf.Field(fieldName, number, fieldType.messages, 'repeated'))
    } else {
      type.add(new protobuf.Field(fieldName, number, 'int32'))
    }
  }
  root.add(type)
}

/** OTLP JSON to what protobufjs takes: ids as bytes. */
function withBytes(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map(item => withBytes(item))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, withBytes(inner, name)]),
    )
  }
  if (/^(?:traceId|spanId|parentSpanId)$/.test(key)) return Buffer.from(String(value), 'hex')
  return value
}

/** Fields of the frame that are not stored, and one that nobody knows yet. */
function addUnreadFields(): void {
  for (const name of ['resourceSpans', 'resourceMetrics', 'resourceLogs']) {
    root.lookupType(name).add(new protobuf.Field('schemaUrl', 3, 'string'))
  }
  for (const name of ['scopeSpans', 'scopeMetrics', 'scopeLogs']) {
    root.lookupType(name).add(new protobuf.Field('schemaUrl', 3, 'string'))
  }
  root.lookupType('resource').add(new protobuf.Field('droppedAttributesCount', 2, 'uint32'))
  root.lookupType('scope').add(new protobuf.Field('attributes', 3, 'keyValue', 'repeated'))
  root.lookupType('scope').add(new protobuf.Field('droppedAttributesCount', 4, 'uint32'))
  root.lookupType('metric').add(new protobuf.Field('description', 2, 'string'))
  root.lookupType('metric').add(new protobuf.Field('metadata', 12, 'keyValue', 'repeated'))
  for (const name of ['numberPoint', 'histogramPoint', 'exponentialPoint']) {
    const number = name === 'numberPoint' ? 5 : name === 'histogramPoint' ? 8 : 11
    root.lookupType(name).add(new protobuf.Field('exemplars', number, 'keyValue', 'repeated'))
  }
  root.lookupType('logRecord').add(new protobuf.Field('droppedAttributesCount', 7, 'uint32'))
  for (const name of Object.keys(MESSAGES)) {
    root.lookupType(name).add(new protobuf.Field('future', 1234, 'string'))
  }
}
addUnreadFields()

/** Gives every message what is not read. */
function withUnreadFields(name: MessageName, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const message: Record<string, unknown> = { ...value, future: 'x' }
  for (const [fieldName, { type }] of Object.entries(MESSAGES[name])) {
    const sent = message[fieldName]
    if (typeof type === 'string' || sent === undefined) continue
    if ('message' in type) message[fieldName] = withUnreadFields(type.message, sent)
    else if ('messages' in type && Array.isArray(sent)) {
      message[fieldName] = sent.map(item => withUnreadFields(type.messages, item))
    }
  }
  const unread = { droppedAttributesCount: 1, schemaUrl: 'https://x', description: 'd' }
  const lists = { exemplars: [{ key: 'k' }], metadata: [{ key: 'k' }] }
  for (const [fieldName, content] of Object.entries({ ...unread, ...lists })) {
    const isKnown = root.lookupType(name).fields[fieldName] !== undefined
    if (isKnown && !Object.hasOwn(MESSAGES[name], fieldName)) message[fieldName] = content
  }
  return message
}

function encodedByProtobufjs(name: MessageName, request: object): Uint8Array {
  const type = root.lookupType(name)
  return type.encode(type.fromObject(withBytes(request) as Record<string, unknown>)).finish()
}

describe('bodies of protobufjs', () => {
  const histogramPoint = {
    startTimeUnixNano: String(START_NS),
    timeUnixNano: String(START_NS + 999_999_999n),
    count: '9007199254740993',
    sum: 12.5,
    attributes: sentAttributes({ a: 'b' }),
  }
  const cases: readonly (readonly [Signal, object])[] = [
    [
      'traces',
      sentTraces([
        sentSpan({
          id: 1,
          kind: 2,
          flags: 0x101,
          traceState: 'ot=th:c',
          droppedEventsCount: 3,
          attributes: {
            text: 'ü',
            int: -5,
            double: 1.5,
            bool: true,
            list: { arrayValue: { values: [{ intValue: 1 }] } },
          },
          events: [
            { timeUnixNano: String(START_NS), name: 'e', attributes: sentAttributes({ x: 1 }) },
          ],
          links: [{ traceId: TRACE_ID, spanId: sentSpanId(8), flags: 1 }],
          status: { code: 2, message: 'no' },
        }),
        sentSpan({ id: 2, parent: 1, kind: 3 }),
      ]),
    ],
    [
      'metrics',
      sentMetrics([
        {
          name: 'g',
          unit: 'By',
          gauge: { dataPoints: [{ timeUnixNano: String(START_NS), asInt: '-9' }] },
        },
        {
          name: 's',
          sum: {
            aggregationTemporality: 1,
            isMonotonic: true,
            dataPoints: [{ timeUnixNano: String(START_NS), asDouble: 0.5 }],
          },
        },
        {
          name: 'h',
          histogram: {
            aggregationTemporality: 2,
            dataPoints: [
              { ...histogramPoint, bucketCounts: ['1', '2'], explicitBounds: [5], min: 1, max: 9 },
            ],
          },
        },
        {
          name: 'e',
          exponentialHistogram: {
            aggregationTemporality: 1,
            dataPoints: [
              {
                ...histogramPoint,
                scale: -1,
                zeroCount: '2',
                positive: { offset: -3, bucketCounts: ['1', '300'] },
                negative: { offset: 1, bucketCounts: ['4'] },
              },
            ],
          },
        },
        {
          name: 'q',
          summary: {
            dataPoints: [{ ...histogramPoint, quantileValues: [{ quantile: 0.5, value: 2 }] }],
          },
        },
      ]),
    ],
    [
      'logs',
      sentLogs([
        {
          timeUnixNano: String(START_NS),
          severityNumber: 9,
          severityText: 'INFO',
          body: { kvlistValue: { values: sentAttributes({ a: 1 }) } },
          traceId: TRACE_ID,
          spanId: sentSpanId(1),
          eventName: 'login',
          attributes: sentAttributes({ k: 'v' }),
        },
      ]),
    ],
  ]

  it.each(cases)('give the same rows as our own reading of JSON: %s', (signal, request) => {
    const json = Buffer.from(JSON.stringify(request))
    const independent = blocks(signal, 'protobuf', encodedByProtobufjs(signal, request))
    expect(blocks(signal, 'json', json)).toEqual(independent)
    expect(blocks(signal, 'protobuf', otlpJsonToProtobuf(signal, json))).toEqual(independent)
  })

  it.each(cases)('give the same rows with fields that are not read: %s', (signal, request) => {
    const plain = blocks(signal, 'protobuf', encodedByProtobufjs(signal, request))
    const full = withUnreadFields(signal, request)
    const sent = encodedByProtobufjs(signal, full as object)
    expect(sent.length).toBeGreaterThan(encodedByProtobufjs(signal, request).length + 50)
    expect(blocks(signal, 'protobuf', sent)).toEqual(plain)
  })

  it.each(cases)('are read by it as we wrote them: %s', (signal, request) => {
    const json = Buffer.from(JSON.stringify(request))
    const type = root.lookupType(signal)
    const options = { longs: String, bytes: String, enums: String }
    expect(type.toObject(type.decode(otlpJsonToProtobuf(signal, json)), options)).toEqual(
      type.toObject(type.decode(encodedByProtobufjs(signal, request)), options),
    )
  })
})
