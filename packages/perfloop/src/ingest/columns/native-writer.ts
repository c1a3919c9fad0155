const encoder = new TextEncoder()

/** Longest text that is copied byte by byte: below, a call into the engine costs more than the loop. */
const SHORT_COPY_BYTES = 48

/**
 * A growing byte buffer with the primitives of ClickHouse's Native format: little-endian numbers,
 * varint-prefixed strings. Node runs on little-endian machines only, so typed arrays are copied as they are.
 */
export class NativeWriter {
  bytes: Uint8Array
  length = 0

  constructor(capacity = 4096) {
    this.bytes = new Uint8Array(capacity)
  }

  reserve(more: number): void {
    const needed = this.length + more
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  varint(value: number): void {
    this.reserve(5)
    let rest = value
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.bytes[this.length++] = rest
  }

  /** An unsigned 64-bit number that fits a double exactly. */
  u64(value: number): void {
    this.u32(value >>> 0)
    this.u32(Math.floor(value / 0x1_0000_0000))
  }

  u32(value: number): void {
    this.reserve(4)
    this.bytes[this.length++] = value & 0xff
    this.bytes[this.length++] = (value >>> 8) & 0xff
    this.bytes[this.length++] = (value >>> 16) & 0xff
    this.bytes[this.length++] = value >>> 24
  }

  text(value: string): void {
    if (value.length > SHORT_COPY_BYTES || !this.shortAscii(value)) {
      this.prefixed(encoder.encode(value))
    }
  }

  /** Most texts are short and ASCII, and then a byte a character; false, and nothing written, for others. */
  private shortAscii(value: string): boolean {
    const size = value.length
    this.reserve(size + 1)
    const { bytes } = this
    let at = this.length + 1
    for (let i = 0; i < size; i++) {
      const code = value.charCodeAt(i)
      if (code >= 0x80) return false
      bytes[at++] = code
    }
    bytes[this.length] = size
    this.length = at
    return true
  }

  prefixed(value: Uint8Array): void {
    this.varint(value.length)
    this.raw(value)
  }

  /** A string given as part of a buffer. */
  prefixedPart(source: Uint8Array, start: number, end: number): void {
    const size = end - start
    this.reserve(size + 5)
    this.varint(size)
    if (size <= SHORT_COPY_BYTES) {
      const target = this.bytes
      let at = this.length
      for (let i = start; i < end; i++) target[at++] = source[i] as number
      this.length = at
    } else {
      this.bytes.set(source.subarray(start, end), this.length)
      this.length += size
    }
  }

  raw(value: Uint8Array): void {
    this.reserve(value.length)
    this.bytes.set(value, this.length)
    this.length += value.length
  }

  /** The bytes behind a typed array's first `count` elements. */
  array(values: ArrayBufferView, bytesPerElement: number, count: number): void {
    this.raw(new Uint8Array(values.buffer, values.byteOffset, count * bytesPerElement))
  }

  clear(): void {
    this.length = 0
  }

  copy(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }
}

/** A string as the Native format writes it: its length, then its UTF-8 bytes. */
export function prefixedText(value: string): Uint8Array {
  const writer = new NativeWriter(value.length + 8)
  writer.text(value)
  return writer.copy()
}
