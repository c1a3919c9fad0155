import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { murmurHash } from './murmur-hash.ts'
import { ValueWords } from './value-words.ts'

function hashOf(value: unknown, capacity = 1_000): string {
  const words = new ValueWords(capacity)
  words.value(value)
  return murmurHash(words.words, words.count)
}

const LONG = 'a text longer than those that are copied by hand'

describe('values as words', () => {
  const DIFFERENT: readonly (readonly [unknown, unknown])[] = [
    [1, '1'],
    [1, 1.5],
    [1, 1n],
    [0, false],
    [null, undefined],
    ['', null],
    ['ab', 'ba'],
    ['a', 'a\0'],
    [LONG, `${LONG}.`],
    [`${LONG}é`, `${LONG}è`],
    [
      ['a', 'b'],
      ['ab', ''],
    ],
    [
      [1, [2]],
      [[1], 2],
    ],
    [{ a: 1 }, { b: 1 }],
    [
      { a: 1, b: 2 },
      { a: 2, b: 1 },
    ],
    [new Date(1), new Date(2)],
    [new Date(1), 1],
    [Buffer.from([1]), Buffer.from([1, 0])],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1],
  ]

  it('are told apart, and each is equal to itself', () => {
    for (const [one, other] of DIFFERENT) {
      expect(hashOf(one), inspect([one, other])).not.toBe(hashOf(other))
      expect(hashOf(structuredClone(one))).toBe(hashOf(one))
      expect(hashOf(structuredClone(other))).toBe(hashOf(other))
    }
  })

  it('are refused where they hide what they are, or have no end', () => {
    const circle: unknown[] = []
    circle.push(circle)
    for (const value of [new Map([[1, 2]]), new URL('http://a.b/'), () => 1, circle]) {
      expect(() => hashOf(value)).toThrow()
    }
  })

  it.each([LONG.repeat(100), Buffer.alloc(5_000, 7), Array.from({ length: 5_000 }, (_, n) => n)])(
    'are cut at their bound, and say so',
    value => {
      const words = new ValueWords(64)
      words.value(value)
      expect(words.isCut).toBe(true)
      expect(words.count).toBe(64)
      words.clear()
      words.value(1)
      expect(words.isCut).toBe(false)
    },
  )
})
