import type { AnyValueJson } from './any-value.ts'
import {
  BYTES,
  FIXED64,
  fields,
  MalformedBody,
  type ProtobufReader,
  VARINT,
} from './protobuf-reader.ts'

/** The five kinds of metric, by their field number in Metric (opentelemetry.proto.metrics.v1). */
export const GAUGE = 5
export const SUM = 7
export const HISTOGRAM = 9
export const EXPONENTIAL_HISTOGRAM = 10
export const SUMMARY = 11
export type MetricKind =
  | typeof GAUGE
  | typeof SUM
  | typeof HISTOGRAM
  | typeof EXPONENTIAL_HISTOGRAM
  | typeof SUMMARY

/** One data point of any kind; what its kind has not stays empty. */
export interface MetricPoint {
  startLow: number
  startHigh: number
  timeLow: number
  timeHigh: number
  /** Of a number; undefined when the point has none. */
  value: number | undefined
  countLow: number
  countHigh: number
  sum: number
  min: number | undefined
  max: number | undefined
  bounds: number[]
  counts: number[]
  scale: number
  zeroCount: number
  zeroThreshold: number
  positive: ExponentialBuckets
  negative: ExponentialBuckets
  /** DataPointFlags: 1 says that no value was recorded. */
  flags: number
  readonly attributes: (readonly [string, string])[]
}

export interface ExponentialBuckets {
  offset: number
  counts: number[]
}

/** Buckets beyond are not read: no SDK makes more than some hundred. */
const MOST_BUCKETS = 4_096

/** Field numbers that mean the same in other places. */
interface PointLayout {
  readonly attributes: number
  readonly flags: number
  readonly known: number
}

const LAYOUTS: Readonly<Record<MetricKind, PointLayout>> = {
  [GAUGE]: { attributes: 7, flags: 8, known: fields(2, 3, 4, 5, 6, 7, 8) },
  [SUM]: { attributes: 7, flags: 8, known: fields(2, 3, 4, 5, 6, 7, 8) },
  [HISTOGRAM]: { attributes: 9, flags: 10, known: fields(2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) },
  [EXPONENTIAL_HISTOGRAM]: {
    attributes: 1,
    flags: 10,
    known: fields(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14),
  },
  [SUMMARY]: { attributes: 7, flags: 8, known: fields(2, 3, 4, 5, 6, 7, 8) },
}

export function readMetricPoint(
  reader: ProtobufReader,
  end: number,
  kind: MetricKind,
  json: AnyValueJson,
  maxAttributes: number,
): MetricPoint {
  const point = emptyPoint()
  const layout = LAYOUTS[kind]
  while (reader.at < end) {
    const tag = reader.tag(end)
    const field = tag >>> 3
    if (tag === ((layout.attributes << 3) | BYTES)) {
      reader.enter(end)
      const to = reader.fieldEnd
      if (point.attributes.length < maxAttributes) {
        const entry = json.entry(reader, to, 'keep', 'plain', 0)
        if (entry !== undefined) point.attributes.push(entry)
      }
      reader.at = to
    } else if (tag === ((2 << 3) | FIXED64)) {
      const at = reader.fixed64(end)
      point.startLow = reader.view.getUint32(at, true)
      point.startHigh = reader.view.getUint32(at + 4, true)
    } else if (tag === ((3 << 3) | FIXED64)) {
      const at = reader.fixed64(end)
      point.timeLow = reader.view.getUint32(at, true)
      point.timeHigh = reader.view.getUint32(at + 4, true)
    } else if (tag === ((layout.flags << 3) | VARINT)) {
      point.flags = reader.varintLow(end)
    } else if (!readOwnField(reader, end, tag, field, kind, point)) {
      reader.unexpected(tag, end, layout.known)
    }
  }
  return point
}

/** The fields that mean something else in each kind. */
function readOwnField(
  reader: ProtobufReader,
  end: number,
  tag: number,
  field: number,
  kind: MetricKind,
  point: MetricPoint,
): boolean {
  switch (kind) {
    case GAUGE:
    case SUM:
      return readNumber(reader, end, tag, point)
    case HISTOGRAM:
      return readHistogram(reader, end, tag, field, point)
    case EXPONENTIAL_HISTOGRAM:
      return readExponential(reader, end, tag, point)
    case SUMMARY:
      return readSummary(reader, end, tag, point)
  }
}

function readNumber(reader: ProtobufReader, end: number, tag: number, point: MetricPoint): boolean {
  if (tag === ((4 << 3) | FIXED64)) {
    point.value = reader.view.getFloat64(reader.fixed64(end), true)
  } else if (tag === ((6 << 3) | FIXED64)) {
    point.value = Number(reader.view.getBigInt64(reader.fixed64(end), true))
  } else if (tag === ((5 << 3) | BYTES)) {
    reader.skip(tag, end)
  } else {
    return false
  }
  return true
}

function readHistogram(
  reader: ProtobufReader,
  end: number,
  tag: number,
  field: number,
  point: MetricPoint,
): boolean {
  switch (tag) {
    case (4 << 3) | FIXED64:
      readCount(reader, end, point)
      return true
    case (5 << 3) | FIXED64:
      point.sum = reader.view.getFloat64(reader.fixed64(end), true)
      return true
    case (6 << 3) | BYTES:
    case (6 << 3) | FIXED64:
      readFixed(reader, end, tag, point.counts, at => uint64(reader.view, at))
      return true
    case (7 << 3) | BYTES:
    case (7 << 3) | FIXED64:
      readFixed(reader, end, tag, point.bounds, at => reader.view.getFloat64(at, true))
      return true
    case (11 << 3) | FIXED64:
    case (12 << 3) | FIXED64: {
      const value = reader.view.getFloat64(reader.fixed64(end), true)
      if (field === 11) point.min = value
      else point.max = value
      return true
    }
    case (8 << 3) | BYTES:
      reader.skip(tag, end)
      return true
    default:
      return false
  }
}

function readExponential(
  reader: ProtobufReader,
  end: number,
  tag: number,
  point: MetricPoint,
): boolean {
  const double = () => reader.view.getFloat64(reader.fixed64(end), true)
  switch (tag) {
    case (4 << 3) | FIXED64:
      readCount(reader, end, point)
      return true
    case (5 << 3) | FIXED64:
      point.sum = double()
      return true
    case (6 << 3) | VARINT:
      point.scale = zigzag(reader.varintLow(end))
      return true
    case (7 << 3) | FIXED64:
      point.zeroCount = uint64(reader.view, reader.fixed64(end))
      return true
    case (8 << 3) | BYTES:
      readBuckets(reader, end, point.positive)
      return true
    case (9 << 3) | BYTES:
      readBuckets(reader, end, point.negative)
      return true
    case (12 << 3) | FIXED64:
      point.min = double()
      return true
    case (13 << 3) | FIXED64:
      point.max = double()
      return true
    case (14 << 3) | FIXED64:
      point.zeroThreshold = double()
      return true
    case (11 << 3) | BYTES:
      reader.skip(tag, end)
      return true
    default:
      return false
  }
}

function readSummary(
  reader: ProtobufReader,
  end: number,
  tag: number,
  point: MetricPoint,
): boolean {
  if (tag === ((4 << 3) | FIXED64)) readCount(reader, end, point)
  else if (tag === ((5 << 3) | FIXED64)) {
    point.sum = reader.view.getFloat64(reader.fixed64(end), true)
  } else if (tag === ((6 << 3) | BYTES)) {
    reader.enter(end)
    readQuantile(reader, reader.fieldEnd, point)
  } else return false
  return true
}

function readQuantile(reader: ProtobufReader, end: number, point: MetricPoint): void {
  let quantile = 0
  let value = 0
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === ((1 << 3) | FIXED64)) quantile = reader.view.getFloat64(reader.fixed64(end), true)
    else if (tag === ((2 << 3) | FIXED64)) value = reader.view.getFloat64(reader.fixed64(end), true)
    else reader.unexpected(tag, end, fields(1, 2))
  }
  if (point.bounds.length >= MOST_BUCKETS) return
  point.bounds.push(quantile)
  point.counts.push(value)
}

/** Repeated 8-byte numbers, packed or not. */
function readFixed(
  reader: ProtobufReader,
  end: number,
  tag: number,
  into: number[],
  valueAt: (at: number) => number,
): void {
  if ((tag & 7) === FIXED64) {
    into.push(valueAt(reader.fixed64(end)))
    return
  }
  reader.enter(end)
  const to = reader.fieldEnd
  if ((to - reader.at) % 8 !== 0) throw new MalformedBody(reader.at, 'packed numbers of 8 bytes')
  while (reader.at < to) {
    const at = reader.fixed64(to)
    if (into.length < MOST_BUCKETS) into.push(valueAt(at))
  }
}

function readBuckets(reader: ProtobufReader, end: number, buckets: ExponentialBuckets): void {
  reader.enter(end)
  const to = reader.fieldEnd
  while (reader.at < to) {
    const tag = reader.tag(to)
    if (tag === ((1 << 3) | VARINT)) {
      buckets.offset = zigzag(reader.varintLow(to))
    } else if (tag === ((2 << 3) | BYTES)) {
      reader.enter(to)
      const listEnd = reader.fieldEnd
      while (reader.at < listEnd) readBucket(reader, listEnd, buckets)
    } else if (tag === ((2 << 3) | VARINT)) {
      readBucket(reader, to, buckets)
    } else {
      reader.unexpected(tag, to, fields(1, 2))
    }
  }
}

function readBucket(reader: ProtobufReader, end: number, buckets: ExponentialBuckets): void {
  reader.wide(end)
  if (buckets.counts.length < MOST_BUCKETS) {
    buckets.counts.push(reader.high * 0x1_0000_0000 + reader.low)
  }
}

function readCount(reader: ProtobufReader, end: number, point: MetricPoint): void {
  const at = reader.fixed64(end)
  point.countLow = reader.view.getUint32(at, true)
  point.countHigh = reader.view.getUint32(at + 4, true)
}

function uint64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true)
}

function zigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1)
}

function emptyPoint(): MetricPoint {
  return {
    startLow: 0,
    startHigh: 0,
    timeLow: 0,
    timeHigh: 0,
    value: undefined,
    countLow: 0,
    countHigh: 0,
    sum: 0,
    min: undefined,
    max: undefined,
    bounds: [],
    counts: [],
    scale: 0,
    zeroCount: 0,
    zeroThreshold: 0,
    positive: { offset: 0, counts: [] },
    negative: { offset: 0, counts: [] },
    flags: 0,
    attributes: [],
  }
}
