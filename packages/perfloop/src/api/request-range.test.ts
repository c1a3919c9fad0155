import { describe, expect, it } from 'vitest'
import { isoFromNs, readRange, toUnixNs } from './request-range.ts'

const NOW = Date.parse('2026-01-02T12:00:00Z')

describe('the range of a request', () => {
  it('is the last hour when nothing is said', () => {
    expect(readRange({}, NOW)).toEqual({ fromUnixMs: NOW - 3_600_000, toUnixMs: NOW })
  })

  it.each([
    ['-PT15M', 15 * 60_000],
    ['-PT1H30M', 90 * 60_000],
    ['-P1D', 86_400_000],
    ['-P1DT1S', 86_401_000],
    ['-P2W', 14 * 86_400_000],
  ])('reads %s as a duration before now', (from, ms) => {
    expect(readRange({ from }, NOW).fromUnixMs).toBe(NOW - ms)
  })

  it('reads instants with any offset', () => {
    const range = readRange({ from: '2026-01-02T10:00:00+01:00', to: '2026-01-02T10:00:00Z' }, NOW)
    expect(range).toEqual({ fromUnixMs: NOW - 3 * 3_600_000, toUnixMs: NOW - 2 * 3_600_000 })
  })

  it.each([
    { from: 'yesterday' },
    { from: '-P' },
    { from: '-PT' },
    { from: '2026' },
    { from: '2026-13-01T00:00:00Z' },
    { from: '1900-01-01T00:00:00Z' },
    { from: '-PT1H', to: '-PT2H' },
    { from: '2020-01-01T00:00:00Z' },
    { to: 'soon' },
  ])('refuses %o and says what is wrong', range => {
    expect(() => readRange(range, NOW)).toThrow(/does not match/)
  })

  it('keeps whole milliseconds on the way to nanoseconds and back', () => {
    expect(isoFromNs(toUnixNs(NOW))).toBe('2026-01-02T12:00:00.000Z')
  })
})
