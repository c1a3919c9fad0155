import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'
import { hasRedisServer, type RedisServer, startRedisServer } from './redis-server.ts'

const packages = fileURLToPath(new URL('./ecosystem/node_modules', import.meta.url))
const application = fileURLToPath(new URL('./ecosystem/redis.mjs', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'perfloop-redis-'))
/** Under its own name, by which it is known. */
const ioredis6 = join(scratch, 'node_modules/ioredis')

let redis: RedisServer

/** `.ci/run` installs it; elsewhere this is skipped, and `npm test` says so. */
const nothingSkipped = process.env.PERFLOOP_TEST_NOTHING_SKIPPED !== undefined

const CASES = NODES.flatMap(([version, node]) =>
  (version === '20' ? ['5', '6'] : ['5']).map(major => [version, major, node] as const),
)

describe.skipIf(!nothingSkipped && !hasRedisServer)('Redis', () => {
  beforeAll(async () => {
    cpSync(join(packages, 'ioredis6'), ioredis6, { recursive: true })
    redis = await startRedisServer()
  })
  afterAll(async () => {
    await redis?.[Symbol.asyncDispose]()
    rmSync(scratch, { recursive: true, force: true })
  })

  it.each(CASES)(
    'is seen on Node %s by redis, by redis 4 and by ioredis %s, each command under its request, without values',
    async (_, major, node) => {
      await using receiver = await startOtlpReceiver()
      await using app = await startWithAgent('redis.mjs', receiver.endpoint, {
        node,
        env: {
          // Spans of blocks would count as commands where the machine is busy.
          PERFLOOP_BLOCK_LIMIT_MS: '0',
          REDIS_PORT: String(redis.port),
          // Nothing is left out, however little else there is to do.
          PERFLOOP_COST_BUDGET_PERCENT: '100',
          ...(major === '6'
            ? { IOREDIS: join(ioredis6, 'built/index.js'), NODE_PATH: packages }
            : {}),
        },
      })
      const { spans } = receiver
      const commandsOf = async (path: string) => {
        const before = spans.length
        const answer = JSON.parse(await app.get(path)) as unknown
        const own = await eventually(`the spans of ${path}`, async () => {
          const since = spans.slice(before)
          return since.some(isRoot) ? since : undefined
        })
        const commands = own.filter(span => !isRoot(span))
        for (const { parentSpanId } of commands) expect(parentSpanId).toBe(own.find(isRoot)?.spanId)
        return { answer, commands }
      }

      for (const client of ['redis', 'redis4', 'ioredis'] as const) {
        const plain = await commandsOf(`/${client}`)
        expect(plain.answer).toEqual(
          client === 'ioredis'
            ? ['secret one', null, ['secret one', null]]
            : ['secret one', null, 1],
        )
        expect(plain.commands.map(textOf)).toEqual(
          client === 'ioredis'
            ? ['SET user:42 ?', 'GET user:42', 'GET user:43', 'MGET user:42 ?']
            : ['SET user:42 ?', 'HSET basket:7 ?', 'GET user:42', 'GET user:43', 'EXISTS user:42'],
        )
        expect(plain.commands[0]).toMatchObject({
          name: 'SET',
          kind: 3,
          attributes: {
            'db.system.name': 'redis',
            'db.namespace': { redis: '0', ioredis: '1', redis4: '2' }[client],
            'db.operation.name': 'SET',
            'server.address': '127.0.0.1',
            'server.port': redis.port,
            'code.file.path': application,
            'code.line.number': expect.any(Number),
          },
        })

        const batches = await commandsOf(`/${client}-batches`)
        expect(batches.commands.map(batchOf).sort()).toEqual([
          client === 'ioredis'
            ? ['MULTI', 3, 'SET c ?\nINCR d\nDEL d']
            : ['MULTI', 2, 'SET a ?\nGET a'],
          ['PIPELINE GET', 2, 'GET a\nGET b'],
        ])

        const wrong = await commandsOf(`/${client}-wrong`)
        expect(wrong.answer).toContain('WRONGTYPE')
        expect(wrong.commands[1]).toMatchObject({
          status: 2,
          attributes: { 'db.response.status_code': 'WRONGTYPE', 'db.query.text': 'LPUSH text ?' },
        })
      }
      expect(spans.map(({ attributes }) => JSON.stringify(attributes)).join()).not.toContain(
        'secret',
      )

      const before = { spans: spans.length, calls: redis.calls() }
      const clients = ['redis', 'redis4', 'ioredis']
      const paths = ['/redis-pool', ...clients.flatMap(name => [`/${name}`, `/${name}-batches`])]
      const commandsEach = [3, 5, 2, 5, 2, 4, 2]
      let next = 0
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          while (next < 500) await app.get(paths[next++ % paths.length] ?? '')
        }),
      )
      const own = await eventually('all requests', async () => {
        const since = spans.slice(before.spans)
        return since.filter(isRoot).length >= 500 ? since : undefined
      })
      for (const root of own.filter(isRoot)) {
        const children = own.filter(({ parentSpanId }) => parentSpanId === root.spanId)
        expect(children.length).toBe(
          commandsEach[paths.indexOf(String(root.attributes['url.path']))],
        )
      }
      const after = redis.calls()
      const calls = Object.entries(after).reduce(
        // These are around what is counted: `multi` and `exec` of a batch, and our own question.
        (sum, [name, count]) =>
          /^(?:multi|exec|info)$/.test(name) ? sum : sum + count - (before.calls[name] ?? 0),
        0,
      )
      const seen = own
        .filter(span => !isRoot(span))
        .reduce(
          (sum, { attributes }) => sum + Number(attributes['db.operation.batch.size'] ?? 1),
          0,
        )
      expect(seen).toBe(calls)
      expect(app.standardError()).toBe('')
    },
  )
})

const isRoot = ({ scope }: ReceivedSpan) => scope === '@perfloop/agent/http'
const textOf = ({ attributes }: ReceivedSpan) => attributes['db.query.text']
const batchOf = ({ attributes }: ReceivedSpan) => [
  attributes['db.operation.name'],
  attributes['db.operation.batch.size'],
  attributes['db.query.text'],
]
