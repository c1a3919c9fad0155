import type { AttributeCache } from './attribute-cache.ts'
import type { AttributeRecord } from './attribute-record.ts'
import { BYTES, FIXED32, FIXED64, fields, type ProtobufReader, VARINT } from './protobuf-reader.ts'

const SPAN_FIELDS = fields(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
const STATUS_FIELDS = fields(2, 3)

/**
 * One Span message (opentelemetry.proto.trace.v1): places in the body, numbers, and its attributes as
 * records. One object is used for all spans.
 */
export class SpanMessage {
  traceId = 0
  traceIdSize = 0
  spanId = 0
  spanIdSize = 0
  parentId = 0
  parentIdSize = 0
  name = 0
  nameEnd = 0
  traceState = 0
  traceStateEnd = 0
  kind = 0
  start = -1
  end = -1
  statusCode = 0
  statusMessage = 0
  statusMessageEnd = 0
  flags = 0
  droppedAttributes = 0
  droppedEvents = 0
  droppedLinks = 0
  readonly attributes: AttributeRecord[] = []
  attributeCount = 0
  /** Attributes as sent, with those over the limit. */
  attributesSent = 0
  /** Starts and ends in turn. */
  readonly events: number[] = []
  readonly links: number[] = []
  /** The part being read, for messages about malformed bodies. */
  part = ''

  private clear(): void {
    this.traceIdSize = 0
    this.spanIdSize = 0
    this.parentIdSize = 0
    this.name = 0
    this.nameEnd = 0
    this.traceState = 0
    this.traceStateEnd = 0
    this.kind = 0
    this.start = -1
    this.end = -1
    this.statusCode = 0
    this.statusMessage = 0
    this.statusMessageEnd = 0
    this.flags = 0
    this.droppedAttributes = 0
    this.droppedEvents = 0
    this.droppedLinks = 0
    this.attributeCount = 0
    this.attributesSent = 0
    if (this.events.length > 0) this.events.length = 0
    if (this.links.length > 0) this.links.length = 0
    this.part = ''
  }

  read(reader: ProtobufReader, end: number, cache: AttributeCache, maxAttributes: number): void {
    this.clear()
    cache.beginSpan()
    while (reader.at < end) {
      const tag = reader.tag(end)
      switch (tag) {
        case (9 << 3) | BYTES:
          reader.enter(end)
          this.readAttribute(reader, cache, maxAttributes)
          break
        case (1 << 3) | BYTES:
          reader.enter(end)
          this.traceId = reader.at
          this.traceIdSize = reader.fieldEnd - reader.at
          reader.at = reader.fieldEnd
          break
        case (2 << 3) | BYTES:
          reader.enter(end)
          this.spanId = reader.at
          this.spanIdSize = reader.fieldEnd - reader.at
          reader.at = reader.fieldEnd
          break
        case (4 << 3) | BYTES:
          reader.enter(end)
          this.parentId = reader.at
          this.parentIdSize = reader.fieldEnd - reader.at
          reader.at = reader.fieldEnd
          break
        case (5 << 3) | BYTES:
          reader.enter(end)
          this.name = reader.at
          this.nameEnd = reader.fieldEnd
          reader.at = reader.fieldEnd
          break
        case (6 << 3) | VARINT:
          this.kind = reader.varintLow(end)
          break
        case (7 << 3) | FIXED64:
          this.start = reader.fixed64(end)
          break
        case (8 << 3) | FIXED64:
          this.end = reader.fixed64(end)
          break
        case (15 << 3) | BYTES:
          reader.enter(end)
          this.readStatus(reader, reader.fieldEnd)
          break
        default:
          this.readSeldom(reader, end, tag)
      }
    }
  }

  private readAttribute(
    reader: ProtobufReader,
    cache: AttributeCache,
    maxAttributes: number,
  ): void {
    const { fieldEnd } = reader
    if (this.attributesSent++ < maxAttributes) {
      this.part = 'attributes'
      this.attributes[this.attributeCount++] = cache.attribute(reader, fieldEnd)
      this.part = ''
    }
    reader.at = fieldEnd
  }

  private readSeldom(reader: ProtobufReader, end: number, tag: number): void {
    switch (tag) {
      case (3 << 3) | BYTES:
        reader.enter(end)
        this.traceState = reader.at
        this.traceStateEnd = reader.fieldEnd
        reader.at = reader.fieldEnd
        break
      case (10 << 3) | VARINT:
        this.droppedAttributes = reader.varintLow(end)
        break
      case (11 << 3) | BYTES:
        reader.enter(end)
        this.events.push(reader.at, reader.fieldEnd)
        reader.at = reader.fieldEnd
        break
      case (12 << 3) | VARINT:
        this.droppedEvents = reader.varintLow(end)
        break
      case (13 << 3) | BYTES:
        reader.enter(end)
        this.links.push(reader.at, reader.fieldEnd)
        reader.at = reader.fieldEnd
        break
      case (14 << 3) | VARINT:
        this.droppedLinks = reader.varintLow(end)
        break
      case (16 << 3) | FIXED32:
        this.flags = reader.fixed32(end)
        break
      default:
        reader.unexpected(tag, end, SPAN_FIELDS)
    }
  }

  private readStatus(reader: ProtobufReader, end: number): void {
    this.part = 'status'
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === ((2 << 3) | BYTES)) {
        reader.enter(end)
        this.statusMessage = reader.at
        this.statusMessageEnd = reader.fieldEnd
        reader.at = reader.fieldEnd
      } else if (tag === ((3 << 3) | VARINT)) {
        this.statusCode = reader.varintLow(end)
      } else {
        reader.unexpected(tag, end, STATUS_FIELDS)
      }
    }
    this.part = ''
  }

  /** Such as `.attributes[3]`, while that is being read. */
  get innerPath(): string {
    if (this.part === '') return ''
    return this.part === 'attributes' ? `.attributes[${this.attributesSent - 1}]` : `.${this.part}`
  }
}
