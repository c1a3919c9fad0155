import { expect, it } from 'vitest'
import { ProtobufWriter } from './protobuf-writer.ts'

it.each([
  [0, 0],
  [1_763_800_000_000.25, 0.000_001],
  [1_763_800_000_000, 4_294.967_295],
  [1_763_800_000_123.5, 86_400_000.123_456],
  [1_763_800_000_000, -10_000],
])('writes the time %f ms, and %f ms after it, to the nanosecond', (zeroMs, afterMs) => {
  const writer = new ProtobufWriter()
  writer.beginAt(zeroMs)
  writer.time(1, afterMs)
  const ns = (ms: number) =>
    BigInt(Math.floor(ms)) * 1_000_000n + BigInt(Math.round((ms - Math.floor(ms)) * 1e6))
  expect(writer.view().readBigUInt64LE(1) - ns(zeroMs) - ns(afterMs)).toBe(0n)
})

it.each(['', 'GET', 'naïve', '🍎'.repeat(30), 'x'.repeat(200), 'ü'.repeat(64)])(
  'writes the attribute %s with the sizes that it has',
  value => {
    const key = new ProtobufWriter()
    key.text(1, 'key')
    const writer = new ProtobufWriter()
    writer.textAttribute(9, key.view(), value)
    const size = (bytes: Buffer): [number, Buffer] =>
      (bytes[1] ?? 0) < 0x80
        ? [bytes[1] ?? 0, bytes.subarray(2)]
        : [(((bytes[1] ?? 0) & 0x7f) | ((bytes[2] ?? 0) << 7)) >>> 0, bytes.subarray(3)]
    const [attributeSize, attribute] = size(writer.view())
    expect(attributeSize).toBe(attribute.length)
    const [anySize, any] = size(attribute.subarray(key.length))
    expect(anySize).toBe(any.length)
    const [textSize, text] = size(any)
    expect([textSize, text.toString()]).toEqual([text.length, value])

    const ofBytes = new ProtobufWriter()
    const bytes = Buffer.from(`before${value}after`)
    ofBytes.bytesAttribute(9, key.view(), bytes, 6, Buffer.byteLength(value))
    expect(ofBytes.view()).toEqual(writer.view())
  },
)
