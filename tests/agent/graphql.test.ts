import { expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { startWithAgent } from './agent-process.ts'
import { startOtlpReceiver } from './otlp-receiver.ts'

const SERVER = 2

it('tells which operation of GraphQL a request executed, and what its resolvers threw', async () => {
  await using receiver = await startOtlpReceiver()
  await using app = await startWithAgent('graphql.mjs', receiver.endpoint, {
    // A busy machine adds spans of blocks.
    env: { PERFLOOP_BLOCK_LIMIT_MS: '0' },
  })
  const asked = [
    '/?query=query Basket { stall }',
    '/?query=query A { stall } query B { stall }&operationName=B',
    '/?query={ stall }',
    '/?query=query Broken { nothing }',
    '/?query=query Fails { fails }',
    '/?query=query Refuses { refuses }',
    '/?query=query Declines { declines }',
    '/?query=query Forbids { forbids }',
    '/?query=query Breaks { breaks }',
    '/other?query=subscription News { stall }',
  ]
  for (const path of asked) await app.get(encodeURI(path))
  const spans = await eventually('the spans', async () => {
    const servers = receiver.spans.filter(({ kind }) => kind === SERVER)
    return servers.length >= asked.length ? servers : undefined
  })
  const told = spans.map(({ name, attributes, events }) => [
    name,
    attributes['graphql.operation.type'],
    attributes['graphql.operation.name'],
    events[0]?.attributes['exception.message'],
  ])
  expect(told).toEqual([
    ['GET', 'query', 'Basket', undefined],
    ['GET', 'query', 'B', undefined],
    ['GET', 'query', undefined, undefined],
    ['GET', undefined, undefined, undefined],
    ['GET', 'query', 'Fails', 'by a resolver'],
    ['GET', 'query', 'Refuses', undefined],
    ['GET', 'query', 'Declines', undefined],
    ['GET', 'query', 'Forbids', undefined],
    ['GET', 'query', 'Breaks', 'out of order'],
    ['GET', 'subscription', 'News', undefined],
  ])
  expect(app.standardError()).not.toContain('perfloop')
})
