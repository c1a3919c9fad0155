import { describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

const SERVER = 2

describe.each(NODES)('the Node agent on Node %s', (_version, node) => {
  it('goes by real time where tests have stopped the clocks, and adds no timer to theirs', async () => {
    await using receiver = await startOtlpReceiver()
    const beganMs = Date.now()
    await using app = await startWithAgent('stopped-clocks.mjs', receiver.endpoint, { node })
    expect(await app.get('/')).toBe('[]')
    const span = await eventually('the request', async () =>
      receiver.spans.find(({ kind }) => kind === SERVER),
    )
    expect(span.endUnixNs).toBeGreaterThan(span.startUnixNs)
    expect(Number(span.startUnixNs / 1_000_000n)).toBeGreaterThanOrEqual(beganMs - 1)
    // The metrics come by an interval of their own, and say when.
    const point = await eventually('the metrics', async () => receiver.metrics.at(-1))
    expect(Number(point.timeUnixNs / 1_000_000n)).toBeGreaterThanOrEqual(beganMs - 1)
    expect(await app.get('/')).toBe('[]')
    expect(app.standardError()).toBe('')
  })

  it('measures where nothing built in may be changed, and no text may become code', async () => {
    await using receiver = await startOtlpReceiver()
    const flags = ['--frozen-intrinsics', '--disallow-code-generation-from-strings']
    await using app = await startWithAgent('threads.mjs', receiver.endpoint, { node, flags })
    expect(await app.get('/once')).toBe('outer')
    await eventually('the request', async () => receiver.spans.find(({ kind }) => kind === SERVER))
    expect(app.standardError()).not.toContain('perfloop')
  })
})

it('leaves an application as it is that may have no thread, and says in a line what it lacks', async () => {
  await using receiver = await startOtlpReceiver()
  const [, node] = NODES.find(([version]) => version === '24') ?? []
  if (node === undefined) throw new Error('there is no Node 24')
  const flags = ['--permission', '--allow-fs-read=*']
  await using app = await startWithAgent('stopped-clocks.mjs', receiver.endpoint, { node, flags })
  const told = /^perfloop agent: the exporting thread cannot be used: .*--allow-worker.*$/m
  await eventually('what it lacks', async () => {
    expect(await app.get('/')).toBe('[]')
    return told.test(app.standardError()) || undefined
  })
  expect(app.standardError()).not.toMatch(/^\s+at /m)
})

it('loads no driver that takes long, where the application has it and does not use it', async () => {
  await using receiver = await startOtlpReceiver()
  await using app = await startWithAgent('unused.mjs', receiver.endpoint)
  expect(JSON.parse(await app.get('/'))).not.toContain('mariadb')
})
