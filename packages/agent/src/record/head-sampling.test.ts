import { describe, expect, it } from 'vitest'
import { HeadSampling, probabilityMember } from './head-sampling.ts'
import { randomWord } from './random-ids.ts'

describe('traces that begin here', () => {
  it('are all kept, and say nothing of it, unless somebody asks for less', () => {
    const sampling = new HeadSampling()
    expect(sampling.isKept(0)).toBe(true)
    expect(sampling.traceState).toBe('')
  })

  // th is (1 − p) · 2^56 in hexadecimal without the zeros at its end.
  it.each([
    [0.5, 'ot=th:8'],
    [0.25, 'ot=th:c'],
    [0.1, 'ot=th:e666'],
    [1 / 65_536, 'ot=th:ffff'],
  ])('are kept with the probability %f that they tell', (probability, traceState) => {
    const sampling = new HeadSampling()
    sampling.probability = probability
    expect(sampling.traceState).toBe(traceState)
    const threshold = BigInt(`0x${traceState.slice(6).padEnd(14, '0')}`)
    for (let n = 0; n < 2_000; n++) {
      const trace2 = randomWord()
      const randomness = BigInt((trace2 & 0xffffff) >>> 0) << 32n
      expect(sampling.isKept(trace2)).toBe(randomness >= threshold)
    }
  })

  it('are left out altogether at a probability of 0', () => {
    const sampling = new HeadSampling()
    sampling.probability = 0
    expect(sampling.isKept(0xffffffff)).toBe(false)
  })

  it('are fewer where the agent has to cost less, by both probabilities', () => {
    const sampling = new HeadSampling()
    sampling.probability = 0.5
    sampling.sheddingProbability = 0.25
    expect(sampling.traceState).toBe('ot=th:e')
  })
})

it.each([
  ['ot=th:c', 'ot=th:c'],
  ['vendor=x, ot=rv:0123456789abcd;th:8;p:1', 'ot=th:8'],
  ['ot=rv:0123456789abcd', undefined],
  ['foot=th:8', undefined],
  ['ot=th:8z', undefined],
])('of the trace state %s a span says %s', (traceState, member) => {
  expect(probabilityMember(traceState)).toBe(member)
})
