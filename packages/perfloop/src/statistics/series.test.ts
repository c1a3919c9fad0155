import { describe, expect, it } from 'vitest'
import { addBuckets, bucketGrowth, bucketQuantile, NO_BUCKETS } from './buckets.ts'
import { counterGrowth, spreadOverSteps } from './increase.ts'

describe('the growth of a counter', () => {
  it('begins with its stream, not with what was read of it', () => {
    const readings = [
      { unixS: 100, value: 7 },
      { unixS: 110, value: 9 },
    ]
    expect(counterGrowth(readings, 95, 60)).toEqual([
      { fromS: 95, toS: 100, amount: 7 },
      { fromS: 100, toS: 110, amount: 2 },
    ])
    expect(counterGrowth(readings, 0, 60)).toEqual([{ fromS: 100, toS: 110, amount: 2 }])
  })

  it('is spread over the steps it touches, and neither over holes nor over no time', () => {
    const steps = spreadOverSteps(
      [
        { fromS: 50, toS: 70, amount: 10 },
        { fromS: 70, toS: 400, amount: 1_000 },
        { fromS: 400, toS: 400, amount: 5 },
      ],
      60,
      120,
    )
    expect([...steps]).toEqual([
      [0, { amount: 5, coveredS: 10 }],
      [60, { amount: 5, coveredS: 10 }],
    ])
  })
})

describe('buckets', () => {
  const buckets = (bounds: number[], counts: number[]) => ({
    count: counts.reduce((a, b) => a + b, 0),
    sum: 0,
    bounds,
    counts,
  })

  it('are subtracted by what lies below each bound when their bounds became coarser', () => {
    const before = buckets([1, 2, 3, 4], [1, 2, 3, 4, 0])
    const now = buckets([2, 4], [4, 9, 2])
    expect(bucketGrowth(before, now)).toEqual(buckets([2, 4], [1, 2, 2]))
  })

  it('are added by their upper bounds', () => {
    const sum = addBuckets(buckets([1, 4], [1, 1, 1]), buckets([2, 4], [5, 5, 5]))
    expect(sum).toEqual(buckets([1, 2, 4], [1, 5, 6, 6]))
    expect(addBuckets(NO_BUCKETS, sum)).toBe(sum)
  })

  it('tell a quantile within their bounds, and nothing when they are empty', () => {
    expect(bucketQuantile(buckets([10, 20], [0, 10, 0]), 0.5)).toBe(15)
    expect(bucketQuantile(buckets([10, 20], [0, 0, 10]), 0.5)).toBe(20)
    expect(bucketQuantile(NO_BUCKETS, 0.5)).toBeUndefined()
  })
})
