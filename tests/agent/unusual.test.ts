import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { type AgentProcess, startWithAgent } from './agent-process.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

const SERVER = 2
const CLIENT = 3

describe('an application that does what few do', () => {
  let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>
  let app: AgentProcess
  let bare: AgentProcess

  beforeAll(async () => {
    receiver = await startOtlpReceiver()
    const env = { PERFLOOP_SERVER_TIMING: 'on' }
    const flags = ['--expose-gc']
    app = await startWithAgent('unusual.mjs', receiver.endpoint, { env, flags })
    bare = await startWithAgent('unusual.mjs', receiver.endpoint, { bare: true, flags })
  })
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]()
    await bare?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  it('gets what it gets without the agent', async () => {
    const own = JSON.parse(await app.get('/'))
    const { values: _, ...without } = JSON.parse(await bare.get('/'))
    // Without anybody behind the API no context is kept at all.
    expect(own).toEqual({ ...without, values: 'kept' })
    expect(without).toMatchObject({ hono: 1, cron: 1, seen: 0 })
    expect(app.standardError()).toBe('')
  })

  it('may give its headers as a list of pairs where Server-Timing is added', async () => {
    const response = await fetch(`${app.url}/pairs`)
    expect(response.headers.get('content-type')).toBe('text/odd')
    expect(await response.text()).toBe('pairs')
  })

  it('may call with the same options again and again, each time for another request', async () => {
    for (const path of ['/same1', '/same2', '/same3']) await app.get(path)
    const { spans } = receiver
    for (const path of ['/same1', '/same2', '/same3']) {
      const call = await eventually(`the call of ${path}`, async () => {
        const request = spans.find(
          ({ kind, attributes }) => kind === SERVER && attributes['url.path'] === path,
        )
        return spans.find(
          ({ kind, parentSpanId }) => kind === CLIENT && parentSpanId === request?.spanId,
        )
      })
      expect(call.attributes['url.full']).toContain('/slow')
    }
  })

  it('may begin spans within spans without end: those that are over are not held', async () => {
    expect(Number(await app.get('/chain'))).toBeLessThan(10)
  })
  it('may put a context into a context without end', async () => {
    expect(await app.get('/deep')).toBe('20000')
  })
})
