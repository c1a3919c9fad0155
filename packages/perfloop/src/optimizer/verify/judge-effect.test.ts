import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../domain/optimization.ts'
import { Settings } from '../../settings/settings.ts'
import { levelsOfLooks } from '../../statistics/alpha-spending.ts'
import { createPseudoRandom, type PseudoRandom } from '../../statistics/pseudo-random.ts'
import { type Block, judgeEffect, type MeasuredOperation } from './judge-effect.ts'

/** Half as long as by default, so that a thousand of them take seconds. */
const settings = Settings.parse({
  optimizer: { verification: { looksMs: [30_000, 60_000, 120_000, 300_000] } },
}).optimizer.verification
const byDefault = Settings.parse({}).optimizer.verification

interface Effect {
  /** Factors of the time without and with the change; 1 is none. */
  readonly all?: number
  readonly p95?: number
  readonly errors?: number
  readonly calls?: number
}

/**
 * Blocks as a busy server gives them: the level wanders (first-order autoregressive, correlation 0.5 from
 * one block to the next), and every statistic has noise of its own, the tail most.
 */
function* series(random: PseudoRandom, effect: Effect = {}, correlation = 0.5): Generator<Block> {
  let wander = random.normal()
  for (;;) {
    wander = correlation * wander + Math.sqrt(1 - correlation ** 2) * random.normal()
    const level = Math.log(100e6) + 0.06 * wander + Math.log(effect.all ?? 1)
    const noisy = (sd: number) => Math.exp(level + sd * random.normal())
    yield {
      calls: Math.round((100 + 10 * random.normal()) * (effect.calls ?? 1)),
      errors: random.next() < 0.1 ? 1 + (effect.errors ?? 0) : (effect.errors ?? 0),
      p50_ns: noisy(0.05),
      p95_ns: 3 * noisy(0.15) * (effect.p95 ?? 1),
      mean_ns: 1.2 * noisy(0.06),
      db_ns: 0.6 * noisy(0.08),
    }
  }
}

function take(blocks: Generator<Block>, count: number): readonly Block[] {
  return Array.from({ length: count }, () => {
    const { value } = blocks.next()
    return value
  })
}

function window(blocks: readonly Block[]): MeasuredOperation['before'] {
  const mean = (of: (block: Block) => number) =>
    blocks.reduce((sum, block) => sum + of(block), 0) / Math.max(1, blocks.length)
  return {
    blocks,
    seconds: (blocks.length * settings.blockMs) / 1_000,
    activeSeconds: (blocks.length * settings.blockMs) / 1_000,
    isAllThereIs: false,
    whole: {
      calls: mean(block => block.calls) * blocks.length,
      errors: mean(block => block.errors) * blocks.length,
      p50_ns: mean(block => block.p50_ns),
      p95_ns: mean(block => block.p95_ns),
      mean_ns: mean(block => block.mean_ns),
      db_ns: mean(block => block.db_ns),
    },
  }
}

const operation = {
  environment: 'test',
  service: 'store',
  operation: 'GET /page',
  kind: 'server',
} as const

function measured(before: readonly Block[], after: readonly Block[]): MeasuredOperation {
  return { operation, before: window(before), after: window(after) }
}

/** One verification from its first look to its verdict. */
function verify(seed: number, effect: Effect, correlation?: number, rules = settings): Verdict {
  const random = createPseudoRandom(seed)
  const lastMs = Math.max(...rules.looksMs)
  const levels = levelsOfLooks(
    rules.significance,
    rules.looksMs.map(lookMs => lookMs / lastMs),
  )
  const before = take(series(random, {}, correlation), lastMs / rules.blockMs)
  const after = take(series(random, effect, correlation), lastMs / rules.blockMs)
  for (const [at, lookMs] of rules.looksMs.entries()) {
    const isLast = at === rules.looksMs.length - 1
    const seen = after.slice(0, lookMs / rules.blockMs)
    const { verdict } = judgeEffect(
      [measured(before, seen)],
      { level: levels[at] ?? 0, isLast },
      rules,
    )
    if (verdict !== 'inconclusive' || isLast) return verdict
  }
  return 'inconclusive'
}

function share(
  runs: number,
  verdict: Verdict,
  effect: Effect,
  correlation?: number,
  rules = settings,
): number {
  let found = 0
  for (let seed = 0; seed < runs; seed += 1) {
    if (verify(seed * 7_919 + 13, effect, correlation, rules) === verdict) found += 1
  }
  return found / runs
}

describe('the verdict of a verification', () => {
  it('is a false alarm in at most 5 of 100 changes without effect, all looks and metrics taken together', () => {
    const runs = 1_000
    let alarms = 0
    for (let seed = 0; seed < runs; seed += 1) {
      if (verify(seed, {}) !== 'no_effect') alarms += 1
    }
    expect(alarms / runs).toBeLessThanOrEqual(0.05)
  }, 60_000)

  it('holds its level when blocks hardly or strongly depend on each other', () => {
    expect(1 - share(200, 'no_effect', {}, 0)).toBeLessThanOrEqual(0.05)
    expect(1 - share(200, 'no_effect', {}, 0.7)).toBeLessThanOrEqual(0.06)
  }, 60_000)

  it('finds nearly every gain of 30 %', () => {
    expect(share(100, 'improved', { all: 0.7 })).toBeGreaterThanOrEqual(0.99)
  }, 30_000)

  it('finds nearly every slowdown of 25 %', () => {
    expect(share(60, 'regressed', { all: 1.25 }, 0.5, byDefault)).toBeGreaterThanOrEqual(0.9)
    expect(share(100, 'regressed', { all: 1.4 })).toBeGreaterThanOrEqual(0.99)
  }, 60_000)

  it('does not take 15 % more at the tail for a regression', () => {
    expect(share(200, 'regressed', { p95: 1.15 })).toBeLessThanOrEqual(0.01)
    expect(share(100, 'improved', { all: 0.7, p95: 1.15 / 0.7 })).toBeGreaterThanOrEqual(0.95)
  }, 60_000)

  it('is regressed when failures rise, however fast they are', () => {
    expect(share(20, 'regressed', { all: 0.7, errors: 5 })).toBe(1)
  }, 30_000)

  it('lets those who wait for answers ask more when answers are faster', () => {
    const random = createPseudoRandom(1)
    const before = take(series(random), 60)
    const after = take(series(random, { all: 0.2, calls: 5 }), 60)
    const look = { level: 0.05, isLast: true }
    expect(judgeEffect([measured(before, after)], look, settings).verdict).toBe('improved')
  })

  it('claims no gain when there is much less traffic', () => {
    const random = createPseudoRandom(1)
    const before = take(series(random), 60)
    const after = take(series(random, { all: 0.5, calls: 0.2 }), 60)
    const judgement = judgeEffect(
      [measured(before, after)],
      { level: 0.05, isLast: true },
      settings,
    )
    expect(judgement.verdict).toBe('inconclusive')
    expect(judgement.reason).toContain('cannot be compared')
  })

  it('is not given on too little, and says how much there is', () => {
    const random = createPseudoRandom(1)
    const judgement = judgeEffect(
      [measured(take(series(random), 60), take(series(random), 2))],
      { level: 0.05, isLast: true },
      settings,
    )
    expect(judgement).toMatchObject({ verdict: 'inconclusive', looked: false })
    expect(judgement.reason).toMatch(/Too little traffic to tell yet: GET \/page was executed/)
    expect(judgement.reason).toContain('Needed are 5 blocks of 5 executions before and after.')
    expect(judgement.mayTellLater).toBe(true)
    expect(judgeEffect([], { level: 0.05, isLast: true }, settings).reason).toContain(
      'no operation is known',
    )
  })

  it('knows no upper end of an effect where there are few blocks', () => {
    const random = createPseudoRandom(5)
    const { comparisons, reason } = judgeEffect(
      [measured(take(series(random), 5), take(series(random, { all: 0.7 }), 5))],
      { level: 0.05, isLast: true },
      { ...settings, significance: 0.001 },
    )
    const ends = new Map(
      comparisons.map(({ metric, change_low, change_high }) => [metric, [change_low, change_high]]),
    )
    expect(ends.get('p50_ns')).toEqual([-1, null])
    expect(ends.get('error_ratio')).toEqual([-1, 1])
    expect(reason).toContain('(too few blocks to bound it at 99.9 % confidence)')
  })

  it('gives the size of the effect with an interval that has the truth in it', () => {
    const random = createPseudoRandom(5)
    const { comparisons, reason } = judgeEffect(
      [measured(take(series(random), 120), take(series(random, { all: 0.7 }), 120))],
      { level: 0.05, isLast: true },
      settings,
    )
    const median = comparisons.find(({ metric }) => metric === 'p50_ns')
    expect(median?.change).toBeCloseTo(-0.3, 1)
    expect(median?.change_low).toBeLessThan(-0.3)
    expect(median?.change_high).toBeGreaterThan(-0.3)
    expect(median?.before_blocks).toBe(120)
    expect(reason).toMatch(
      /of GET \/page changed by -\d+ % \(-\d+ % to -\d+ % at 95 % confidence\)/,
    )
    expect(comparisons.map(({ metric }) => metric)).toContain('throughput')
  })

  it('does not compare database time where there is none', () => {
    const random = createPseudoRandom(6)
    const withoutDb = (blocks: readonly Block[]) => blocks.map(block => ({ ...block, db_ns: 0 }))
    const { comparisons } = judgeEffect(
      [measured(withoutDb(take(series(random), 60)), withoutDb(take(series(random), 60)))],
      { level: 0.05, isLast: true },
      settings,
    )
    expect(comparisons.map(({ metric }) => metric)).not.toContain('db_ns')
  })
})
