import { describe, expect, it } from 'vitest'
import { backoffMs, parseRetryAfterMs } from './retry.ts'

describe('backoff', () => {
  it('doubles its bound up to the maximum and draws below it', () => {
    const options = { baseDelayMs: 100, maxDelayMs: 300, random: () => 0.5 }
    expect([1, 2, 3, 4].map(attempt => backoffMs(attempt, options))).toEqual([50, 100, 150, 150])
  })
})

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  it.each([
    [null, null],
    ['', null],
    ['soon', null],
    ['2', 2_000],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5_000],
    ['Thu, 01 Jan 2025 00:00:00 GMT', 0],
  ])('reads %s as %s ms', (header, expected) => {
    expect(parseRetryAfterMs(header, now)).toBe(expected)
  })
})
