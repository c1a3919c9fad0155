import { expect, it } from 'vitest'
import { designEffect } from './design-effect.ts'

const clusters = (...successes: number[]) =>
  successes.map(count => ({ trials: 10, successes: count }))

it('is about the size of a cluster when all of one is alike, and 1 when clusters do not matter', () => {
  // By hand: share 0.2, squares 8² + 4 · 2² = 80, (5/4 · 80/50²) ÷ (0.2 · 0.8/50) = 12.5.
  expect(designEffect(clusters(10, 0, 0, 0, 0))).toBeCloseTo(12.5)
  expect(designEffect(clusters(2, 2, 2, 2, 2))).toBe(1)
})

it('takes each cluster for one trial where all turn out alike', () => {
  expect(designEffect(clusters(10, 10, 10))).toBe(10)
  expect(designEffect(clusters(0, 0))).toBe(10)
})

it('takes one cluster for one trial', () => {
  expect(designEffect(clusters(4))).toBe(10)
  expect(designEffect([])).toBe(1)
})
