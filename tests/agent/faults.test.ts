import { Agent, get } from 'node:http'
import { describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

const SERVER = 2
const THROWN = ['null', 'undefined', 'symbol', 'number', 'frozen', 'circular', 'hostile', 'long']
const PATHS = [
  '/getters',
  '/base',
  ...THROWN.flatMap(what => [`/throws/${what}`, `/rejects/${what}`]),
  '/odd-path',
  '/hostile-path',
  '/own-end',
  '/own-methods',
  '/twice',
  '/destroyed',
  '/asking-error',
  '/circular-ejs',
  '/circular-handlebars',
  '/no-view',
  '/no-template',
  '/hostile-locals',
  '/nowhere',
]

async function answer(url: string): Promise<string> {
  try {
    const response = await fetch(url)
    return `${response.status} ${(await response.text()).slice(0, 300)}`
  } catch (error) {
    return String((error as Error).cause ?? error)
  }
}

async function answers(url: string): Promise<string[]> {
  const all: string[] = []
  for (const path of PATHS) all.push(`${path}: ${await answer(url + path)}`)
  return all
}

describe('an application that does what no one should', () => {
  it.each(NODES)(
    'answers the same with the agent as without it, on Node %s',
    async (_version, node) => {
      await using receiver = await startOtlpReceiver()
      await using bare = await startWithAgent('faults.mjs', receiver.endpoint, { node, bare: true })
      await using app = await startWithAgent('faults.mjs', receiver.endpoint, { node })
      expect(await answers(app.url)).toEqual(await answers(bare.url))
      // It is still measured.
      await app.get('/port')
      const { spans } = receiver
      await eventually(
        'a span',
        async () => spans.some(({ name }) => name === 'GET /port') || undefined,
      )
      // An error that asks the database while it is described: a row of its own, and neither has of the other's.
      const failed = await eventually('the template', async () =>
        spans.find(
          ({ events }) => events[0]?.attributes['exception.message'] === 'the answer is 42',
        ),
      )
      expect(Object.keys(failed.attributes)).toEqual(['template.name'])
      const asked = spans.find(
        ({ attributes }) => attributes['db.query.text'] === 'SELECT 42 AS answer',
      )
      expect(asked?.attributes).toMatchObject({
        'db.system.name': 'sqlite',
        'db.response.returned_rows': 1,
      })
      const thrown = spans.filter(({ name }) => name === 'GET /throws/:what')
      expect(thrown.filter(({ status }) => status === 2).length).toBe(THROWN.length - 3)
    },
  )

  it('has ten thousand routes, each of which is declared and seen', async () => {
    await using receiver = await startOtlpReceiver()
    const routes = 10_000
    await using app = await startWithAgent('faults.mjs', receiver.endpoint, {
      env: { FAULTY_ROUTES: String(routes) },
    })
    const port = Number(await app.get('/port'))
    const agent = new Agent({ keepAlive: true, maxSockets: 20 })
    const call = (path: string) =>
      new Promise<string>((resolve, reject) => {
        let body = ''
        get({ host: '127.0.0.1', port, path, agent }, response => {
          response.on('data', chunk => {
            body += chunk
          })
          response.on('end', () => resolve(body))
        }).on('error', reject)
      })
    let next = 0
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        while (next < routes) {
          const n = next++
          expect(await call(`/many/${n}/x`)).toBe(String(n))
        }
      }),
    )
    // With those of Express.
    expect(Number(await call('/declared'))).toBeGreaterThan(routes)
    agent.destroy()
    const { spans } = receiver
    const names = await eventually('all spans', async () => {
      const seen = new Set(spans.filter(({ kind }) => kind === SERVER).map(({ name }) => name))
      return seen.size > routes ? seen : undefined
    })
    expect(names).toContain('GET /many/9999/:thing')
    expect(app.standardError()).toBe('')
  })

  it.each([
    ['exits while a server that hangs is told', '/exit-at-once', 3],
    ['fails outside of every request', '/throw-outside', 1],
  ])('%s, as it would without the agent', async (_what, path, code) => {
    await using receiver = await startOtlpReceiver()
    receiver.state.isSilent = true
    await using app = await startWithAgent('faults.mjs', receiver.endpoint)
    await Promise.all(Array.from({ length: 200 }, () => app.get('/base')))
    const began = Date.now()
    await answer(app.url + path)
    expect(await app.exited).toBe(code)
    expect(Date.now() - began).toBeLessThan(3_000)
  })
})
