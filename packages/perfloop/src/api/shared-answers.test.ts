import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineQuery } from '../store/telemetry/query.ts'
import type { TelemetryStore } from '../store/telemetry/telemetry-store.ts'
import { SharedAnswers, shareQueries } from './shared-answers.ts'

const counted = defineQuery({
  name: 'counted',
  sql: 'SELECT 1',
  params: z.object({ of: z.string(), since: z.bigint().optional() }),
  row: z.object({ n: z.number() }),
})

describe('shared answers', () => {
  it('ask once for what several ask at the same time', async () => {
    const { store, asked } = sharing()
    const [one, other] = await Promise.all([
      store.run(counted, { of: 'a' }),
      store.run(counted, { of: 'a' }),
    ])
    expect(asked()).toBe(1)
    expect(one).toEqual(other)
  })

  it('tell different parameters apart, big integers too', async () => {
    const { store, asked } = sharing()
    await store.run(counted, { of: 'a', since: 1n })
    await store.run(counted, { of: 'a', since: 2n })
    await store.run(counted, { of: 'b', since: 2n })
    expect(asked()).toBe(3)
  })

  it('are given again while fresh, renewed behind the reader when stale, and awaited when old', async () => {
    const { store, asked, wait } = sharing()
    const read = async () => (await store.run(counted, { of: 'a' }))[0]?.n
    expect(await read()).toBe(1)
    wait(999)
    expect(await read()).toBe(1)
    wait(1)
    expect(await read()).toBe(1)
    expect(asked()).toBe(2)
    await Promise.resolve()
    expect(await read()).toBe(2)
    wait(2_000)
    expect(await read()).toBe(3)
  })

  it('do not outlive a failure: the next reader is told', async () => {
    const { store, wait, fail } = sharing()
    await store.run(counted, { of: 'a' })
    wait(2_000)
    fail()
    await expect(store.run(counted, { of: 'a' })).rejects.toThrow('the store is away')
  })

  it('are bounded in number and size', async () => {
    const { store, asked } = sharing({ rowsEach: 2_000 })
    await store.run(counted, { of: 'large' })
    await store.run(counted, { of: 'large' })
    expect(asked()).toBe(2)

    const small = sharing()
    for (let n = 0; n < 100; n++) await small.store.run(counted, { of: String(n) })
    await small.store.run(counted, { of: '0' })
    expect(small.asked()).toBe(101)
  })

  it('are not kept at all where that is set', async () => {
    const { store, asked } = sharing({ answerFreshMs: 0, answerStaleMs: 0 })
    await store.run(counted, { of: 'a' })
    await store.run(counted, { of: 'a' })
    expect(asked()).toBe(2)
  })
})

function sharing({ answerFreshMs = 1_000, answerStaleMs = 2_000, rowsEach = 1 } = {}) {
  let nowMs = 0
  let asked = 0
  let isAway = false
  const behind: TelemetryStore = {
    async run(query) {
      asked += 1
      if (isAway) throw new Error('the store is away')
      const n = asked
      return Array.from({ length: rowsEach }, () => query.row.parse({ n })) as never
    },
  }
  return {
    store: shareQueries(behind, new SharedAnswers({ answerFreshMs, answerStaleMs }, () => nowMs)),
    asked: () => asked,
    wait: (ms: number) => {
      nowMs += ms
    },
    fail: () => {
      isAway = true
    },
  }
}
