import { type AnyValueJson, textOf } from '../decode/any-value.ts'
import {
  EXPONENTIAL_HISTOGRAM,
  GAUGE,
  HISTOGRAM,
  type MetricKind,
  type MetricPoint,
  readMetricPoint,
  SUM,
  SUMMARY,
} from '../decode/metric-point.ts'
import { BYTES, fields, type ProtobufReader, VARINT } from '../decode/protobuf-reader.ts'
import { explicitBuckets } from '../enrich/exponential-buckets.ts'
import type { RejectionReason, Rejections } from './rejections.ts'
import type { Resource } from './resource-book.ts'
import type { TimeWindow } from './span-assembler.ts'
import {
  ArrayColumn,
  LowCardinalityColumn,
  MapColumn,
  NullableColumn,
  NumberColumn,
  TextColumn,
  WideColumn,
} from './table-columns.ts'
import { TableRows } from './table-rows.ts'

const METRIC_FIELDS = fields(1, 2, 3, GAUGE, SUM, HISTOGRAM, EXPONENTIAL_HISTOGRAM, SUMMARY, 12)
const DATA_FIELDS = fields(1, 2, 3)
const NO_RECORDED_VALUE = 1
const DELTA = 1
const CUMULATIVE = 2
const U32 = 0x1_0000_0000
const LONGEST_NAME = 255

interface Metric {
  name: string
  unit: string
  kind: MetricKind | undefined
  dataStart: number
  dataEnd: number
  temporality: number
  isMonotonic: boolean
}

/** Rows of the tables `performance_metrics` and `metric_points`. */
export class MetricRows {
  readonly scalars = new TableRows('performance_metrics', () => ({
    environment: new LowCardinalityColumn(),
    service: new LowCardinalityColumn(),
    name: new LowCardinalityColumn(),
    type: new LowCardinalityColumn(),
    value: new NumberColumn('Float64'),
    timestamp: new WideColumn("DateTime64(9, 'UTC')"),
    metadata: new TextColumn(),
    received_at: new NumberColumn("DateTime('UTC')"),
  }))
  readonly points = new TableRows('metric_points', () => ({
    environment: new LowCardinalityColumn(),
    service: new LowCardinalityColumn(),
    name: new LowCardinalityColumn(),
    type: new LowCardinalityColumn(),
    temporality: new LowCardinalityColumn(),
    unit: new LowCardinalityColumn(),
    resource: new LowCardinalityColumn(),
    attributes: new MapColumn(),
    start_unix_ns: new WideColumn('UInt64'),
    time_unix_ns: new WideColumn('UInt64'),
    count: new WideColumn('UInt64'),
    sum: new NumberColumn('Float64'),
    min: new NullableColumn('Float64'),
    max: new NullableColumn('Float64'),
    bounds: new ArrayColumn(new NumberColumn('Float64')),
    counts: new ArrayColumn(new NumberColumn('Float64')),
    received_at: new NumberColumn("DateTime('UTC')"),
  }))
  private readonly json: AnyValueJson
  private readonly maxAttributes: number
  private readonly maxPoints: number
  /** Points of the request so far, refused ones too. */
  private pointsSeen = 0

  constructor(json: AnyValueJson, maxAttributes: number, maxPoints: number) {
    this.json = json
    this.maxAttributes = maxAttributes
    this.maxPoints = maxPoints
  }

  mark(): void {
    this.pointsSeen = 0
    this.scalars.mark()
    this.points.mark()
  }

  rollBack(): void {
    this.scalars.rollBack()
    this.points.rollBack()
  }

  /** The Metric message between the reader's place and `end`. Answers how many points were taken. */
  add(
    reader: ProtobufReader,
    end: number,
    resource: Resource,
    window: TimeWindow,
    rejections: Rejections,
  ): number {
    const metric = readMetric(reader, end)
    const { kind } = metric
    if (kind === undefined) return 0
    let taken = 0
    reader.at = metric.dataStart
    while (reader.at < metric.dataEnd) {
      const tag = reader.tag(metric.dataEnd)
      if (tag !== ((1 << 3) | BYTES)) {
        reader.skip(tag, metric.dataEnd)
        continue
      }
      reader.enter(metric.dataEnd)
      const to = reader.fieldEnd
      const point = readMetricPoint(reader, to, kind, this.json, this.maxAttributes)
      reader.at = to
      if ((point.flags & NO_RECORDED_VALUE) !== 0) continue
      const reason = ++this.pointsSeen > this.maxPoints ? 'too_many' : refusal(point, kind, window)
      if (reason !== undefined) {
        rejections.add(reason)
        continue
      }
      if (kind === GAUGE || kind === SUM) this.addScalar(metric, point, resource)
      else this.addDistribution(metric, kind, point, resource)
      taken++
    }
    return taken
  }

  private addScalar(metric: Metric, point: MetricPoint, resource: Resource): void {
    const { columns } = this.scalars
    const attributes = point.attributes.map(([key, json]) => `${JSON.stringify(key)}:${json}`)
    columns.environment.push(resource.service.environment.text)
    columns.service.push(resource.service.name.text)
    columns.name.push(metric.name)
    columns.type.push(scalarType(metric))
    columns.value.push(point.value ?? 0)
    columns.timestamp.push(point.timeLow, point.timeHigh)
    columns.metadata.push(
      `{"unit":${JSON.stringify(metric.unit)},"resource":"${resource.symbol.text}"${startOf(metric, point)},"attributes":{${attributes.join(',')}}}`,
    )
    columns.received_at.push(0)
    this.scalars.rows++
  }

  private addDistribution(
    metric: Metric,
    kind: MetricKind,
    point: MetricPoint,
    resource: Resource,
  ): void {
    const { columns } = this.points
    const buckets =
      kind === EXPONENTIAL_HISTOGRAM
        ? explicitBuckets(
            point.scale,
            point.zeroThreshold,
            point.zeroCount,
            point.positive,
            point.negative,
          )
        : point
    columns.environment.push(resource.service.environment.text)
    columns.service.push(resource.service.name.text)
    columns.name.push(metric.name)
    columns.type.push(distributionType(kind))
    columns.temporality.push(kind === SUMMARY ? '' : temporalityName(metric.temporality))
    columns.unit.push(metric.unit)
    columns.resource.push(resource.symbol.text)
    columns.attributes.push(point.attributes)
    columns.start_unix_ns.push(point.startLow, point.startHigh)
    columns.time_unix_ns.push(point.timeLow, point.timeHigh)
    columns.count.push(point.countLow, point.countHigh)
    columns.sum.push(point.sum)
    columns.min.push(point.min)
    columns.max.push(point.max)
    for (const bound of buckets.bounds) columns.bounds.elements.push(bound)
    columns.bounds.endRow()
    for (const count of buckets.counts) columns.counts.elements.push(count)
    columns.counts.endRow()
    columns.received_at.push(0)
    this.points.rows++
  }
}

function readMetric(reader: ProtobufReader, end: number): Metric {
  const metric: Metric = {
    name: '',
    unit: '',
    kind: undefined,
    dataStart: 0,
    dataEnd: 0,
    temporality: 0,
    isMonotonic: false,
  }
  while (reader.at < end) {
    const tag = reader.tag(end)
    switch (tag) {
      case (1 << 3) | BYTES:
        metric.name = readText(reader, end)
        break
      case (3 << 3) | BYTES:
        metric.unit = readText(reader, end)
        break
      case (GAUGE << 3) | BYTES:
        readData(reader, end, metric, GAUGE)
        break
      case (SUM << 3) | BYTES:
        readData(reader, end, metric, SUM)
        break
      case (HISTOGRAM << 3) | BYTES:
        readData(reader, end, metric, HISTOGRAM)
        break
      case (EXPONENTIAL_HISTOGRAM << 3) | BYTES:
        readData(reader, end, metric, EXPONENTIAL_HISTOGRAM)
        break
      case (SUMMARY << 3) | BYTES:
        readData(reader, end, metric, SUMMARY)
        break
      case (2 << 3) | BYTES:
      case (12 << 3) | BYTES:
        reader.skip(tag, end)
        break
      default:
        reader.unexpected(tag, end, METRIC_FIELDS)
    }
  }
  return metric
}

/** What Gauge, Sum, Histogram and their kind say besides their points, which come before it. */
function readData(reader: ProtobufReader, end: number, metric: Metric, kind: MetricKind): void {
  reader.enter(end)
  const to = reader.fieldEnd
  metric.kind = kind
  metric.dataStart = reader.at
  metric.dataEnd = to
  while (reader.at < to) {
    const tag = reader.tag(to)
    if (tag === ((1 << 3) | BYTES)) reader.skip(tag, to)
    else if (tag === ((2 << 3) | VARINT)) metric.temporality = reader.varintLow(to)
    else if (tag === ((3 << 3) | VARINT)) metric.isMonotonic = reader.varintLow(to) !== 0
    else reader.unexpected(tag, to, DATA_FIELDS)
  }
}

function readText(reader: ProtobufReader, end: number): string {
  reader.enter(end)
  const text = textOf(reader.bytes, reader.at, reader.fieldEnd)
  reader.at = reader.fieldEnd
  return text.slice(0, LONGEST_NAME)
}

function refusal(
  point: MetricPoint,
  kind: MetricKind,
  window: TimeWindow,
): RejectionReason | undefined {
  const timeMs = (point.timeHigh * U32 + point.timeLow) / 1e6
  if (timeMs === 0) return 'invalid_time'
  if (timeMs < window.earliestMs) return 'too_old'
  if (timeMs > window.latestMs) return 'too_new'
  const isScalar = kind === GAUGE || kind === SUM
  const numbers = isScalar
    ? [point.value ?? Number.NaN]
    : [
        point.sum,
        point.min ?? 0,
        point.max ?? 0,
        point.zeroThreshold,
        ...point.bounds,
        ...(kind === SUMMARY ? point.counts : []),
      ]
  return numbers.every(Number.isFinite) ? undefined : 'invalid_number'
}

/** What tells one stream of a counter from the next, which begins at nothing again; of others it says nothing. */
function startOf(metric: Metric, point: MetricPoint): string {
  const isCounter = scalarType(metric) === 'counter'
  const startMs = Math.floor((point.startHigh * U32 + point.startLow) / 1e6)
  return isCounter && startMs > 0 ? `,"start_unix_ms":${startMs}` : ''
}

function scalarType(metric: Metric): string {
  if (metric.kind === GAUGE) return 'gauge'
  if (metric.temporality === DELTA) return 'delta'
  return metric.isMonotonic ? 'counter' : 'updown'
}

function distributionType(kind: MetricKind): string {
  if (kind === HISTOGRAM) return 'histogram'
  return kind === SUMMARY ? 'summary' : 'exponential_histogram'
}

function temporalityName(temporality: number): string {
  if (temporality === DELTA) return 'delta'
  return temporality === CUMULATIVE ? 'cumulative' : ''
}
