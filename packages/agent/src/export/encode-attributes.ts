import type { Attributes, AttributeValue } from '../record/span-details.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/** KeyValue messages in `field`. */
export function encodeAttributes(
  field: number,
  attributes: Readonly<Record<string, string | number>>,
): Uint8Array {
  const writer = new ProtobufWriter()
  writeAttributes(writer, field, Object.entries(attributes).flat())
  return writer.bytes()
}

const keyWriter = new ProtobufWriter()

/** The field of a KeyValue that is its key. */
export function encodeKey(key: string): Uint8Array {
  viewOfKey(key)
  return keyWriter.bytes()
}

/** The same, until another one is asked for. */
function viewOfKey(key: string): Uint8Array {
  keyWriter.clear()
  keyWriter.text(1, key)
  return keyWriter.view()
}

export function writeAttributes(
  writer: ProtobufWriter,
  field: number,
  attributes: Attributes,
): void {
  for (let at = 0; at < attributes.length; at += 2) {
    const value = attributes[at + 1]
    if (typeof value === 'string') {
      writer.textAttribute(field, viewOfKey(String(attributes[at])), value)
      continue
    }
    const attribute = writer.beginMessage(field)
    writer.text(1, String(attributes[at]))
    const any = writer.beginMessage(2)
    writeValue(writer, value)
    writer.endMessage(any)
    writer.endMessage(attribute)
  }
}

/** The `value` of opentelemetry.proto.common.v1.AnyValue; nothing for none. */
function writeValue(writer: ProtobufWriter, value: AttributeValue | null | undefined): void {
  if (value === null || value === undefined) return
  if (typeof value === 'string') writer.text(1, value)
  else if (typeof value === 'boolean') writer.integer(2, value ? 1 : 0)
  else if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) writer.integer(3, value)
    else writer.double(4, value)
  } else {
    const list = writer.beginMessage(5)
    for (const item of value) {
      const one = writer.beginMessage(1)
      writeValue(writer, item)
      writer.endMessage(one)
    }
    writer.endMessage(list)
  }
}
