import { redactText } from '../redact/redact-text.ts'
import { type AnyValueJson, textOf } from './any-value.ts'
import { BYTES, FIXED32, FIXED64, fields, type ProtobufReader, VARINT } from './protobuf-reader.ts'

const EVENT_FIELDS = fields(1, 2, 3, 4)
const LINK_FIELDS = fields(1, 2, 3, 4, 5, 6)

/** A Span.Event as compact OTLP JSON, redacted. */
export function eventJson(
  reader: ProtobufReader,
  end: number,
  json: AnyValueJson,
  maxAttributes: number,
): string {
  let time = '0'
  let name = ''
  let attributes = ''
  let count = 0
  let dropped = 0
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === ((1 << 3) | FIXED64)) {
      time = uint64At(reader.view, reader.fixed64(end))
    } else if (tag === ((2 << 3) | BYTES)) {
      reader.enter(end)
      name = redactText(json.text(reader, 'keep'))
    } else if (tag === ((3 << 3) | BYTES)) {
      reader.enter(end)
      const { fieldEnd } = reader
      const pair =
        count++ < maxAttributes ? json.pair(reader, fieldEnd, 'keep', 'otlp', 0) : undefined
      if (pair !== undefined) attributes += attributes === '' ? pair : `,${pair}`
      reader.at = fieldEnd
    } else if (tag === ((4 << 3) | VARINT)) {
      dropped = reader.varintLow(end)
    } else {
      reader.unexpected(tag, end, EVENT_FIELDS)
    }
  }
  const attributeList = attributes === '' ? '' : `,"attributes":[${attributes}]`
  return `{"timeUnixNano":"${time}","name":${JSON.stringify(name)}${attributeList}${droppedPart(dropped)}}`
}

/** A Span.Link as compact OTLP JSON, redacted. */
export function linkJson(
  reader: ProtobufReader,
  end: number,
  json: AnyValueJson,
  maxAttributes: number,
): string {
  let traceId = ''
  let spanId = ''
  let traceState = ''
  let attributes = ''
  let count = 0
  let dropped = 0
  let flags = 0
  while (reader.at < end) {
    const tag = reader.tag(end)
    if (tag === ((1 << 3) | BYTES)) {
      traceId = hexOfField(reader, end)
    } else if (tag === ((2 << 3) | BYTES)) {
      spanId = hexOfField(reader, end)
    } else if (tag === ((3 << 3) | BYTES)) {
      reader.enter(end)
      traceState = textOf(reader.bytes, reader.at, reader.fieldEnd).slice(0, LONGEST_TRACE_STATE)
      reader.at = reader.fieldEnd
    } else if (tag === ((4 << 3) | BYTES)) {
      reader.enter(end)
      const { fieldEnd } = reader
      const pair =
        count++ < maxAttributes ? json.pair(reader, fieldEnd, 'keep', 'otlp', 0) : undefined
      if (pair !== undefined) attributes += attributes === '' ? pair : `,${pair}`
      reader.at = fieldEnd
    } else if (tag === ((5 << 3) | VARINT)) {
      dropped = reader.varintLow(end)
    } else if (tag === ((6 << 3) | FIXED32)) {
      flags = reader.fixed32(end)
    } else {
      reader.unexpected(tag, end, LINK_FIELDS)
    }
  }
  return [
    `{"traceId":"${traceId}","spanId":"${spanId}"`,
    traceState === '' ? '' : `,"traceState":${JSON.stringify(traceState)}`,
    attributes === '' ? '' : `,"attributes":[${attributes}]`,
    droppedPart(dropped),
    flags === 0 ? '' : `,"flags":${flags}`,
    '}',
  ].join('')
}

/** W3C: vendors may expect 512 characters. */
const LONGEST_TRACE_STATE = 512

function droppedPart(dropped: number): string {
  return dropped === 0 ? '' : `,"droppedAttributesCount":${dropped}`
}

function hexOfField(reader: ProtobufReader, end: number): string {
  reader.enter(end)
  const { at, fieldEnd } = reader
  reader.at = fieldEnd
  return Buffer.from(reader.bytes.subarray(at, Math.min(fieldEnd, at + 16))).toString('hex')
}

function uint64At(view: DataView, at: number): string {
  return uint64Text(view.getUint32(at, true), view.getUint32(at + 4, true))
}

function uint64Text(low: number, high: number): string {
  const number = high * 0x1_0000_0000 + low
  return Number.isSafeInteger(number) ? String(number) : String((BigInt(high) << 32n) | BigInt(low))
}
