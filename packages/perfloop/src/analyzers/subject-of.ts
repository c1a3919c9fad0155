import { type Fingerprint, fingerprint } from '../domain/fingerprint.ts'

const OFFSET_BASIS = 0xcbf29ce484222325n
const PRIME = 0x100000001b3n
const MASK = 0xffffffffffffffffn

/** A fingerprint of words that have none of their own: FNV-1a, 64 bits, over their UTF-8. */
export function subjectOf(...words: readonly string[]): Fingerprint {
  let hash = OFFSET_BASIS
  for (const byte of new TextEncoder().encode(words.join('\0'))) {
    hash = ((hash ^ BigInt(byte)) * PRIME) & MASK
  }
  return fingerprint(hash.toString(16).padStart(16, '0'))
}
