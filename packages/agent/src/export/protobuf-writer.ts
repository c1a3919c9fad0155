const FIRST_BYTES = 1024
/** Up to here a loop is quicker than a call into the engine. */
const SHORT_COPY_BYTES = 64
const TWO_32 = 0x1_0000_0000

/** Protocol Buffers' wire format (https://protobuf.dev/programming-guides/encoding/) into one buffer that grows. */
export class ProtobufWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  length = 0
  #zeroHigh = 0
  #zeroLow = 0

  clear(): void {
    this.length = 0
  }

  /** What was written, until more is. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  /** A copy of what was written since the length was `start`. */
  bytes(start = 0): Buffer {
    return Buffer.from(this.#buffer.subarray(start, this.length))
  }

  /** Writes elsewhere from now on: whoever has a view of what was written keeps it. */
  leave(): void {
    this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
    this.length = 0
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.length + more))
    this.#buffer.copy(grown, 0, 0, this.length)
    this.#buffer = grown
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.#buffer[this.length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.#buffer[this.length++] = rest
  }

  /** A whole number, which may be negative, up to 2^53. */
  integer(field: number, value: number): void {
    this.#reserve(20)
    this.#varint(field << 3)
    if (value >= 0) {
      this.#varint(value)
      return
    }
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 0x7fn) {
      this.#buffer[this.length++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.#buffer[this.length++] = Number(rest)
  }

  /** Packed whole numbers up to 2^53, none of them negative. */
  integers(field: number, values: readonly number[]): void {
    const start = this.beginMessage(field)
    this.#reserve(values.length * 10)
    for (const value of values) this.#varint(value)
    this.endMessage(start)
  }

  double(field: number, value: number): void {
    this.#reserve(20)
    this.#varint((field << 3) | 1)
    this.length = this.#buffer.writeDoubleLE(value, this.length)
  }

  /** Packed doubles. */
  doubles(field: number, values: ArrayLike<number>): void {
    this.#beginPacked(field, values.length)
    for (let i = 0; i < values.length; i++) {
      this.length = this.#buffer.writeDoubleLE(values[i] as number, this.length)
    }
  }

  /** Packed `fixed64` of whole numbers up to 2^53. */
  fixed64s(field: number, values: ArrayLike<number>): void {
    this.#beginPacked(field, values.length)
    for (let i = 0; i < values.length; i++) this.#fixed64(values[i] as number)
  }

  #beginPacked(field: number, count: number): void {
    this.#reserve(count * 8 + 20)
    this.#varint((field << 3) | 2)
    this.#varint(count * 8)
  }

  /** A whole number up to 2^53. */
  fixed64(field: number, value: number): void {
    this.#reserve(20)
    this.#varint((field << 3) | 1)
    this.#fixed64(value)
  }

  #fixed64(value: number): void {
    this.#word(value)
    this.#word(Math.floor(value / TWO_32))
  }

  fixed32(field: number, value: number): void {
    this.#reserve(20)
    this.#varint((field << 3) | 5)
    this.#word(value)
  }

  /** Unix milliseconds that `time` counts from. */
  beginAt(unixMs: number): void {
    const wholeMs = Math.floor(unixMs)
    const ns = BigInt(wholeMs) * 1_000_000n + BigInt(Math.round((unixMs - wholeMs) * 1e6))
    this.#zeroHigh = Number(ns >> 32n)
    this.#zeroLow = Number(ns & 0xffff_ffffn)
  }

  /** The time `afterMs` after the one that was told to `beginAt`, as `fixed64` of Unix nanoseconds, which no double can hold. */
  time(field: number, afterMs: number): void {
    this.#reserve(20)
    this.#varint((field << 3) | 1)
    const ns = Math.round(afterMs * 1e6)
    const high = Math.floor(ns / TWO_32)
    const low = this.#zeroLow + (ns - high * TWO_32)
    const carry = low >= TWO_32 ? 1 : 0
    this.#word(low - carry * TWO_32)
    this.#word(this.#zeroHigh + high + carry)
  }

  #word(value: number): void {
    const buffer = this.#buffer
    const at = this.length
    buffer[at] = value
    buffer[at + 1] = value >>> 8
    buffer[at + 2] = value >>> 16
    buffer[at + 3] = value >>> 24
    this.length = at + 4
  }

  /** Words, the first byte of each first. */
  words(field: number, values: Uint32Array, from: number, count: number): void {
    this.#reserve(count * 4 + 10)
    this.#varint((field << 3) | 2)
    this.#varint(count * 4)
    const buffer = this.#buffer
    let at = this.length
    for (let i = from; i < from + count; i++) {
      const word = values[i] as number
      buffer[at++] = word >>> 24
      buffer[at++] = word >>> 16
      buffer[at++] = word >>> 8
      buffer[at++] = word
    }
    this.length = at
  }

  text(field: number, value: string): void {
    this.#reserve(value.length * MOST_BYTES_OF_A_UNIT + 20)
    this.#varint((field << 3) | 2)
    this.#sizedText(value)
  }

  #sizedText(value: string): void {
    const size = sizeOf(value)
    this.#varint(size)
    if (size > SHORT_COPY_BYTES || size !== value.length) {
      this.length += this.#buffer.write(value, this.length)
      return
    }
    const buffer = this.#buffer
    const at = this.length
    for (let i = 0; i < size; i++) buffer[at + i] = value.charCodeAt(i)
    this.length = at + size
  }

  /** A KeyValue in `field`: `key` is the encoded field of its key. */
  textAttribute(field: number, key: Uint8Array, value: string): void {
    const anySize = 1 + sizeOfVarint(sizeOf(value)) + sizeOf(value)
    this.#attribute(field, key, anySize, value.length * MOST_BYTES_OF_A_UNIT)
    this.#buffer[this.length++] = (1 << 3) | 2
    this.#sizedText(value)
  }

  /** The same of a text that is there in UTF-8. */
  bytesAttribute(
    field: number,
    key: Uint8Array,
    bytes: Uint8Array,
    start: number,
    size: number,
  ): void {
    this.#attribute(field, key, 1 + sizeOfVarint(size) + size, size)
    this.#buffer[this.length++] = (1 << 3) | 2
    this.#varint(size)
    if (size > SHORT_COPY_BYTES) this.#buffer.set(bytes.subarray(start, start + size), this.length)
    else for (let i = 0; i < size; i++) this.#buffer[this.length + i] = bytes[start + i] as number
    this.length += size
  }

  /** The same of a whole number. */
  integerAttribute(field: number, key: Uint8Array, value: number): void {
    this.#attribute(field, key, 1 + (value < 0 ? SIZE_OF_A_NEGATIVE : sizeOfVarint(value)), 0)
    this.integer(3, value)
  }

  #attribute(field: number, key: Uint8Array, anySize: number, more: number): void {
    this.#reserve(key.length + more + 40)
    this.#varint((field << 3) | 2)
    this.#varint(key.length + 1 + sizeOfVarint(anySize) + anySize)
    this.raw(key)
    this.#buffer[this.length++] = (2 << 3) | 2
    this.#varint(anySize)
  }

  raw(bytes: Uint8Array): void {
    const size = bytes.length
    this.#reserve(size)
    if (size > SHORT_COPY_BYTES) this.#buffer.set(bytes, this.length)
    else for (let i = 0; i < size; i++) this.#buffer[this.length + i] = bytes[i] as number
    this.length += size
  }

  /** Begins a message within this one; give what it answers to `endMessage`. */
  beginMessage(field: number): number {
    this.#reserve(10)
    this.#varint((field << 3) | 2)
    // Room for the longest size that is written; a varint may be longer than it needs to be.
    this.length += SIZE_BYTES
    return this.length
  }

  endMessage(start: number): void {
    let size = this.length - start
    let at = start - SIZE_BYTES
    for (let i = 0; i < SIZE_BYTES - 1; i++) {
      this.#buffer[at++] = (size & 0x7f) | 0x80
      size >>>= 7
    }
    this.#buffer[at] = size
  }
}

/** 28 bits: messages of up to 256 MB. */
const SIZE_BYTES = 4
const SIZE_OF_A_NEGATIVE = 10

/** Bytes of a UTF-16 code unit in UTF-8. */
const MOST_BYTES_OF_A_UNIT = 3

/** Of the text in UTF-8. */
function sizeOf(text: string): number {
  if (text.length > SHORT_COPY_BYTES) return Buffer.byteLength(text)
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text)
  }
  return text.length
}

function sizeOfVarint(value: number): number {
  let size = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++
  return size
}
