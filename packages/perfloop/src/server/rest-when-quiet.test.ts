import { describe, expect, it } from 'vitest'
import { RestWhenQuiet } from './rest-when-quiet.ts'

function scene() {
  let nowUnixMs = 1_000_000
  let runs = 0
  const rest = new RestWhenQuiet({ nowUnixMs: () => nowUnixMs })
  const work = rest.guard(async () => {
    runs++
  })
  return {
    rest,
    async after(ms: number) {
      nowUnixMs += ms
      await work()
      return runs
    },
  }
}

describe('stages that live on telemetry', () => {
  it('run until what came last has settled, then rest', async () => {
    const { after } = scene()
    expect(await after(0)).toBe(1)
    expect(await after(30_000)).toBe(2)
    expect(await after(31_000)).toBe(3)
    expect(await after(15_000)).toBe(3)
    expect(await after(3_600_000)).toBe(3)
  })

  it('run again when there is news', async () => {
    const { rest, after } = scene()
    await after(0)
    await after(61_000)
    expect(await after(15_000)).toBe(2)
    rest.news()
    expect(await after(15_000)).toBe(3)
  })

  it('count a run that failed as not made', async () => {
    let isBroken = true
    let runs = 0
    const rest = new RestWhenQuiet({ nowUnixMs: () => 1_000_000 + runs * 61_000 })
    const work = rest.guard(async () => {
      runs++
      if (isBroken) throw new Error('the store is away')
    })
    await expect(work()).rejects.toThrow('the store is away')
    await expect(work()).rejects.toThrow('the store is away')
    isBroken = false
    await work()
    await work()
    expect(runs).toBe(3)
  })
})

describe('what is done once in a quiet time', () => {
  it('waits until all is settled, repeats until it was done, and comes again after the next news', async () => {
    let nowUnixMs = 1_000_000
    let isTime = false
    let runs = 0
    const rest = new RestWhenQuiet({ nowUnixMs: () => nowUnixMs })
    const work = rest.oncePerQuiet(async () => {
      runs++
      return isTime
    })
    const after = async (ms: number) => {
      nowUnixMs += ms
      await work()
      return runs
    }
    expect(await after(140_000)).toBe(0)
    expect(await after(30_000)).toBe(1)
    isTime = true
    expect(await after(1_000)).toBe(2)
    expect(await after(3_600_000)).toBe(2)
    rest.news()
    expect(await after(1_000)).toBe(2)
    expect(await after(160_000)).toBe(3)
  })
})
