import { expect, it } from 'vitest'
import { murmurHash } from './murmur-hash.ts'

it.each([
  [[], '0000000000000000'],
  [[1], 'a31379a3e45d6f9e'],
  [[1, 2, 3, 4], '37d6ee173d4a429d'],
  [[1, 2, 3, 4, 5], '84a62967cfb5d601'],
  [[-1, -2147483648, 2147483647, 7, 9, 11, 13, 17, 19], '9a8883badd03fd54'],
])('is what the reference makes of %j', (words, hash) => {
  expect(murmurHash(Int32Array.from(words), words.length)).toBe(hash)
})
