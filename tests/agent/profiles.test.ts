import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type {
  FlameFrame,
  Profile,
  ProfileDetail,
} from '../../packages/perfloop/src/api/contract/agents.ts'
import { eventually, type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'
import { type AgentProcess, NODES, startWithAgent } from './agent-process.ts'

let perfloop: PerfloopProcess

beforeAll(async () => {
  perfloop = await startPerfloop()
})

afterAll(async () => {
  await perfloop?.[Symbol.asyncDispose]()
})

describe('profiles', () => {
  it.each(NODES)(
    'are taken when asked for, and always, each stack under its operation, on Node %s',
    async (version, node) => {
      const service = `profiled-${version}`
      await using app = await startWithAgent('profiled.mjs', perfloop.otlpHttpUrl, {
        node,
        env: { OTEL_SERVICE_NAME: service, PERFLOOP_PROFILE_PART_MS: '6000' },
      })
      const agent = await eventually('the agent', async () => {
        const { data } = await perfloop.get('/config/agents')
        return (data as { id: string; service: string }[]).find(one => one.service === service)?.id
      })
      using _load = keepBusy(app)
      const detailOf = async (id: string) =>
        (await perfloop.get(`/measure/profiles/${id}`)).data as ProfileDetail
      const ask = async (kind: string) => {
        const sent = { agent, kind, duration_ms: 1_500 }
        const { body } = await perfloop.send('POST', '/measure/profiles', sent)
        const { id } = (body as { data: Profile }).data
        return eventually(`a profile of ${kind}`, async () => {
          const detail = await detailOf(id)
          if (detail.status === 'failed') throw new Error(String(detail.failure))
          return detail.graph === null ? undefined : detail
        })
      }

      const cpu = await ask('cpu')
      expect(cpu.graph).toMatchObject({ type: 'cpu', unit: 'nanoseconds' })
      const hot = cpu.graph?.functions.slice(0, 4).map(({ name }) => name) ?? []
      expect(hot).toContain('searchInVain')
      // V8 may have put the one into the other.
      expect(hot.some(name => name === 'mixColours' || name === 'paint')).toBe(true)
      const hottest = cpu.graph?.functions.find(({ name }) => name === 'searchInVain')
      expect(hottest?.file).toMatch(/ecosystem\/profiled\.mjs$/)
      // Of one and a half seconds, the two of them had most.
      expect(cpu.graph?.root.total).toBeGreaterThan(0.3e9)
      expect(cpu.graph?.root.total).toBeLessThan(4e9)

      const heap = await ask('heap')
      expect(heap.graph).toMatchObject({ type: 'inuse_space', unit: 'bytes' })
      expect(namesOf(heap.graph?.root)).toContain('keepLetters')

      const always = await eventually('the continuous profile', async () => {
        const { data } = await perfloop.get(`/measure/profiles?service=${service}&kind=cpu`)
        const part = (data as Profile[]).find(({ origin }) => origin === 'continuous')
        return part === undefined ? undefined : detailOf(part.id)
      })
      const under = (operation: string) =>
        namesOf(always.graph?.root.children.find(({ name }) => name === operation))
      expect(under('GET /search/:what')).toContain('searchInVain')
      expect(under('GET /search/:what')).not.toContain('mixColours')
      // Also after what it waited for.
      expect(
        under('GET /paintings/:id').some(name => name === 'mixColours' || name === 'paint'),
      ).toBe(true)
      expect(under('GET /paintings/:id')).not.toContain('searchInVain')
      expect(app.standardError()).toBe('')
    },
  )
})

function namesOf(frame: FlameFrame | undefined): string[] {
  if (frame === undefined) return []
  return [frame.name, ...frame.children.flatMap(namesOf)]
}

/** Two callers, one request after the other, until it is disposed of. */
function keepBusy(app: AgentProcess): Disposable {
  let isOver = false
  const call = async (...paths: string[]) => {
    for (let n = 0; !isOver; n++) await app.get(paths[n % paths.length] ?? '').catch(() => {})
  }
  void call('/search/gold', '/letters')
  void call('/paintings/7')
  return {
    [Symbol.dispose]() {
      isOver = true
    },
  }
}
