import type { SentMetric, SentMetrics, SentPoint } from '../measure/metrics.ts'
import { encodeAttributes } from './encode-attributes.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

const SCOPE = '@perfloop/agent'
/** Field numbers of Metric (opentelemetry.proto.metrics.v1). */
const GAUGE = 5
const SUM = 7
const HISTOGRAM = 9
const CUMULATIVE = 2

/** One ExportMetricsServiceRequest. */
export function encodeMetrics(
  sent: SentMetrics,
  resource: Readonly<Record<string, string | number>>,
): Buffer {
  const writer = new ProtobufWriter()
  writer.beginAt(sent.timeUnixMs)
  const resourceMetrics = writer.beginMessage(1)
  const of = writer.beginMessage(1)
  writer.raw(encodeAttributes(1, resource))
  writer.endMessage(of)
  const scopeMetrics = writer.beginMessage(2)
  const scope = writer.beginMessage(1)
  writer.text(1, SCOPE)
  writer.endMessage(scope)
  for (const metric of sent.metrics) encodeMetric(writer, sent, metric)
  writer.endMessage(scopeMetrics)
  writer.endMessage(resourceMetrics)
  return writer.bytes()
}

function encodeMetric(writer: ProtobufWriter, sent: SentMetrics, metric: SentMetric): void {
  const { name, unit, type, points } = metric
  const message = writer.beginMessage(2)
  writer.text(1, name)
  writer.text(3, unit)
  const field = type === 'gauge' ? GAUGE : type === 'histogram' ? HISTOGRAM : SUM
  const data = writer.beginMessage(field)
  for (const point of points) encodePoint(writer, sent, point, type === 'gauge')
  if (field !== GAUGE) writer.integer(2, CUMULATIVE)
  if (type === 'counter') writer.integer(3, 1)
  writer.endMessage(data)
  writer.endMessage(message)
}

function encodePoint(
  writer: ProtobufWriter,
  { startUnixMs, timeUnixMs }: SentMetrics,
  point: SentPoint,
  isGauge: boolean,
): void {
  const message = writer.beginMessage(1)
  if (!isGauge) writer.time(2, startUnixMs - timeUnixMs)
  writer.time(3, 0)
  const { distribution } = point
  if (distribution === undefined) {
    writer.double(4, point.value)
    writer.raw(encodeAttributes(7, point.attributes))
  } else {
    writer.fixed64(4, distribution.count)
    writer.double(5, point.value)
    writer.fixed64s(6, distribution.counts)
    writer.doubles(7, distribution.bounds)
    writer.raw(encodeAttributes(9, point.attributes))
  }
  writer.endMessage(message)
}
