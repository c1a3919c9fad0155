import protobuf from 'protobufjs'

/** From opentelemetry-proto 1.x, read by a library that is not ours. */
const PROTO = `
syntax = "proto3";
message ExportMetricsServiceRequest { repeated ResourceMetrics resource_metrics = 1; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; }
message Scope { string name = 1; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
message Metric {
  string name = 1; string description = 2; string unit = 3;
  oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; }
}
message Gauge { repeated NumberDataPoint data_points = 1; }
message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Histogram { repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
message NumberDataPoint {
  repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
  oneof value { double as_double = 4; sfixed64 as_int = 6; }
}
message HistogramDataPoint {
  repeated KeyValue attributes = 9; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
  optional double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7;
}`

const Request = protobuf.parse(PROTO).root.lookupType('ExportMetricsServiceRequest')

export interface ReceivedPoint {
  readonly name: string
  readonly unit: string
  readonly type: 'gauge' | 'sum' | 'histogram'
  readonly isMonotonic: boolean
  readonly attributes: Readonly<Record<string, string | number>>
  readonly startUnixNs: bigint
  readonly timeUnixNs: bigint
  /** Of a histogram: its sum. */
  readonly value: number
  readonly count: number
  readonly bucketCounts: readonly number[]
  readonly bounds: readonly number[]
  readonly service: string
}

interface KeyValue {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: string }
}

interface DecodedPoint {
  readonly attributes?: KeyValue[]
  readonly startTimeUnixNano?: string
  readonly timeUnixNano: string
  readonly asDouble?: number
  readonly sum?: number
  readonly count?: string
  readonly bucketCounts?: string[]
  readonly explicitBounds?: number[]
}

interface Data {
  readonly dataPoints?: DecodedPoint[]
  readonly aggregationTemporality?: number
  readonly isMonotonic?: boolean
}

interface Decoded {
  readonly resourceMetrics?: {
    readonly resource: { readonly attributes: KeyValue[] }
    readonly scopeMetrics?: {
      readonly metrics?: {
        readonly name: string
        readonly unit: string
        readonly gauge?: Data
        readonly sum?: Data
        readonly histogram?: Data
      }[]
    }[]
  }[]
}

export function readMetrics(body: Buffer): ReceivedPoint[] {
  const decoded = Request.toObject(Request.decode(body), { longs: String }) as Decoded
  return (decoded.resourceMetrics ?? []).flatMap(({ resource, scopeMetrics }) =>
    (scopeMetrics ?? []).flatMap(({ metrics }) =>
      (metrics ?? []).flatMap(({ name, unit, gauge, sum, histogram }) => {
        const data = gauge ?? sum ?? histogram
        return (data?.dataPoints ?? []).map(point => ({
          name,
          unit,
          type: gauge !== undefined ? 'gauge' : sum !== undefined ? 'sum' : 'histogram',
          isMonotonic: data?.isMonotonic === true,
          attributes: valuesOf(point.attributes),
          startUnixNs: BigInt(point.startTimeUnixNano ?? 0),
          timeUnixNs: BigInt(point.timeUnixNano),
          value: point.asDouble ?? point.sum ?? Number.NaN,
          count: Number(point.count ?? 0),
          bucketCounts: (point.bucketCounts ?? []).map(Number),
          bounds: point.explicitBounds ?? [],
          service: String(valuesOf(resource.attributes)['service.name']),
        }))
      }),
    ),
  )
}

function valuesOf(attributes: readonly KeyValue[] = []) {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]),
  )
}
