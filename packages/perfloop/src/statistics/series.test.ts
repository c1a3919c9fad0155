import { describe, expect, it } from 'vitest'
import { addBuckets, bucketGrowth, bucketQuantile, NO_BUCKETS } from './buckets.ts'
import { driftPValue } from './drift.ts'
import { counterGrowth, spreadOverSteps } from './increase.ts'
import { createPseudoRandom, type PseudoRandom } from './pseudo-random.ts'
import { studentUpperTail } from './student.ts'
import { risingTrend } from './trend.ts'

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

describe('growth that is called a leak', () => {
  const minutes = Array.from({ length: 60 }, (_, minute) => minute)
  const RUNS = 400

  /** How often both tests call a series rising. */
  function alarms(seed: number, next: (before: number, random: PseudoRandom) => number): number {
    const random = createPseudoRandom(seed)
    let found = 0
    for (let run = 0; run < RUNS; run++) {
      let at = 0
      const values = minutes.map(() => {
        at = next(at, random)
        return at
      })
      const trend = risingTrend(minutes, values, 0.95)
      if ((trend?.pValue ?? 1) < 0.002 && driftPValue(minutes, values, 8) < 0.002) found++
    }
    return found / RUNS
  }

  it('is hardly ever noise, whatever its memory, nor wandering', () => {
    for (const [index, memory] of [0, 0.5, 0.8, 0.95, 1].entries()) {
      const rate = alarms(index, (before, random) => memory * before + random.normal())
      expect(rate, `memory of ${memory}`).toBeLessThan(0.01)
    }
  })

  it('is an even rise three times the noise of a minute within the hour', () => {
    const rising = (_before: number, random: PseudoRandom) => random.normal()
    let minute = 0
    const rate = alarms(9, (before, random) => {
      minute = (minute + 1) % 60
      return minute * 0.3 + rising(before, random)
    })
    expect(rate).toBeGreaterThan(0.9)
  })

  it('is told with its slope, and the least it may be', () => {
    const random = createPseudoRandom(3)
    const values = minutes.map(minute => 5 + 2 * minute + random.normal())
    const trend = risingTrend(minutes, values, 0.95)
    expect(trend?.slope).toBeCloseTo(2, 1)
    expect(trend?.slopeLow).toBeLessThan(trend?.slope ?? 0)
    expect(trend?.slopeLow).toBeGreaterThan(1.9)
    expect(
      risingTrend(
        minutes,
        minutes.map(() => 7),
        0.95,
      )?.pValue,
    ).toBe(1)
  })

  it('rests on Student’s t as the tables have it', () => {
    for (const [degrees, t, p] of [
      [1, 6.314, 0.05],
      [2, 2.92, 0.05],
      [5, 4.032, 0.005],
      [6, 3.143, 0.01],
      [7, 4.785, 0.001],
    ] as const) {
      expect(studentUpperTail(t, degrees)).toBeCloseTo(p, 4)
      expect(studentUpperTail(-t, degrees)).toBeCloseTo(1 - p, 4)
    }
  })
})
