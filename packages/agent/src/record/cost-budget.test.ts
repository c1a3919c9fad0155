import { afterEach, describe, expect, it } from 'vitest'
import { CostBudget, detail } from './cost-budget.ts'
import { headSampling } from './head-sampling.ts'

describe('the budget of recording', () => {
  const told: string[] = []
  afterEach(() => {
    told.length = 0
    headSampling.sheddingProbability = 1
    detail.isKept = true
  })

  /** A second with so many milliseconds of recording. */
  function seconds(budget: CostBudget, ms: number, count: number, startMs: number): number {
    let nowMs = startMs
    for (let n = 0; n < count; n++) {
      budget.spend(ms)
      nowMs += 1_000
      budget.evaluate(nowMs)
    }
    return nowMs
  }

  it('leaves everything as it is while it is kept', () => {
    const budget = new CostBudget(0.05, what => told.push(what), 0)
    seconds(budget, 49, 60, 0)
    expect([budget.level, detail.isKept, headSampling.traceState, told]).toEqual([0, true, '', []])
  })

  it('leaves out details first, then traces half by half, to a 64th, and says so once', () => {
    const budget = new CostBudget(0.05, what => told.push(what), 0)
    let nowMs = seconds(budget, 80, 1, 0)
    expect([detail.isKept, headSampling.traceState]).toEqual([false, ''])
    nowMs = seconds(budget, 80, 1, nowMs)
    expect(headSampling.traceState).toBe('ot=th:8')
    seconds(budget, 80, 20, nowMs)
    expect(headSampling.traceState).toBe('ot=th:fc')
    expect(told).toHaveLength(1)
    expect(told[0]).toContain('8.0 %')
  })

  it('gives it back, the last first, after a calm while, and not where it would be lost again at once', () => {
    const budget = new CostBudget(0.05, what => told.push(what), 0)
    let nowMs = seconds(budget, 80, 2, 0)
    nowMs = seconds(budget, 40, 60, nowMs)
    expect(budget.level).toBe(2)
    nowMs = seconds(budget, 20, 10, nowMs)
    expect([budget.level, headSampling.traceState, detail.isKept]).toEqual([1, '', false])
    seconds(budget, 20, 10, nowMs)
    expect([budget.level, detail.isKept]).toEqual([0, true])
    expect(told).toHaveLength(2)
  })
})
