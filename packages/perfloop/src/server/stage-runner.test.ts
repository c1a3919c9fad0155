import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { silentLogger } from '../domain/logger.ts'
import { defaultSettings } from '../settings/settings.ts'
import { allEnded, Closers } from './closers.ts'
import { startLane } from './lane.ts'
import { act, type LoopParts, observe, STAGES } from './loop.ts'
import { StageRunner } from './stage-runner.ts'
import { untilStopped } from './until-stopped.ts'

function runnerAt(clock: { now: number }): StageRunner {
  return new StageRunner({ nowUnixMs: () => clock.now }, silentLogger)
}

describe('a stage', () => {
  it('runs when it is due and not before', async () => {
    const clock = { now: 1_000 }
    const stages = runnerAt(clock)
    let runs = 0
    const run = () => stages.run('measure', 100, async () => runs++)
    expect(await run()).toBe(true)
    expect(await run()).toBe(false)
    clock.now += 100
    expect(await run()).toBe(true)
    expect(runs).toBe(2)
  })

  it('runs when the clock was set back', async () => {
    const clock = { now: 10_000_000 }
    const stages = runnerAt(clock)
    const run = () => stages.run('measure', 100, async () => {})
    await run()
    clock.now -= 3_600_000
    expect(await run()).toBe(true)
    expect(await run()).toBe(false)
    clock.now += 100
    expect(await run()).toBe(true)
  })

  it('keeps its failure to itself, says so, and is well again after it went well', async () => {
    const clock = { now: 0 }
    const stages = runnerAt(clock)
    await stages.run('analyze', 1, async () => {
      throw new Error('broken')
    })
    expect(stages.statuses()).toMatchObject([
      { name: 'analyze', runs: 1, faults: 1, faultsInRow: 1, lastFault: 'broken' },
    ])
    clock.now = 5
    await stages.run('analyze', 1, async () => {})
    expect(stages.statuses()).toMatchObject([
      { runs: 2, faults: 1, faultsInRow: 0, lastFault: undefined, lastRunUnixMs: 5 },
    ])
  })

  it('has not failed where everything stops while it is under way', async () => {
    const stages = runnerAt({ now: 0 })
    await stages.run('collect', 1, async () => AbortSignal.abort().throwIfAborted())
    expect(stages.statuses()).toMatchObject([{ name: 'collect', runs: 1, faults: 0 }])
  })

  it('that has to go well once is repeated until it did', async () => {
    const clock = { now: 0 }
    const stages = runnerAt(clock)
    const outcomes: string[] = []
    const recover = async () => {
      outcomes.push('tried')
      if (outcomes.length < 2) throw new Error('not yet')
    }
    for (; clock.now < 5; clock.now++) await stages.runUntilDone('recover', 1, recover)
    expect(outcomes).toHaveLength(2)
  })
})

describe('the loop', () => {
  it('has the stages that the page of the life of a span has', () => {
    const page = readFileSync(
      new URL('../../../../docs/life-of-a-span.md', import.meta.url),
      'utf8',
    )
    expect([...page.matchAll(/^## (\w+)$/gm)].map(match => match[1])).toEqual([...STAGES])
  })

  it('observes and acts in the order of the sentence, and one failure stops nothing', async () => {
    const order: string[] = []
    const step =
      (name: string, fails = false) =>
      async () => {
        order.push(name)
        if (fails) throw new Error(name)
      }
    const parts: LoopParts = {
      store: {
        measure: step('measure'),
        sample: step('sample'),
        retain: step('retain'),
        limitDisk: step('limit-disk'),
      },
      analysis: { analyzeAndTrack: step('analyze', true) },
      agents: { tend: step('agents') },
      optimizer: {
        recover: step('recover'),
        collect: step('collect', true),
        recommend: step('recommend'),
        applyAndVerify: step('apply'),
      },
    }
    const stages = runnerAt({ now: 1 })
    await observe(stages, parts, defaultSettings())
    await act(stages, parts, defaultSettings())
    expect(order).toEqual([
      'measure',
      'analyze',
      'sample',
      'retain',
      'limit-disk',
      'agents',
      'recover',
      'collect',
      'recommend',
      'apply',
    ])
  })
})

describe('a lane', () => {
  it('never runs twice at once and ends with the pass under way', async () => {
    let running = 0
    let most = 0
    let passes = 0
    const lane = startLane(1, async () => {
      most = Math.max(most, ++running)
      await new Promise(resolve => setTimeout(resolve, 5))
      running--
      passes++
    })
    await new Promise(resolve => setTimeout(resolve, 60))
    await lane.stop()
    const after = passes
    expect(running).toBe(0)
    expect(most).toBe(1)
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(passes).toBe(after)
  })
})

describe('what was opened', () => {
  it('is closed in the opposite order, whatever fails', async () => {
    const closed: string[] = []
    const closers = new Closers(silentLogger)
    closers.add('first', () => closed.push('first'))
    closers.add('second', () => {
      throw new Error('stuck')
    })
    const failed = closers.own('never there', Promise.reject(new Error('no')), () => {
      closed.push('never there')
    })
    const opened = closers.own('late', Promise.resolve('late'), part => closed.push(part))
    await expect(allEnded([failed, opened])).rejects.toThrow('no')
    await closers.closeAll()
    expect(closed).toEqual(['late', 'first'])
  })
})

describe('stopping', () => {
  const signals = () => {
    const listeners: ((signal: NodeJS.Signals) => void)[] = []
    return {
      on: (_name: string, listener: (signal: NodeJS.Signals) => void) => listeners.push(listener),
      off: () => {},
      send: (signal: NodeJS.Signals) => listeners[0]?.(signal),
    }
  }

  it('waits until everything is closed', async () => {
    const source = signals()
    let closed = false
    const stopped = untilStopped(
      {
        close: async () => {
          closed = true
        },
      },
      { shutdownMs: 1_000, logger: silentLogger, signals: source as never },
    )
    source.send('SIGTERM')
    await stopped
    expect(closed).toBe(true)
  })

  it('is at once on a second signal, or when closing takes too long', async () => {
    for (const second of [true, false]) {
      const source = signals()
      const exits: number[] = []
      void untilStopped(
        { close: () => new Promise(() => {}) },
        {
          shutdownMs: 10,
          logger: silentLogger,
          signals: source as never,
          exit: code => exits.push(code),
        },
      )
      source.send('SIGINT')
      if (second) source.send('SIGINT')
      else await new Promise(resolve => setTimeout(resolve, 30))
      expect(exits[0]).toBe(1)
    }
  })
})
