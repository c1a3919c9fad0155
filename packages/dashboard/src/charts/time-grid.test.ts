import { describe, expect, it } from 'vitest'
import { stack, toTimeGrid } from './time-grid.ts'

describe('the time grid', () => {
  it('leaves a gap where a step has no point', () => {
    const grid = toTimeGrid(
      [
        { time: '1970-01-01T00:03:00Z', value: 3 },
        { time: '1970-01-01T00:00:00Z', value: 0 },
        { time: '1970-01-01T00:01:00Z', value: 1 },
      ],
      60,
    )
    expect(grid.times).toEqual([0, 60, 120, 180])
    expect(grid.points.map(point => point?.value ?? null)).toEqual([0, 1, null, 3])
  })

  it('is empty without points and does not blow up over a very long hole', () => {
    expect(toTimeGrid([], 60)).toEqual({ times: [], points: [] })
    const far = [{ time: '1970-01-01T00:00:00Z' }, { time: '2026-01-01T00:00:00Z' }]
    expect(toTimeGrid(far, 1).times).toHaveLength(2)
  })
})

describe('stacking', () => {
  it('sums upwards and keeps gaps', () => {
    expect(
      stack([
        [1, 2, null],
        [3, null, 4],
        [5, 6, 7],
      ]),
    ).toEqual([
      [1, 2, null],
      [4, null, null],
      [9, null, null],
    ])
  })
})
