import { describe, expect, it } from 'vitest'
import { findVaryingSlots } from './varying-slots.ts'

function samples(count: number, slots: (i: number) => readonly number[]): Int32Array[] {
  return Array.from({ length: count }, (_, i) =>
    Int32Array.from(slots(i), value => value * 2654435761),
  )
}

describe('findVaryingSlots', () => {
  it('chooses the one that multiplies, not those that vary together', () => {
    const file = (i: number) => Math.floor(i / 8)
    expect(findVaryingSlots(samples(512, i => [file(i), i % 8, file(i) + 1, 7]))).toEqual([1])
  })

  it('chooses all that vary with every span', () => {
    expect(findVaryingSlots(samples(512, i => [i, 3, i + 1, i % 4]))).toEqual([0, 2])
  })

  it('always chooses one', () => {
    expect(findVaryingSlots(samples(512, i => [i, i]))).toEqual([0, 1])
    expect(findVaryingSlots(samples(512, i => [i]))).toEqual([0])
  })
})
