import { randomFillSync } from 'node:crypto'

const state = randomFillSync(new Uint32Array(4))

/**
 * 32 random bits, as a signed integer: others above 2³¹ would be numbers on V8's heap. By xoshiro128** (Blackman and
 * Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47, 2021), seeded by the system. Ids must be spread
 * evenly and differ between processes, not be secret.
 */
export function randomWord(): number {
  let s0 = state[0] as number
  let s1 = state[1] as number
  let s2 = state[2] as number
  let s3 = state[3] as number
  const result = Math.imul(rotate(Math.imul(s1, 5), 7), 9)
  const shifted = s1 << 9
  s2 ^= s0
  s3 ^= s1
  s1 ^= s2
  s0 ^= s3
  s2 ^= shifted
  s3 = rotate(s3, 11)
  state[0] = s0
  state[1] = s1
  state[2] = s2
  state[3] = s3
  return result
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
