import { describe, expect, it } from 'vitest'
import { createPseudoRandom } from '../statistics/pseudo-random.ts'
import { judgeMemory } from './lab-leak.ts'

const MB = 1_000_000
const START_MS = Date.UTC(2026, 2, 1)

/** A point a minute, with noise of two per cent. */
function replay(seed: number, hours: number, mb: (hour: number) => number): string {
  const random = createPseudoRandom(seed)
  const noise = () => 1 + (random.next() + random.next() + random.next() - 1.5) * 0.04
  const lines = Array.from({ length: hours * 60 }, (_, minute) => {
    const at = new Date(START_MS + minute * 60_000).toISOString()
    return `${at},${Math.round(mb(minute / 60) * MB * noise())}`
  })
  return ['timestamp,shop', ...lines].join('\n')
}

const flat = () => 200
const halfAPercentAnHour = (hour: number) => 200 * (1 + 0.005 * hour)

describe('perfloop lab leak', () => {
  it('says of a day whether memory was stable, and of less that it cannot tell', () => {
    const verdicts = (hours: number, mb: (hour: number) => number) =>
      Array.from({ length: 20 }, (_, seed) => judgeMemory(replay(seed, hours, mb))[0]?.stability)
    expect(new Set(verdicts(24, flat))).toEqual(new Set(['stable']))
    expect(new Set(verdicts(24, halfAPercentAnHour))).toEqual(new Set(['not_stable']))
    expect(new Set(verdicts(23, flat))).toEqual(new Set(['not_enough_data']))
    expect(new Set(verdicts(2, halfAPercentAnHour))).toEqual(new Set(['not_enough_data']))
  })

  it('has a day with a hole in it for less than a day', () => {
    const lines = replay(1, 24, flat).split('\n')
    const holed = [...lines.slice(0, 400), ...lines.slice(800)].join('\n')
    expect(judgeMemory(holed)[0]?.stability).toBe('not_enough_data')
  })

  it('finds a leak by its rate and tells when the limit is reached', () => {
    const [found] = judgeMemory(
      replay(3, 3, hour => 100 + 60 * hour),
      1_000 * MB,
    )
    expect(found).toMatchObject({ name: 'shop', leak: true, stability: 'not_enough_data' })
    expect(Number(found?.growth_bytes_per_hour) / (60 * MB)).toBeCloseTo(1, 1)
    expect(Number(found?.full_in_seconds) / 3_600 / 12).toBeCloseTo(1, 1)
    const [full] = judgeMemory(
      replay(3, 3, hour => 100 + 60 * hour),
      200 * MB,
    )
    expect(full?.full_in_seconds).toBe(0)
    expect(judgeMemory(replay(3, 3, flat))[0]).toMatchObject({ leak: false, full_in_seconds: null })
  })

  it('reads a column for each process, timestamps of any kind, and no head', () => {
    const found = judgeMemory('1772323200,1000000,2000000\n1772323260,1000000,')
    expect(found).toMatchObject([
      { name: 'value 1', points: 2 },
      { name: 'value 2', points: 1 },
    ])
  })

  it.each(['', 'timestamp,bytes', 'never,1\nnor this,2', '1772323200,much'])(
    'refuses %j, which is no series',
    csv => {
      expect(() => judgeMemory(csv)).toThrow(expect.objectContaining({ code: 'INPUT_UNREADABLE' }))
    },
  )
})
