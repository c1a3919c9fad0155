const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

/**
 * The first 64 bits of MurmurHash3_x86_128 (Austin Appleby, `MurmurHash3.cpp` of SMHasher, public domain) with seed 0, as 16
 * hexadecimal digits. Of whole words, filled up with zeros to a multiple of four: 32-bit words are what
 * JavaScript multiplies without BigInt, and a block of four costs a few nanoseconds. It is no secret: whoever
 * can guess the words can find them.
 */
export function murmurHash(words: Int32Array, count: number): string {
  let h1 = 0
  let h2 = 0
  let h3 = 0
  let h4 = 0
  for (let at = 0; at < count; at += 4) {
    const k1 = words[at] as number
    const k2 = at + 1 < count ? (words[at + 1] as number) : 0
    const k3 = at + 2 < count ? (words[at + 2] as number) : 0
    const k4 = at + 3 < count ? (words[at + 3] as number) : 0

    h1 ^= Math.imul(rotate(Math.imul(k1, C1), 15), C2)
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0
    h2 ^= Math.imul(rotate(Math.imul(k2, C2), 16), C3)
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0
    h3 ^= Math.imul(rotate(Math.imul(k3, C3), 17), C4)
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0
    h4 ^= Math.imul(rotate(Math.imul(k4, C4), 18), C1)
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0
  }

  const bytes = Math.ceil(count / 4) * 16
  h1 ^= bytes
  h2 ^= bytes
  h3 ^= bytes
  h4 ^= bytes
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = finish(h1)
  h2 = finish(h2)
  h3 = finish(h3)
  h4 = finish(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  return digits(h1) + digits(h2)
}

function finish(word: number): number {
  const once = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return twice ^ (twice >>> 16)
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function digits(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
