import { describe, expect, it } from 'vitest'
import { KeyedHash } from './keyed-hash.ts'

const key = Uint8Array.from({ length: 8 }, (_, i) => i)
const message = (length: number) => Uint8Array.from({ length }, (_, i) => i)

describe('KeyedHash', () => {
  // The first of the authors' own vectors: key 00…07, message of as many bytes as its place says.
  it.each([
    [0, 'a9359f5b'],
    [1, '27475ab8'],
    [2, 'fa62a603'],
    [3, '8afee704'],
    [4, '2a6e4689'],
    [5, 'c5fab669'],
    [6, '5863fc23'],
    [7, '8bcf63c5'],
  ])('is HalfSipHash-2-4: %i bytes', (length, expected) => {
    const hash = new KeyedHash(key).of(message(length))
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(hash)
    expect(bytes.toString('hex')).toBe(expected)
  })

  it('differs with the key, and hashes only the part it is given', () => {
    const other = new KeyedHash(new Uint8Array(8).fill(1))
    expect(other.of(message(9))).not.toBe(new KeyedHash(key).of(message(9)))
    expect(new KeyedHash(key).of(message(9), 0, 4)).toBe(new KeyedHash(key).of(message(4)))
  })

  it('refuses a key that is too short to be one', () => {
    expect(() => new KeyedHash(new Uint8Array(4))).toThrow(RangeError)
  })
})
