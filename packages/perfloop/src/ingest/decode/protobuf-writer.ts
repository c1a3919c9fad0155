import { NativeWriter } from '../columns/native-writer.ts'
import { BYTES, FIXED32, FIXED64, VARINT } from './protobuf-reader.ts'

/** Writes protobuf messages; nested ones get their length when they end. */
export class ProtobufWriter {
  private readonly out = new NativeWriter(16_384)
  private readonly number = new DataView(new ArrayBuffer(8))

  private tag(field: number, wireType: number): void {
    this.out.varint((field << 3) | wireType)
  }

  text(field: number, value: string): void {
    this.tag(field, BYTES)
    this.out.text(value)
  }

  bytes(field: number, value: Uint8Array): void {
    this.tag(field, BYTES)
    this.out.prefixed(value)
  }

  varint(field: number, value: bigint): void {
    this.tag(field, VARINT)
    this.rawVarint(value)
  }

  rawVarint(value: bigint): void {
    let rest = BigInt.asUintN(64, value)
    while (rest > 0x7fn) {
      this.out.byte(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
    }
    this.out.byte(Number(rest))
  }

  fixed32(field: number, value: number): void {
    this.tag(field, FIXED32)
    this.out.u32(value)
  }

  fixed64(field: number, value: bigint): void {
    this.tag(field, FIXED64)
    this.rawFixed64(value)
  }

  rawFixed64(value: bigint): void {
    this.number.setBigUint64(0, BigInt.asUintN(64, value), true)
    this.out.raw(new Uint8Array(this.number.buffer))
  }

  double(field: number, value: number): void {
    this.tag(field, FIXED64)
    this.rawDouble(value)
  }

  rawDouble(value: number): void {
    this.number.setFloat64(0, value, true)
    this.out.raw(new Uint8Array(this.number.buffer))
  }

  /** A length-delimited field written by `write`. */
  nested(field: number, write: () => void): void {
    this.tag(field, BYTES)
    // One byte for the length, which is enough for most; what is longer is moved.
    this.out.byte(0)
    const start = this.out.length
    write()
    const size = this.out.length - start
    const lengthBytes =
      size < 2 ** 7 ? 1 : size < 2 ** 14 ? 2 : size < 2 ** 21 ? 3 : size < 2 ** 28 ? 4 : 5
    this.out.reserve(lengthBytes)
    if (lengthBytes > 1) {
      this.out.bytes.copyWithin(start + lengthBytes - 1, start, start + size)
    }
    this.out.length = start - 1
    this.out.varint(size)
    this.out.length += size
  }

  finish(): Uint8Array {
    return this.out.copy()
  }
}
