import { type AnyValueJson, textOf } from '../decode/any-value.ts'
import {
  BYTES,
  FIXED32,
  FIXED64,
  fields,
  type ProtobufReader,
  VARINT,
} from '../decode/protobuf-reader.ts'
import { redactText } from '../redact/redact-text.ts'
import type { RejectionReason } from './rejections.ts'
import type { Resource } from './resource-book.ts'
import type { Scope } from './shape-book.ts'
import type { TimeWindow } from './span-assembler.ts'
import {
  FixedBytesColumn,
  LowCardinalityColumn,
  MapColumn,
  NumberColumn,
  TextColumn,
  WideColumn,
} from './table-columns.ts'
import { TableRows } from './table-rows.ts'

const LOG_FIELDS = fields(1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12)
const U32 = 0x1_0000_0000
const NO_BYTES = new Uint8Array(0)
const LONGEST_WORD = 255

/** Rows of the table `logs`. */
export class LogRows {
  readonly rows = new TableRows('logs', () => ({
    environment: new LowCardinalityColumn(),
    service: new LowCardinalityColumn(),
    time_unix_ns: new WideColumn('UInt64'),
    severity_number: new NumberColumn('UInt8'),
    severity_text: new LowCardinalityColumn(),
    event_name: new LowCardinalityColumn(),
    body: new TextColumn(),
    trace_id: new FixedBytesColumn(16),
    span_id: new FixedBytesColumn(8),
    scope_name: new LowCardinalityColumn(),
    resource: new LowCardinalityColumn(),
    attributes: new MapColumn(),
    received_at: new NumberColumn("DateTime('UTC')"),
  }))
  private readonly json: AnyValueJson
  private readonly maxAttributes: number

  constructor(json: AnyValueJson, maxAttributes: number) {
    this.json = json
    this.maxAttributes = maxAttributes
  }

  /** The LogRecord between the reader's place and `end`. Answers why it was refused, if it was. */
  add(
    reader: ProtobufReader,
    end: number,
    resource: Resource,
    scope: Scope,
    window: TimeWindow,
    receivedUnixMs: number,
  ): RejectionReason | undefined {
    const record = this.read(reader, end)
    if (record.traceId.length !== 0 && record.traceId.length !== 16) return 'invalid_id'
    if (record.spanId.length !== 0 && record.spanId.length !== 8) return 'invalid_id'
    if (record.low === 0 && record.high === 0) {
      const receivedUnixNs = BigInt(Math.trunc(receivedUnixMs)) * 1_000_000n
      record.low = Number(receivedUnixNs & 0xffff_ffffn)
      record.high = Number(receivedUnixNs >> 32n)
    }
    const timeMs = (record.high * U32 + record.low) / 1e6
    if (timeMs < window.earliestMs) return 'too_old'
    if (timeMs > window.latestMs) return 'too_new'

    const { columns } = this.rows
    columns.environment.push(resource.service.environment.text)
    columns.service.push(resource.service.name.text)
    columns.time_unix_ns.push(record.low, record.high)
    columns.severity_number.push(record.severity)
    columns.severity_text.push(record.severityText)
    columns.event_name.push(record.eventName)
    columns.body.push(record.body)
    columns.trace_id.push(record.traceId)
    columns.span_id.push(record.spanId)
    columns.scope_name.push(scope.name)
    columns.resource.push(resource.symbol.text)
    columns.attributes.push(record.attributes)
    columns.received_at.push(0)
    this.rows.rows++
    return undefined
  }

  private read(reader: ProtobufReader, end: number): LogRecord {
    const record = emptyRecord()
    while (reader.at < end) {
      const tag = reader.tag(end)
      switch (tag) {
        case (1 << 3) | FIXED64:
        case (11 << 3) | FIXED64:
          readTime(reader, end, record, tag >>> 3 === 1)
          break
        case (2 << 3) | VARINT:
          record.severity = Math.min(reader.varintLow(end), 255)
          break
        case (3 << 3) | BYTES:
          record.severityText = this.word(reader, end)
          break
        case (12 << 3) | BYTES:
          record.eventName = this.word(reader, end)
          break
        case (5 << 3) | BYTES:
          reader.enter(end)
          record.body = this.readBody(reader, reader.fieldEnd)
          break
        case (6 << 3) | BYTES:
          reader.enter(end)
          this.readAttribute(reader, reader.fieldEnd, record)
          break
        case (9 << 3) | BYTES:
          record.traceId = bytesOf(reader, end)
          break
        case (10 << 3) | BYTES:
          record.spanId = bytesOf(reader, end)
          break
        case (7 << 3) | VARINT:
          reader.varintLow(end)
          break
        case (8 << 3) | FIXED32:
          reader.fixed32(end)
          break
        default:
          reader.unexpected(tag, end, LOG_FIELDS)
      }
    }
    return record
  }

  private readAttribute(reader: ProtobufReader, end: number, record: LogRecord): void {
    if (record.attributes.length < this.maxAttributes) {
      const entry = this.json.entry(reader, end, 'keep', 'plain', 0)
      if (entry !== undefined) record.attributes.push(entry)
    }
    reader.at = end
  }

  /** A string is itself; all else is JSON. */
  private readBody(reader: ProtobufReader, end: number): string {
    const json = this.json.read(reader, end, 'text', 'plain')
    if (!json.startsWith('"')) return json === 'null' ? '' : json
    const text: unknown = JSON.parse(json)
    return String(text)
  }

  private word(reader: ProtobufReader, end: number): string {
    reader.enter(end)
    const text = textOf(reader.bytes, reader.at, reader.fieldEnd)
    reader.at = reader.fieldEnd
    return redactText(text.slice(0, LONGEST_WORD))
  }
}

interface LogRecord {
  low: number
  high: number
  severity: number
  severityText: string
  eventName: string
  body: string
  traceId: Uint8Array
  spanId: Uint8Array
  readonly attributes: (readonly [string, string])[]
}

function emptyRecord(): LogRecord {
  return {
    low: 0,
    high: 0,
    severity: 0,
    severityText: '',
    eventName: '',
    body: '',
    traceId: NO_BYTES,
    spanId: NO_BYTES,
    attributes: [],
  }
}

/** The time of the event where it is told, else the time it was observed. */
function readTime(reader: ProtobufReader, end: number, record: LogRecord, isEvent: boolean): void {
  const at = reader.fixed64(end)
  const low = reader.view.getUint32(at, true)
  const high = reader.view.getUint32(at + 4, true)
  const isTold = low !== 0 || high !== 0
  const isFirst = record.low === 0 && record.high === 0
  if (isTold && (isEvent || isFirst)) {
    record.low = low
    record.high = high
  }
}

function bytesOf(reader: ProtobufReader, end: number): Uint8Array {
  reader.enter(end)
  const bytes = reader.bytes.subarray(reader.at, reader.fieldEnd)
  reader.at = reader.fieldEnd
  return bytes
}
