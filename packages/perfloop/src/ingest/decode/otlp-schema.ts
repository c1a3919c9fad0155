/**
 * The messages of OTLP that Perfloop reads, for the translation of OTLP JSON: JSON name, field number and
 * type, from the .proto files of opentelemetry-proto 1.x. Fields left out here are not stored.
 */
export type FieldType =
  | 'string'
  | 'id'
  | 'bytes'
  | 'bool'
  | 'double'
  | 'int64'
  | 'fixed64'
  | 'sfixed64'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'doubles'
  | 'fixed64s'
  | 'uint64s'
  | { readonly enum: readonly string[]; readonly prefix: string }
  | { readonly message: MessageName }
  | { readonly messages: MessageName }

export interface Field {
  readonly number: number
  readonly type: FieldType
}

export type Message = Readonly<Record<string, Field>>

const one = (number: number, message: MessageName): Field => ({ number, type: { message } })
const many = (number: number, messages: MessageName): Field => ({ number, type: { messages } })
const plain = (number: number, type: FieldType): Field => ({ number, type })

const SPAN_KIND = {
  enum: ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'],
  prefix: 'SPAN_KIND_',
}
const STATUS_CODE = { enum: ['UNSET', 'OK', 'ERROR'], prefix: 'STATUS_CODE_' }
const TEMPORALITY = {
  enum: ['UNSPECIFIED', 'DELTA', 'CUMULATIVE'],
  prefix: 'AGGREGATION_TEMPORALITY_',
}
const SEVERITY = {
  enum: [
    'UNSPECIFIED',
    ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap(name => [
      name,
      `${name}2`,
      `${name}3`,
      `${name}4`,
    ]),
  ],
  prefix: 'SEVERITY_NUMBER_',
}

export type MessageName =
  | 'traces'
  | 'metrics'
  | 'logs'
  | 'resourceSpans'
  | 'resourceMetrics'
  | 'resourceLogs'
  | 'scopeSpans'
  | 'scopeMetrics'
  | 'scopeLogs'
  | 'resource'
  | 'scope'
  | 'keyValue'
  | 'anyValue'
  | 'arrayValue'
  | 'keyValueList'
  | 'span'
  | 'event'
  | 'link'
  | 'status'
  | 'metric'
  | 'gauge'
  | 'sum'
  | 'histogram'
  | 'exponentialHistogram'
  | 'summary'
  | 'numberPoint'
  | 'histogramPoint'
  | 'exponentialPoint'
  | 'buckets'
  | 'summaryPoint'
  | 'quantile'
  | 'logRecord'

export const MESSAGES: Readonly<Record<MessageName, Message>> = {
  traces: { resourceSpans: many(1, 'resourceSpans') },
  metrics: { resourceMetrics: many(1, 'resourceMetrics') },
  logs: { resourceLogs: many(1, 'resourceLogs') },
  resourceSpans: { resource: one(1, 'resource'), scopeSpans: many(2, 'scopeSpans') },
  resourceMetrics: { resource: one(1, 'resource'), scopeMetrics: many(2, 'scopeMetrics') },
  resourceLogs: { resource: one(1, 'resource'), scopeLogs: many(2, 'scopeLogs') },
  scopeSpans: { scope: one(1, 'scope'), spans: many(2, 'span') },
  scopeMetrics: { scope: one(1, 'scope'), metrics: many(2, 'metric') },
  scopeLogs: { scope: one(1, 'scope'), logRecords: many(2, 'logRecord') },
  resource: { attributes: many(1, 'keyValue') },
  scope: { name: plain(1, 'string'), version: plain(2, 'string') },
  keyValue: { key: plain(1, 'string'), value: one(2, 'anyValue') },
  anyValue: {
    stringValue: plain(1, 'string'),
    boolValue: plain(2, 'bool'),
    intValue: plain(3, 'int64'),
    doubleValue: plain(4, 'double'),
    arrayValue: one(5, 'arrayValue'),
    kvlistValue: one(6, 'keyValueList'),
    bytesValue: plain(7, 'bytes'),
  },
  arrayValue: { values: many(1, 'anyValue') },
  keyValueList: { values: many(1, 'keyValue') },
  span: {
    traceId: plain(1, 'id'),
    spanId: plain(2, 'id'),
    traceState: plain(3, 'string'),
    parentSpanId: plain(4, 'id'),
    name: plain(5, 'string'),
    kind: plain(6, SPAN_KIND),
    startTimeUnixNano: plain(7, 'fixed64'),
    endTimeUnixNano: plain(8, 'fixed64'),
    attributes: many(9, 'keyValue'),
    droppedAttributesCount: plain(10, 'uint32'),
    events: many(11, 'event'),
    droppedEventsCount: plain(12, 'uint32'),
    links: many(13, 'link'),
    droppedLinksCount: plain(14, 'uint32'),
    status: one(15, 'status'),
    flags: plain(16, 'fixed32'),
  },
  event: {
    timeUnixNano: plain(1, 'fixed64'),
    name: plain(2, 'string'),
    attributes: many(3, 'keyValue'),
    droppedAttributesCount: plain(4, 'uint32'),
  },
  link: {
    traceId: plain(1, 'id'),
    spanId: plain(2, 'id'),
    traceState: plain(3, 'string'),
    attributes: many(4, 'keyValue'),
    droppedAttributesCount: plain(5, 'uint32'),
    flags: plain(6, 'fixed32'),
  },
  status: { message: plain(2, 'string'), code: plain(3, STATUS_CODE) },
  metric: {
    name: plain(1, 'string'),
    unit: plain(3, 'string'),
    gauge: one(5, 'gauge'),
    sum: one(7, 'sum'),
    histogram: one(9, 'histogram'),
    exponentialHistogram: one(10, 'exponentialHistogram'),
    summary: one(11, 'summary'),
  },
  gauge: { dataPoints: many(1, 'numberPoint') },
  sum: {
    dataPoints: many(1, 'numberPoint'),
    aggregationTemporality: plain(2, TEMPORALITY),
    isMonotonic: plain(3, 'bool'),
  },
  histogram: {
    dataPoints: many(1, 'histogramPoint'),
    aggregationTemporality: plain(2, TEMPORALITY),
  },
  exponentialHistogram: {
    dataPoints: many(1, 'exponentialPoint'),
    aggregationTemporality: plain(2, TEMPORALITY),
  },
  summary: { dataPoints: many(1, 'summaryPoint') },
  numberPoint: {
    startTimeUnixNano: plain(2, 'fixed64'),
    timeUnixNano: plain(3, 'fixed64'),
    asDouble: plain(4, 'double'),
    asInt: plain(6, 'sfixed64'),
    attributes: many(7, 'keyValue'),
    flags: plain(8, 'uint32'),
  },
  histogramPoint: {
    startTimeUnixNano: plain(2, 'fixed64'),
    timeUnixNano: plain(3, 'fixed64'),
    count: plain(4, 'fixed64'),
    sum: plain(5, 'double'),
    bucketCounts: plain(6, 'fixed64s'),
    explicitBounds: plain(7, 'doubles'),
    attributes: many(9, 'keyValue'),
    flags: plain(10, 'uint32'),
    min: plain(11, 'double'),
    max: plain(12, 'double'),
  },
  exponentialPoint: {
    attributes: many(1, 'keyValue'),
    startTimeUnixNano: plain(2, 'fixed64'),
    timeUnixNano: plain(3, 'fixed64'),
    count: plain(4, 'fixed64'),
    sum: plain(5, 'double'),
    scale: plain(6, 'sint32'),
    zeroCount: plain(7, 'fixed64'),
    positive: one(8, 'buckets'),
    negative: one(9, 'buckets'),
    flags: plain(10, 'uint32'),
    min: plain(12, 'double'),
    max: plain(13, 'double'),
    zeroThreshold: plain(14, 'double'),
  },
  buckets: { offset: plain(1, 'sint32'), bucketCounts: plain(2, 'uint64s') },
  summaryPoint: {
    startTimeUnixNano: plain(2, 'fixed64'),
    timeUnixNano: plain(3, 'fixed64'),
    count: plain(4, 'fixed64'),
    sum: plain(5, 'double'),
    quantileValues: many(6, 'quantile'),
    attributes: many(7, 'keyValue'),
    flags: plain(8, 'uint32'),
  },
  quantile: { quantile: plain(1, 'double'), value: plain(2, 'double') },
  logRecord: {
    timeUnixNano: plain(1, 'fixed64'),
    severityNumber: plain(2, SEVERITY),
    severityText: plain(3, 'string'),
    body: one(5, 'anyValue'),
    attributes: many(6, 'keyValue'),
    flags: plain(8, 'fixed32'),
    traceId: plain(9, 'id'),
    spanId: plain(10, 'id'),
    observedTimeUnixNano: plain(11, 'fixed64'),
    eventName: plain(12, 'string'),
  },
}
