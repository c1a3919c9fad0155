/** Reproducible randomness, for simulations and tests. Not for secrets. */
export interface PseudoRandom {
  /** Uniform in [0, 1). */
  next(): number
  /** Standard normal. */
  normal(): number
}

/**
 * xoshiro128** of D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47
 * (2021), seeded through splitmix32; normal deviates by Box and Muller (1958).
 */
export function createPseudoRandom(seed: number): PseudoRandom {
  const state = new Uint32Array(4)
  let mix = seed >>> 0
  for (let index = 0; index < state.length; index += 1) {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    state[index] = (z ^ (z >>> 16)) >>> 0
  }

  const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))
  const nextUint32 = (): number => {
    const [a = 0, b = 0, c = 0, d = 0] = state
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const third = c ^ a
    const fourth = d ^ b
    state[0] = a ^ fourth
    state[1] = b ^ third
    state[2] = third ^ (b << 9)
    state[3] = rotate(fourth, 11)
    return result
  }

  const next = (): number => nextUint32() / 2 ** 32
  return {
    next,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  }
}
