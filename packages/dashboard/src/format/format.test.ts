import { describe, expect, it } from 'vitest'
import { durationAxis, formatDuration } from './duration.ts'
import { formatEvidence } from './evidence-value.ts'
import { formatAgo } from './instant.ts'
import { evidenceLabel, toWords } from './label.ts'
import { formatBytes, formatChange, formatCount, formatPercent, formatRate } from './number.ts'

describe('durations', () => {
  it.each([
    [0, '0 ms'],
    [420, '420 ns'],
    [840_000, '840 µs'],
    [999_600, '1.00 ms'],
    [12_340_000, '12.3 ms'],
    [123_400_000, '123 ms'],
    [1_450_000_000, '1.45 s'],
    [59_940_000_000, '59.9 s'],
    [59_960_000_000, '1 min'],
    [125e9, '2 min 5 s'],
    [3_600e9, '1 h'],
    [12_000e9, '3 h 20 min'],
    [90_000e9, '1 d 1 h'],
    [-2e6, '−2.00 ms'],
  ])('shows %d ns as %s', (ns, text) => {
    expect(formatDuration(ns)).toBe(text)
  })

  it('shows what was not measured as a dash', () => {
    expect([formatDuration(null), formatDuration(Number.NaN)]).toEqual(['–', '–'])
  })

  it('keeps one unit along an axis', () => {
    const axis = durationAxis(250e6)
    expect([0, 50e6, 100e6, 250e6].map(axis.toLabel)).toEqual(['0 ms', '50 ms', '100 ms', '250 ms'])
    expect(durationAxis(7_200e9).toLabel(3_600e9)).toBe('1 h')
    expect(durationAxis(300e9).toLabel(90e9)).toBe('1.5 min')
  })
})

describe('numbers', () => {
  it.each([
    [0, '0'],
    [3.456, '3.46'],
    [27.04, '27.0'],
    [12_345, '12,345'],
    [123_456, '123 k'],
    [999_999, '1.00 M'],
    [4_560_000, '4.56 M'],
    [2.5e9, '2.50 G'],
  ])('shows a count of %d as %s', (count, text) => {
    expect(formatCount(count)).toBe(text)
  })

  it.each([
    [0, '0/s'],
    [0.05, '3.00/min'],
    [12.34, '12.3/s'],
    [25_000, '25,000/s'],
  ])('shows %d per second as %s', (rate, text) => {
    expect(formatRate(rate)).toBe(text)
  })

  it.each([
    [0, '0 %'],
    [0.00001, '< 0.01 %'],
    [0.0123, '1.23 %'],
    [0.123, '12.3 %'],
    [1, '100 %'],
  ])('shows a ratio of %d as %s', (ratio, text) => {
    expect(formatPercent(ratio)).toBe(text)
  })

  it.each([
    [-0.42, '−42 %'],
    [0.035, '+3.5 %'],
    [0.0001, '±0 %'],
    [null, '–'],
  ])('shows a change of %s as %s', (change, text) => {
    expect(formatChange(change)).toBe(text)
  })

  it.each([
    [0, '0 B'],
    [512, '512 B'],
    [1_536, '1.50 KiB'],
    [330 * 1024 ** 2, '330 MiB'],
  ])('shows %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })
})

describe('instants', () => {
  const now = Date.parse('2026-01-02T00:00:00Z')
  it.each([
    ['2026-01-01T23:59:58Z', 'just now'],
    ['2026-01-01T23:59:20Z', '40 s ago'],
    ['2026-01-01T23:55:00Z', '5 min ago'],
    ['2026-01-01T20:30:00Z', '3 h ago'],
    ['2025-12-30T00:00:00Z', '3 d ago'],
    [null, 'never'],
  ])('says %s as %s', (instant, text) => {
    expect(formatAgo(instant, now)).toBe(text)
  })
})

describe('names of the API', () => {
  it('become words', () => {
    expect(['n-plus-one', 'in_progress', 'pool-wait'].map(toWords)).toEqual([
      'N+1 queries',
      'In progress',
      'Pool wait',
    ])
  })

  it('lose their unit as labels of evidence, which formats the value', () => {
    expect(evidenceLabel('callsPerExecution')).toBe('Calls per execution')
    expect(evidenceLabel('mean_ns')).toBe('Mean')
    expect(formatEvidence('mean_ns', 2_500_000)).toBe('2.50 ms')
    expect(formatEvidence('maxDurationMs', 12)).toBe('12.0 ms')
    expect(formatEvidence('window_seconds', 90)).toBe('1 min 30 s')
    expect(formatEvidence('error_ratio', 0.25)).toBe('25.0 %')
    expect(formatEvidence('error_ratio_low', 0.25)).toBe('25.0 %')
    expect(formatEvidence('busy_ns_per_execution', 2e6)).toBe('2.00 ms')
    expect(formatEvidence('calls', 27)).toBe('27')
    expect(formatEvidence('size_bytes', 2048)).toBe('2.00 KiB')
    expect(formatEvidence('rate_per_second', 3)).toBe('3.00/s')
    expect(
      formatEvidence('columns', [
        { name: 'customer_id', descending: false },
        { name: 'created_at', descending: true },
      ]),
    ).toBe('customer_id, created_at DESC')
    expect(formatEvidence('saved_ns_per_hour', 5e9)).toBe('5.00 s per hour')
    expect(formatEvidence('tables', ['orders', 'items'])).toBe('orders, items')
    expect(formatEvidence('plan', { node: 1 })).toBe('{"node":1}')
    expect(formatEvidence('index', null)).toBe('–')
    expect(formatEvidence('unique', true)).toBe('yes')
  })
})
