import { ProtobufWriter } from './protobuf-writer.ts'

/** KeyValue messages in `field`. */
export function encodeAttributes(
  field: number,
  attributes: Readonly<Record<string, string | number>>,
): Uint8Array {
  const writer = new ProtobufWriter()
  for (const [key, value] of Object.entries(attributes)) {
    const attribute = writer.beginMessage(field)
    writer.text(1, key)
    const any = writer.beginMessage(2)
    if (typeof value === 'string') writer.text(1, value)
    else if (Number.isInteger(value)) writer.integer(3, value)
    else writer.double(4, value)
    writer.endMessage(any)
    writer.endMessage(attribute)
  }
  return writer.bytes()
}
