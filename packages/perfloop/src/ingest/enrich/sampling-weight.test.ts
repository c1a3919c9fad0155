import { describe, expect, it } from 'vitest'
import { samplingWeight } from './sampling-weight.ts'

describe('samplingWeight', () => {
  it('is 1 for spans that no consistent sampler dropped neighbours of', () => {
    expect(samplingWeight('')).toBe(1)
    expect(samplingWeight('vendor=abc,ot=rv:12345678901234')).toBe(1)
    expect(samplingWeight('ot=th:0')).toBe(1)
  })

  it('is the inverse of the probability that the threshold leaves', () => {
    expect(samplingWeight('ot=th:8')).toBe(2)
    expect(samplingWeight('ot=rv:12345678901234;th:c')).toBe(4)
    expect(samplingWeight('vendor=1,ot=th:e6666666666668;rv:12345678901234')).toBeCloseTo(10, 9)
  })

  it('reads nothing out of what is not a threshold', () => {
    expect(samplingWeight('ot=th:xyz')).toBe(1)
    expect(samplingWeight('not=th:8')).toBe(1)
    expect(samplingWeight('ot=th:ffffffffffffffff')).toBe(1)
  })

  it('stays finite for the rarest probability', () => {
    expect(samplingWeight('ot=th:ffffffffffffff')).toBe(2 ** 56)
  })
})
