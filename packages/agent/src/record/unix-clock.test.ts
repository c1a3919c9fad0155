import { describe, expect, it } from 'vitest'
import { UnixClock } from './unix-clock.ts'

describe('the Unix time of a batch', () => {
  it('is on one base, whatever part of a millisecond it is, until the clock is set', () => {
    let aheadMs = 0
    const wallMs = () => Math.floor(performance.timeOrigin + performance.now() + aheadMs)
    const clock = new UnixClock(wallMs)
    const first = clock.unixMsAtZero()
    for (let n = 0; n < 1_000; n++) expect(clock.unixMsAtZero()).toBe(first)
    aheadMs = 60_000
    expect(clock.unixMsAtZero() - first).toBeGreaterThan(59_990)
    expect(clock.unixMsAtZero() - first).toBeLessThan(60_010)
  })
})
