import { describe, expect, it } from 'vitest'
import {
  DAY_S,
  floorTo,
  HOUR_S,
  MINUTE_S,
  rollupRange,
  STEPS_S,
  stepRange,
} from './rollup-range.ts'

const NOW_MS = Date.parse('2026-03-10T15:47:23Z')

describe('the rollups of a range', () => {
  it.each([1, 7, 60, 90, 600, 1_440, 2_000, 4_320, 20_000, 43_200])(
    'cover each minute of %i minutes once',
    minutes => {
      const range = rollupRange(NOW_MS - minutes * 60_000, NOW_MS)
      const inside = (second: number, from: number, to: number) => second >= from && second < to
      for (let minute = range.from_s - DAY_S; minute < range.to_s + DAY_S; minute += MINUTE_S) {
        const hour = floorTo(minute, HOUR_S)
        const day = floorTo(minute, DAY_S)
        const isInHours = inside(minute, range.hour_from_s, range.hour_to_s)
        const isInDays = inside(minute, range.day_from_s, range.day_to_s)
        const counted =
          Number(inside(minute, range.from_s, range.to_s) && !isInHours) +
          Number(inside(hour, range.hour_from_s, range.hour_to_s) && isInHours && !isInDays) +
          Number(inside(day, range.day_from_s, range.day_to_s) && isInDays)
        expect(counted).toBe(inside(minute, range.from_s, range.to_s) ? 1 : 0)
      }
    },
  )

  it('read few rows however long the range is', () => {
    const range = rollupRange(NOW_MS - 30 * DAY_S * 1_000, NOW_MS)
    const minutes = (range.to_s - range.from_s - (range.hour_to_s - range.hour_from_s)) / MINUTE_S
    const hours =
      (range.hour_to_s - range.hour_from_s - (range.day_to_s - range.day_from_s)) / HOUR_S
    expect(minutes).toBeLessThan(60)
    expect(hours).toBeLessThan(24)
  })

  it('are whole seconds and ordered', () => {
    const range = rollupRange(NOW_MS - 90_500, NOW_MS)
    expect(Object.values(range).every(Number.isInteger)).toBe(true)
    expect(range.from_s).toBeLessThanOrEqual(range.hour_from_s)
    expect(range.hour_from_s).toBeLessThanOrEqual(range.hour_to_s)
    expect(range.day_to_s).toBeLessThanOrEqual(range.to_s)
  })
})

describe('the steps of a chart', () => {
  it.each([10, 60, 360, 1_440, 10_080, 43_200, 500_000])(
    'are at most 120 and made of rollups that divide them, for %i minutes',
    minutes => {
      const range = stepRange(NOW_MS - minutes * 60_000, NOW_MS)
      expect(STEPS_S).toContain(range.step_s)
      expect((range.to_s - range.from_s) / range.step_s).toBeLessThanOrEqual(122)
      expect(range.step_s % range.rollup_s).toBe(0)
      expect(range.from_s % range.step_s).toBe(0)
    },
  )
})
