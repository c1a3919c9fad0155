const FIRST_BYTES = 1024
/** Up to here a loop is quicker than a call into the engine. */
const SHORT_COPY_BYTES = 64
const TWO_32 = 0x1_0000_0000

/** Protocol Buffers' wire format (https://protobuf.dev/programming-guides/encoding/) into one buffer that grows. */
export class ProtobufWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  length = 0

  clear(): void {
    this.length = 0
  }

  /** A copy of what was written. */
  bytes(): Buffer {
    return Buffer.from(this.#buffer.subarray(0, this.length))
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.length + more))
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
    this.length = this.#buffer.writeUInt32LE(value % TWO_32, this.length)
    this.length = this.#buffer.writeUInt32LE(Math.floor(value / TWO_32), this.length)
  }

  fixed32(field: number, value: number): void {
    this.#reserve(20)
    this.#varint((field << 3) | 5)
    this.length = this.#buffer.writeUInt32LE(value >>> 0, this.length)
  }

  /** Unix milliseconds as `fixed64` of nanoseconds: whole milliseconds and the rest apart, since a double cannot hold both. */
  unixNs(field: number, baseMs: number, afterMs: number): void {
    this.#reserve(20)
    this.#varint((field << 3) | 1)
    const whole = Math.floor(baseMs) + Math.floor(afterMs)
    const fraction = baseMs - Math.floor(baseMs) + (afterMs - Math.floor(afterMs))
    const ns = Math.round(fraction * 1e6)
    // whole * 10^6 + ns in two words: the milliseconds are split so that each product is exact.
    const upperMs = Math.floor(whole / 0x10_0000)
    const lower = (whole % 0x10_0000) * 1e6 + ns
    const upper = upperMs * 1e6
    const low = (upper % 0x1000) * 0x10_0000 + lower
    const high = Math.floor(upper / 0x1000) + Math.floor(low / TWO_32)
    this.length = this.#buffer.writeUInt32LE(low % TWO_32, this.length)
    this.length = this.#buffer.writeUInt32LE(high, this.length)
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
    const size = Buffer.byteLength(value)
    this.#reserve(size + 20)
    this.#varint((field << 3) | 2)
    this.#varint(size)
    this.length += this.#buffer.write(value, this.length)
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
