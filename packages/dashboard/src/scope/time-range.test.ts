import { describe, expect, it } from 'vitest'
import { previousRange, readScopeSearch, toTimeRange } from './time-range.ts'

describe('the scope in the address', () => {
  it('keeps what it knows and drops the rest, and the default range', () => {
    expect(readScopeSearch({ range: '6h', env: 'production', svc: '', other: 1 })).toEqual({
      range: '6h',
      env: 'production',
    })
    expect(readScopeSearch({ range: '1h' })).toEqual({})
    expect(readScopeSearch({ range: 'forever' })).toEqual({})
  })

  it('takes two instants before a named range, and only in order', () => {
    const from = '2026-01-01T00:00:00.000Z'
    const to = '2026-01-01T01:00:00.000Z'
    expect(readScopeSearch({ range: '6h', from, to })).toEqual({ from, to })
    expect(readScopeSearch({ range: '6h', from: to, to: from })).toEqual({ range: '6h' })
    expect(readScopeSearch({ from: 'yesterday', to })).toEqual({})
  })
})

describe('the time range', () => {
  it('is asked for relative to now and often while it moves', () => {
    expect(toTimeRange({})).toMatchObject({ from: '-PT1H', to: undefined, refetchMs: 10_000 })
    expect(toTimeRange({ range: '30d' })).toMatchObject({ from: '-P30D', seconds: 2_592_000 })
  })

  it('is asked for once when it is over', () => {
    const range = toTimeRange({ from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T01:00:00.000Z' })
    expect(range).toMatchObject({ name: 'custom', seconds: 3_600, refetchMs: false })
  })

  it('has a window of equal length before it', () => {
    const now = Date.parse('2026-01-01T12:00:30Z')
    expect(previousRange(toTimeRange({}), now)).toEqual({
      from: '2026-01-01T10:00:00.000Z',
      to: '2026-01-01T11:00:00.000Z',
    })
  })
})
