import { meaningOf, type Redaction } from '../enrich/semantic-keys.ts'
import { redactValue } from '../redact/redact-value.ts'
import { BYTES, FIXED64, fields, type ProtobufReader, VARINT } from './protobuf-reader.ts'

/** Limits on what one value may be, and where what was cut is counted. */
export interface ValueLimits {
  readonly maxValueBytes: number
  readonly maxDepth: number
  onCut(reason: 'value_cut' | 'depth_over_limit'): void
}

/**
 * `plain`: JSON as a reader of the value wants it; `otlp`: OTLP's own JSON, which keeps the types apart.
 */
export type JsonStyle = 'plain' | 'otlp'

const decoder = new TextDecoder()

export function textOf(bytes: Uint8Array, start: number, end: number): string {
  // Short ASCII strings are most of them; the decoder's call into the engine costs more than they do.
  if (end - start <= 24) {
    let text = ''
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number
      if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end))
      text += String.fromCharCode(byte)
    }
    return text
  }
  return decoder.decode(bytes.subarray(start, end))
}

/** Where a text of at most `limit` bytes ends, without cutting a character in two. */
export function cutEnd(bytes: Uint8Array, start: number, end: number, limit: number): number {
  if (end - start <= limit) return end
  let cut = start + limit
  while (cut > start && ((bytes[cut] as number) & 0xc0) === 0x80) cut--
  return cut
}

export function int64Text(low: number, high: number): string {
  const number = (high | 0) * 0x1_0000_0000 + low
  if (Number.isSafeInteger(number)) return String(number)
  return String(BigInt.asIntN(64, (BigInt(high >>> 0) << 32n) | BigInt(low)))
}

/** JSON has neither NaN nor infinities nor -0, which `String` would write as 0. */
export function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

/** AnyValue (opentelemetry.proto.common.v1) between the reader's place and `end`, as redacted JSON. */
export class AnyValueJson {
  private readonly limits: ValueLimits

  constructor(limits: ValueLimits) {
    this.limits = limits
  }

  read(
    reader: ProtobufReader,
    end: number,
    redaction: Redaction,
    style: JsonStyle,
    depth = 0,
  ): string {
    let json = style === 'otlp' ? '{}' : 'null'
    while (reader.at < end) json = this.readField(reader, end, redaction, style, depth, json)
    return json
  }

  private readField(
    reader: ProtobufReader,
    end: number,
    redaction: Redaction,
    style: JsonStyle,
    depth: number,
    before: string,
  ): string {
    const otlp = style === 'otlp'
    const tag = reader.tag(end)
    switch (tag) {
      case (1 << 3) | BYTES: {
        reader.enter(end)
        const text = JSON.stringify(this.text(reader, redaction))
        return otlp ? `{"stringValue":${text}}` : text
      }
      case (2 << 3) | VARINT: {
        const text = reader.varintLow(end) === 0 ? 'false' : 'true'
        return otlp ? `{"boolValue":${text}}` : text
      }
      case (3 << 3) | VARINT: {
        reader.wide(end)
        const text = int64Text(reader.low, reader.high)
        return otlp ? `{"intValue":"${text}"}` : text
      }
      case (4 << 3) | FIXED64: {
        const value = reader.view.getFloat64(reader.fixed64(end), true)
        const text = Number.isFinite(value) ? doubleText(value) : `"${value}"`
        return otlp ? `{"doubleValue":${text}}` : text
      }
      case (5 << 3) | BYTES: {
        reader.enter(end)
        const list = this.list(reader, redaction, style, depth + 1)
        return otlp ? `{"arrayValue":{"values":[${list}]}}` : `[${list}]`
      }
      case (6 << 3) | BYTES: {
        reader.enter(end)
        const list = this.pairs(reader, 1, redaction, style, depth + 1)
        return otlp ? `{"kvlistValue":{"values":[${list}]}}` : `{${list}}`
      }
      case (7 << 3) | BYTES: {
        reader.enter(end)
        const cut = Math.min(reader.fieldEnd, reader.at + this.limits.maxValueBytes)
        if (cut < reader.fieldEnd) this.limits.onCut('value_cut')
        const text = Buffer.from(reader.bytes.subarray(reader.at, cut)).toString('base64')
        reader.at = reader.fieldEnd
        return otlp ? `{"bytesValue":"${text}"}` : `"${text}"`
      }
      default:
        reader.unexpected(tag, end, ANY_VALUE_FIELDS)
        return before
    }
  }

  /** The text of the field just entered, redacted and cut. */
  text(reader: ProtobufReader, redaction: Redaction): string {
    const { bytes, at, fieldEnd } = reader
    reader.at = fieldEnd
    const cut = cutEnd(bytes, at, fieldEnd, this.limits.maxValueBytes)
    if (cut < fieldEnd) this.limits.onCut('value_cut')
    return redactValue(redaction, textOf(bytes, at, cut))
  }

  private list(
    reader: ProtobufReader,
    redaction: Redaction,
    style: JsonStyle,
    depth: number,
  ): string {
    const end = reader.fieldEnd
    if (this.isTooDeep(reader, end, depth)) return ''
    let list = ''
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag !== ((1 << 3) | BYTES)) {
        reader.unexpected(tag, end, fields(1))
        continue
      }
      reader.enter(end)
      const item = this.read(reader, reader.fieldEnd, redaction, style, depth)
      list += list === '' ? item : `,${item}`
    }
    return list
  }

  /** KeyValue messages in field `field` up to the reader's `fieldEnd`, as the inside of an object or list. */
  private pairs(
    reader: ProtobufReader,
    field: number,
    redaction: Redaction,
    style: JsonStyle,
    depth: number,
  ): string {
    const end = reader.fieldEnd
    if (this.isTooDeep(reader, end, depth)) return ''
    let list = ''
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag !== ((field << 3) | BYTES)) {
        reader.unexpected(tag, end, fields(field))
        continue
      }
      reader.enter(end)
      const pair = this.pair(reader, reader.fieldEnd, redaction, style, depth)
      if (pair !== undefined) list += list === '' ? pair : `,${pair}`
    }
    return list
  }

  /** One KeyValue; undefined when it is dropped. */
  pair(
    reader: ProtobufReader,
    end: number,
    inherited: Redaction,
    style: JsonStyle,
    depth: number,
  ): string | undefined {
    const entry = this.entry(reader, end, inherited, style, depth)
    if (entry === undefined) return undefined
    const key = JSON.stringify(entry[0])
    return style === 'otlp' ? `{"key":${key},"value":${entry[1]}}` : `${key}:${entry[1]}`
  }

  /** Key and JSON of the value of one KeyValue; undefined when it is dropped. */
  entry(
    reader: ProtobufReader,
    end: number,
    inherited: Redaction,
    style: JsonStyle,
    depth: number,
  ): readonly [string, string] | undefined {
    let key = ''
    let valueStart = end
    let valueEnd = end
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === ((1 << 3) | BYTES)) {
        reader.enter(end)
        key = textOf(reader.bytes, reader.at, reader.fieldEnd)
        reader.at = reader.fieldEnd
      } else if (tag === ((2 << 3) | BYTES)) {
        reader.enter(end)
        valueStart = reader.at
        valueEnd = reader.fieldEnd
        reader.at = valueEnd
      } else {
        reader.unexpected(tag, end, KEY_VALUE_FIELDS)
      }
    }
    const own = meaningOf(key).redaction
    const redaction = own === 'keep' ? inherited : own
    reader.at = valueStart
    const json = this.read(reader, valueEnd, redaction, style, depth)
    reader.at = end
    return redaction === 'drop' ? undefined : [key, json]
  }

  private isTooDeep(reader: ProtobufReader, end: number, depth: number): boolean {
    if (depth <= this.limits.maxDepth) return false
    this.limits.onCut('depth_over_limit')
    reader.at = end
    return true
  }
}

export const ANY_VALUE_FIELDS = fields(1, 2, 3, 4, 5, 6, 7)
export const KEY_VALUE_FIELDS = fields(1, 2)
