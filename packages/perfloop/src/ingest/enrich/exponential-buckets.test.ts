import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { explicitBuckets } from './exponential-buckets.ts'

const none = { offset: 0, counts: [] }

describe('explicitBuckets', () => {
  it('lays out negative, zero and positive ranges with rising bounds', () => {
    expect(
      explicitBuckets(0, 0, 4, { offset: 0, counts: [1, 2] }, { offset: 0, counts: [3] }),
    ).toEqual({ bounds: [-1, 0, 1, 2, 4], counts: [3, 4, 0, 1, 2, 0] })
    expect(explicitBuckets(1, 0, 0, { offset: 2, counts: [5] }, none)).toEqual({
      bounds: [0, 2, 2 ** 1.5],
      counts: [0, 0, 5, 0],
    })
  })

  it('is empty for no values', () => {
    expect(explicitBuckets(3, 0, 0, none, none)).toEqual({ bounds: [], counts: [] })
  })

  it('keeps every value and rises, whatever scale and offset', () => {
    const buckets = fc.record({
      offset: fc.integer({ min: -3_000, max: 3_000 }),
      counts: fc.array(fc.nat({ max: 100 }), { maxLength: 20 }),
    })
    const scale = fc.integer({ min: -10, max: 20 })
    fc.assert(
      fc.property(scale, fc.nat({ max: 50 }), buckets, buckets, (s, zeros, positive, negative) => {
        const { bounds, counts } = explicitBuckets(s, 0, zeros, positive, negative)
        const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0)
        expect(sum(counts)).toBe(zeros + sum(positive.counts) + sum(negative.counts))
        expect(bounds.every(Number.isFinite)).toBe(true)
        expect(bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] as number))).toBe(true)
        expect(bounds.length === 0 ? 0 : bounds.length + 1).toBe(counts.length)
      }),
    )
  })
})
