/**
 * HalfSipHash-2-4 with 32 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
 * Indocrypt 2012; the 32-bit variant is the authors' own, in their reference code). Keyed, because a plain
 * hash of an identity number is found by trying them all; 32-bit words, because that is what JavaScript
 * multiplies no BigInt for.
 */
export class KeyedHash {
  private readonly key0: number
  private readonly key1: number

  constructor(key: Uint8Array) {
    if (key.length < 8) throw new RangeError('the parameter key needs 8 bytes')
    const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
    this.key0 = view.getInt32(0, true)
    this.key1 = view.getInt32(4, true)
  }

  /** Unsigned; never 0, which stands for "not known". */
  of(bytes: Uint8Array, start = 0, end = bytes.length): number {
    let v0 = this.key0
    let v1 = this.key1
    let v2 = 0x6c796765 ^ this.key0
    let v3 = 0x74656462 ^ this.key1

    // Two rounds for each word, the last one with the length, then four. One loop, so that all stays in registers.
    const words = (end - start) >> 2
    let at = start
    for (let step = 0; step < words + 3; step++) {
      let word = 0
      if (step < words) {
        word =
          (bytes[at] as number) |
          ((bytes[at + 1] as number) << 8) |
          ((bytes[at + 2] as number) << 16) |
          ((bytes[at + 3] as number) << 24)
        at += 4
      } else if (step === words) {
        word = ((end - start) & 0xff) << 24
        for (let shift = 0; at < end; at++, shift += 8) word |= (bytes[at] as number) << shift
      } else if (step === words + 1) v2 ^= 0xff

      v3 ^= word
      for (let round = 0; round < 2; round++) {
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
      }
      v0 ^= word
    }
    const hash = (v1 ^ v3) >>> 0
    return hash === 0 ? 1 : hash
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
