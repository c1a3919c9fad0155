import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually, startPerfloop } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'
import { hasRedisServer, type RedisServer, startRedisServer } from './redis-server.ts'

const nothingSkipped = process.env.PERFLOOP_TEST_NOTHING_SKIPPED !== undefined
const canRun = nothingSkipped || hasRedisServer
if (!canRun) console.warn('redis-server is not installed: jobs are not tested.')

const INTERNAL = 1
const CONSUMER = 5
const scratch = mkdtempSync(join(tmpdir(), 'perfloop-jobs-'))
const packages = fileURLToPath(new URL('./ecosystem/node_modules', import.meta.url))
/** Under its own name, by which it is known. */
const otherBullMq = join(scratch, 'node_modules/bullmq')
let postgres: EmbeddedPostgres
let redis: RedisServer

describe.skipIf(!canRun)('jobs', () => {
  beforeAll(async () => {
    cpSync(join(packages, 'bullmq'), otherBullMq, { recursive: true })
    postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
    redis = await startRedisServer()
  })

  afterAll(async () => {
    await redis?.[Symbol.asyncDispose]()
    await postgres?.stop()
    rmSync(scratch, { recursive: true, force: true })
  })

  const start = (endpoint: string, node: string) =>
    startWithAgent('jobs.mjs', endpoint, {
      node,
      env: {
        JOBS_DATABASE: postgres.url,
        JOBS_REDIS_PORT: String(redis.port),
        JOBS_OTHER_BULLMQ: join(otherBullMq, 'dist/cjs/index.js'),
        NODE_PATH: packages,
      },
    })
  const statementsOf = (spans: readonly ReceivedSpan[], job: ReceivedSpan) =>
    spans
      .filter(({ parentSpanId }) => parentSpanId === job.spanId)
      .map(({ attributes }) => attributes['db.query.text'])
      .filter(text => text !== undefined)

  it.each(NODES)('of worker threads are roots with what they did, on Node %s', async (_, node) => {
    await using receiver = await startOtlpReceiver()
    const options = { node, env: { JOBS_DATABASE: postgres.url } }
    await using bare = await startWithAgent('thread-jobs.mjs', receiver.endpoint, {
      ...options,
      bare: true,
    })
    await using app = await startWithAgent('thread-jobs.mjs', receiver.endpoint, options)
    const { spans } = receiver
    for (const [path, statements, status, error] of [
      ['/once', ['SELECT 1 AS once', 'SELECT 2 AS once'], 0],
      ['/throw', ['SELECT 1 AS once'], 2],
      ['/listen', ['SELECT 1 AS once'], 0],
      ['/letter', ['SELECT $1::text AS letter'], 0],
      ['/lost', ['SELECT $1::text AS letter'], 2, 'no such letter'],
    ] as const) {
      spans.length = 0
      // A thread that ends waits half a second for its last spans: on a machine so busy that these are lost, once more.
      const job = await eventually(`the job of ${path}`, async () => {
        expect(await app.get(path), path).toBe(await bare.get(path))
        await new Promise(resolve => setTimeout(resolve, 100))
        return spans.find(
          span =>
            span.name === 'thread thread-jobs.mjs' &&
            statementsOf(spans, span).length === statements.length,
        )
      })
      expect(statementsOf(spans, job)).toEqual(statements)
      expect([job.kind, job.parentSpanId, job.status]).toEqual([INTERNAL, '', status])
      expect(job.events[0]?.attributes['exception.message']).toBe(error)
    }
  })

  it.each(NODES)(
    'of a queue and of schedules are roots with what they did, on Node %s',
    async (_version, node) => {
      await using receiver = await startOtlpReceiver()
      await using app = await start(receiver.endpoint, node)
      const { spans, metrics } = receiver
      for (let letter = 1; letter <= 8; letter++) await app.get(`/add?name=sent&letter=${letter}`)
      await app.get('/add?name=lost&letter=9')
      expect(await app.get('/thread')).toBe('42')
      const jobs = () => spans.filter(({ kind }) => kind === CONSUMER)
      await eventually('the jobs', async () => (jobs().length === 9 ? true : undefined))
      const runs = (name: string) =>
        spans.filter(
          span => span.kind === INTERNAL && span.name === name && span.parentSpanId === '',
        )
      await eventually('the schedules', async () =>
        runs('tidy up')[0] && runs('* * * * * *')[0] && runs('by its name')[0] ? true : undefined,
      )
      const told = JSON.parse(await app.get('/')) as {
        done: unknown[]
        ticks: boolean[]
        byWorker: number[]
      }
      expect(told.done.map(String).sort()).toEqual([...'12345678', 'failed lost'])
      // Each of the two copies has had its part.
      expect(Math.min(...told.byWorker)).toBeGreaterThan(0)
      expect(told.ticks.every(isItself => isItself)).toBe(true)

      expect(new Set(jobs().map(({ traceId }) => traceId)).size).toBe(9)
      for (const job of jobs()) {
        expect(job.parentSpanId).toBe('')
        expect(statementsOf(spans, job)).toEqual(['SELECT $1::int AS letter', 'SELECT 1 AS sent'])
        expect(Number(job.endUnixNs - job.startUnixNs) / 1e6).toBeGreaterThan(19)
        expect(job.attributes).toMatchObject({
          'messaging.system': 'bullmq',
          'messaging.destination.name': 'letters',
          'perfloop.job.attempt': 1,
        })
        expect(job.attributes['perfloop.job.wait_ms']).toBeGreaterThanOrEqual(0)
      }
      const names = jobs().map(({ name }) => name)
      expect(names.sort()).toEqual([
        'process letters/lost',
        ...Array(8).fill('process letters/sent'),
      ])
      const lost = jobs().find(({ name }) => name === 'process letters/lost')
      expect(lost).toMatchObject({ status: 2, attributes: { 'error.type': 'TypeError' } })
      expect(lost?.events[0]?.attributes['exception.message']).toBe('no such address')

      const [tidied] = runs('tidy up')
      const [counted] = runs('* * * * * *')
      const [named] = runs('by its name')
      if (!tidied || !counted || !named) throw new Error('a schedule is missing')
      expect(statementsOf(spans, named)).toEqual(['SELECT 4 AS named'])
      expect(statementsOf(spans, tidied)).toEqual(['SELECT 2 AS tidied'])
      expect(statementsOf(spans, counted)).toEqual(['SELECT 3 AS counted'])
      await eventually('the waits', async () =>
        metrics.find(({ name, count }) => name === 'perfloop.job.wait' && count === 9),
      )
      const depths = () => {
        const latest = metrics.filter(({ name }) => name === 'perfloop.job.queue.depth').slice(-6)
        return latest
          .map(
            ({ attributes, value }) =>
              `${attributes['messaging.destination.name']} ${attributes['perfloop.job.state']} ${value}`,
          )
          .sort()
      }
      const settled = [
        'letters active 0',
        'letters delayed 0',
        'letters waiting 0',
        'waiting active 0',
        'waiting delayed 1',
        'waiting waiting 2',
      ]
      await eventually('the depths', async () =>
        depths().join() === settled.join() ? true : undefined,
      ).catch(() => expect(depths()).toEqual(settled))
      const commands = spans.filter(({ scope }) => scope === '@perfloop/agent/redis')
      expect(commands.filter(({ parentSpanId }) => parentSpanId === '')).toEqual([])
      expect(app.standardError()).toBe('')
    },
  )

  it('are operations in Perfloop, with their runs and statements', async () => {
    await using perfloop = await startPerfloop({ env: { PERFLOOP_ANALYSIS_SETTLE_MS: '1000' } })
    await using app = await start(perfloop.otlpHttpUrl, process.execPath)
    for (let letter = 1; letter <= 3; letter++) await app.get(`/add?name=sent&letter=${letter}`)
    interface Operation {
      operation: string
      kind: string
      red: { calls: number }
      breakdown: { query_count: number } | null
    }
    await eventually('the jobs', async () => {
      const { data } = await perfloop.get('/measure/operations?service=watched&from=-PT1H')
      const found = data as Operation[]
      const letters = found.find(({ operation }) => operation === 'process letters/sent')
      const tidy = found.find(({ operation }) => operation === 'tidy up')
      return letters?.red.calls === 3 &&
        letters.breakdown?.query_count === 2 &&
        letters.kind === 'consumer' &&
        tidy?.kind === 'internal'
        ? true
        : undefined
    })
  })
})
