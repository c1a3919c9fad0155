/**
 * HalfSipHash-2-4 with 32 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * Indocrypt 2012; the 32-bit variant is the authors' own, in their reference code). Keyed, because a plain
 * hash of an identity number is found by trying them all; 32-bit words, because that is what JavaScript
 * multiplies no BigInt for.
 */
export class KeyedHash {
  private readonly key0: number
  private readonly key1: number
  private v0 = 0
  private v1 = 0
  private v2 = 0
  private v3 = 0

  constructor(key: Uint8Array) {
    if (key.length < 8) throw new RangeError('the parameter key needs 8 bytes')
    const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
    this.key0 = view.getInt32(0, true)
    this.key1 = view.getInt32(4, true)
  }

  /** Unsigned; never 0, which stands for "not known". */
  of(bytes: Uint8Array, start = 0, end = bytes.length): number {
    this.v0 = this.key0
    this.v1 = this.key1
    this.v2 = 0x6c796765 ^ this.key0
    this.v3 = 0x74656462 ^ this.key1

    let at = start
    for (; at + 4 <= end; at += 4) {
      const word =
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)
      this.absorb(word)
    }
    let last = ((end - start) & 0xff) << 24
    for (let shift = 0; at < end; at++, shift += 8) last |= (bytes[at] as number) << shift
    this.absorb(last)

    this.v2 ^= 0xff
    for (let i = 0; i < 4; i++) this.round()
    const hash = (this.v1 ^ this.v3) >>> 0
    return hash === 0 ? 1 : hash
  }

  private absorb(word: number): void {
    this.v3 ^= word
    this.round()
    this.round()
    this.v0 ^= word
  }

  private round(): void {
    let { v0, v1, v2, v3 } = this
    v0 = (v0 + v1) | 0
    v1 = rotate(v1, 5) ^ v0
    v0 = rotate(v0, 16)
    v2 = (v2 + v3) | 0
    v3 = rotate(v3, 8) ^ v2
    v0 = (v0 + v3) | 0
    v3 = rotate(v3, 7) ^ v0
    v2 = (v2 + v1) | 0
    v1 = rotate(v1, 13) ^ v2
    v2 = rotate(v2, 16)
    this.v0 = v0
    this.v1 = v1
    this.v2 = v2
    this.v3 = v3
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
