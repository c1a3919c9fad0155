/** Where and why reading stopped; the caller knows the path. */
export class MalformedBody extends Error {
  override readonly name = 'MalformedBody'
  readonly offset: number
  readonly expected: string

  constructor(offset: number, expected: string) {
    super(`at byte ${offset}: expected ${expected}`)
    this.offset = offset
    this.expected = expected
  }
}

export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5

/**
 * Walks over a protobuf message in place. A tag is `field << 3 | wireType`; submessages are entered by
 * keeping `end` in the caller, so that nothing is allocated. What runs out of its message is malformed.
 */
export class ProtobufReader {
  readonly bytes: Uint8Array
  readonly view: DataView
  at = 0
  /** Set by `enter`: where the length-delimited field that was just begun ends. */
  fieldEnd = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Tags and lengths: at most 32 bits. */
  varint32(end: number): number {
    if (this.at < end) {
      const first = this.bytes[this.at] as number
      if (first < 0x80) {
        this.at++
        return first
      }
    }
    return this.longVarint32(end)
  }

  private longVarint32(end: number): number {
    const start = this.at
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.at >= end) throw new MalformedBody(start, 'the rest of a varint')
      const byte = this.bytes[this.at++] as number
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        if (value > 0xffff_ffff) break
        return value
      }
    }
    throw new MalformedBody(start, 'a varint of at most 32 bits')
  }

  tag(end: number): number {
    const start = this.at
    const tag = this.varint32(end)
    if (tag < 8) throw new MalformedBody(start, 'a field number above 0')
    return tag
  }

  /** Reads the length of a length-delimited field and puts its end in `fieldEnd`. */
  enter(end: number): void {
    const start = this.at
    const size = this.varint32(end)
    const fieldEnd = this.at + size
    if (fieldEnd > end)
      throw new MalformedBody(start, `${size} bytes, of which ${end - this.at} are there`)
    this.fieldEnd = fieldEnd
  }

  /** Steps over 8 bytes and answers where they start. */
  fixed64(end: number): number {
    const start = this.at
    if (start + 8 > end) throw new MalformedBody(start, '8 bytes')
    this.at = start + 8
    return start
  }

  fixed32(end: number): number {
    const start = this.at
    if (start + 4 > end) throw new MalformedBody(start, '4 bytes')
    this.at = start + 4
    return this.view.getUint32(start, true)
  }

  /** Low and high half of the number that `wide` read last. */
  low = 0
  high = 0

  /** A varint of up to 64 bits, in two halves. */
  wide(end: number): void {
    const start = this.at
    const low = this.sevenBitGroups(start, end, 4)
    this.low = low
    this.high = 0
    if (!this.goesOn) return
    const middle = this.sevenBitGroups(start, end, 4)
    this.low = (low | (middle << 28)) >>> 0
    this.high = middle >>> 4
    if (!this.goesOn) return
    const high = this.sevenBitGroups(start, end, 2)
    if (this.goesOn) throw new MalformedBody(start, 'a varint of at most 10 bytes')
    this.high = ((middle >>> 4) | (high << 24)) >>> 0
  }

  private goesOn = false

  private sevenBitGroups(start: number, end: number, most: number): number {
    let value = 0
    for (let i = 0; i < most; i++) {
      if (this.at >= end) throw new MalformedBody(start, 'the rest of a varint')
      const byte = this.bytes[this.at++] as number
      value |= (byte & 0x7f) << (7 * i)
      if (byte < 0x80) {
        this.goesOn = false
        return value
      }
    }
    this.goesOn = true
    return value
  }

  /** An enum, flag or small count: the low 32 bits of a varint. */
  varintLow(end: number): number {
    this.wide(end)
    return this.low
  }

  /** Steps over a field that is not known. */
  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case VARINT:
        this.skipVarint(end)
        return
      case FIXED64:
        this.fixed64(end)
        return
      case BYTES:
        this.enter(end)
        this.at = this.fieldEnd
        return
      case FIXED32:
        this.fixed32(end)
        return
      default:
        throw new MalformedBody(this.at, `a wire type that proto3 has, not ${tag & 7}`)
    }
  }

  private skipVarint(end: number): void {
    const start = this.at
    for (let i = 0; i < 10; i++) {
      if (this.at >= end) throw new MalformedBody(start, 'the rest of a varint')
      if ((this.bytes[this.at++] as number) < 0x80) return
    }
    throw new MalformedBody(start, 'a varint of at most 10 bytes')
  }

  /** A field whose tag nothing expected. `known` has a bit for each field number that is read here. */
  unexpected(tag: number, end: number, known: number): void {
    const field = tag >>> 3
    if (field < 32 && (known >>> field) & 1) {
      throw new MalformedBody(this.at, `another wire type than ${tag & 7} for field ${field}`)
    }
    this.skip(tag, end)
  }
}

/** A set of field numbers below 32, for `unexpected`. */
export function fields(...numbers: readonly number[]): number {
  return numbers.reduce((set, field) => set | (1 << field), 0)
}
