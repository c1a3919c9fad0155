import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-preload-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** The agent where no package manager would put it. */
const agent = fileURLToPath(new URL('../../packages/agent/dist', import.meta.url))
function agentIn(folder: string): string {
  const path = join(scratch, folder)
  mkdirSync(path)
  writeFileSync(join(path, 'package.json'), '{ "type": "module" }')
  cpSync(agent, join(path, 'dist'), { recursive: true })
  return join(path, 'dist/index.js')
}
const odd = agentIn('a folder, öd')
/** Node takes this one as an address only. */
const percent = agentIn('100 %')

/** Without what a busy machine may make of it, such as a blocked event loop. */
const traffic = (spans: readonly ReceivedSpan[]) =>
  spans.filter(({ scope }) => /\/(?:http|undici)$/.test(scope))

interface Start {
  readonly name: string
  readonly flags?: readonly string[]
  readonly env?: Record<string, string>
}

const STARTS: readonly Start[] = [
  { name: '--import and a name', flags: ['--import', '@perfloop/agent'] },
  { name: '--import= and a name', flags: ['--import=@perfloop/agent'] },
  { name: '--require', flags: ['--require', '@perfloop/agent'] },
  { name: 'NODE_OPTIONS', env: { NODE_OPTIONS: '--import @perfloop/agent' } },
  { name: 'an address', flags: ['--import', pathToFileURL(percent).href] },
  { name: 'a path', flags: ['--import', odd] },
  { name: 'a path in NODE_OPTIONS', env: { NODE_OPTIONS: `--import "${odd}"` } },
]

describe('the Node agent, preloaded', () => {
  it.each(STARTS)('starts by $name', async ({ flags = [], env = {} }) => {
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('threads.mjs', receiver.endpoint, {
      bare: true,
      flags,
      env,
    })
    expect(await app.get('/once')).toBe('outer')
    await eventually('a span', async () => traffic(receiver.spans).length > 0 || undefined)
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(traffic(receiver.spans).length).toBe(1)
    expect(app.standardError()).toBe('')
  })

  it.each(NODES)(
    'measures threads and processes that inherit it, once each, and lets them end, on Node %s',
    async (_version, node) => {
      await using receiver = await startOtlpReceiver()
      await using app = await startWithAgent('threads.mjs', receiver.endpoint, { node })
      expect(await app.get('/thread')).toBe('inner')
      expect(await app.get('/process')).toBe('inner')
      const { spans } = receiver
      await eventually('the spans', async () => traffic(spans).length >= 6 || undefined)
      await new Promise(resolve => setTimeout(resolve, 200))
      const told = traffic(spans).map(
        ({ scope, attributes }) => `${scope} ${attributes['url.path'] ?? ''}`,
      )
      expect(told.toSorted()).toEqual([
        '@perfloop/agent/http /inner',
        '@perfloop/agent/http /inner',
        '@perfloop/agent/http /process',
        '@perfloop/agent/http /thread',
        '@perfloop/agent/undici ',
        '@perfloop/agent/undici ',
      ])
      for (const inner of spans.filter(({ attributes }) => attributes['url.path'] === '/inner')) {
        expect(spans.some(({ spanId }) => spanId === inner.parentSpanId)).toBe(true)
      }
      expect(await app.get('/end')).toBe('0,0')
      expect(app.standardError()).toBe('')
    },
  )

  it('leaves a process alone that is told to measure nothing', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await startWithAgent('threads.mjs', receiver.endpoint, {
      env: { OTEL_SDK_DISABLED: 'true' },
    })
    expect(await app.get('/once')).toBe('outer')
    await new Promise(resolve => setTimeout(resolve, 300))
    expect(receiver.state.requests).toBe(0)
  })
})
