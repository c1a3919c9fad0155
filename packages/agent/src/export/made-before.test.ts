import { expect, it } from 'vitest'
import { MadeBefore } from './made-before.ts'

it('gives what was made of the same numbers and of no others, though many share a place', () => {
  const made = new MadeBefore()
  let found = 0
  for (let n = 0; n < 60_000; n++) {
    // Some hundred that come again and again between thousands that come once; some values are missing.
    const seed = n % 3 === 0 ? n : (n * 7919) % 300
    const numbers = Float64Array.of(seed, seed % 7 === 0 ? Number.NaN : seed * 1e10, seed % 5)
    const bytes = made.find(numbers, 3)
    if (bytes !== undefined) {
      found++
      expect(Buffer.from(bytes).toString()).toBe(numbers.join())
    } else if (made.isWanted) made.keep(numbers, 3, Buffer.from(numbers.join()))
  }
  expect(found).toBeGreaterThan(25_000)
})

it('holds a megabyte at most, and nothing that was forgotten', () => {
  const made = new MadeBefore()
  const numbers = new Float64Array(1)
  for (let round = 0; round < 3; round++) {
    for (numbers[0] = 0; numbers[0] < 12; numbers[0]++) {
      if (made.find(numbers, 1) === undefined && made.isWanted) {
        made.keep(numbers, 1, new Uint8Array(100_000))
      }
    }
  }
  let kept = 0
  for (numbers[0] = 0; numbers[0] < 12; numbers[0]++) if (made.find(numbers, 1)) kept++
  expect(kept).toBeGreaterThan(0)
  expect(kept).toBeLessThanOrEqual(10)
  made.forget()
  numbers[0] = 11
  expect(made.find(numbers, 1)).toBeUndefined()
})
