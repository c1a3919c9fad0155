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
})

it('loads no driver that takes long, where the application has it and does not use it', async () => {
  await using receiver = await startOtlpReceiver()
  await using app = await startWithAgent('unused.mjs', receiver.endpoint)
  expect(JSON.parse(await app.get('/'))).not.toContain('mariadb')
})
