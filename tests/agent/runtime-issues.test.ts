import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually, type PerfloopProcess, startPerfloop } from '../perfloop-process.ts'
import { type AgentProcess, startWithAgent } from './agent-process.ts'

/** As it is, but with seconds for minutes. */
const HASTY = {
  PERFLOOP_ANALYSIS_INTERVAL_MS: '1000',
  PERFLOOP_ANALYSIS_SETTLE_MS: '1000',
  PERFLOOP_ANALYSIS_WINDOW_MS: '10000',
  PERFLOOP_ANALYZERS_POOL_LEAK_HORIZON_MS: '40000',
  PERFLOOP_ANALYZERS_POOL_LEAK_PARTS: '8',
  PERFLOOP_ANALYZERS_POOL_LEAK_MIN_SAMPLES_PER_PART: '2',
  PERFLOOP_ANALYZERS_MEMORY_LEAK_STEP_MS: '1000',
  PERFLOOP_ANALYZERS_MEMORY_LEAK_HORIZON_MS: '40000',
  PERFLOOP_ANALYZERS_MEMORY_LEAK_EARLIER_MS: '60000',
  PERFLOOP_ANALYZERS_MEMORY_LEAK_WARM_UP_MS: '3000',
  PERFLOOP_ANALYZERS_MEMORY_LEAK_MIN_OBSERVED_MS: '15000',
}

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-runtime-issues-'))
let postgres: EmbeddedPostgres
let perfloop: PerfloopProcess

beforeAll(async () => {
  ;[postgres, perfloop] = await Promise.all([
    startEmbeddedPostgres({ directory: join(scratch, 'postgres') }),
    startPerfloop({ env: HASTY }),
  ])
}, 60_000)
afterAll(async () => {
  await perfloop?.[Symbol.asyncDispose]()
  await postgres?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

interface Issue {
  readonly kind: string
  readonly service: string
  readonly operation: string
  readonly title: string
  readonly code_location: string | null
  readonly exemplar_trace: string
  readonly evidence: Readonly<Record<string, unknown>>
}

/** Calls the paths in turn until the test is over. */
function loads(
  isOver: AbortSignal,
  calls: readonly (readonly [ms: number, app: AgentProcess, ...paths: string[]])[],
): void {
  for (const [ms, app, ...paths] of calls) {
    const load = async () => {
      for (let n = 0; !isOver.aborted; n++) {
        await app.get(paths[n % paths.length] ?? '/')
        await new Promise(resolve => setTimeout(resolve, ms))
      }
    }
    // What waits for a connection for ever ends with its application.
    load().catch(() => undefined)
  }
}

/** Issues of these kinds once all of them were found. */
async function issuesOf(...kinds: readonly string[]): Promise<readonly Issue[]> {
  return await eventually(
    kinds.join(' and '),
    async () => {
      const { data } = await perfloop.get('/insights/issues?status=active&per_page=100')
      // A machine with other things to do is told of as well.
      const found = (data as readonly Issue[]).filter(
        ({ kind, title }) => kinds.includes(kind) && !title.startsWith('The machine has no time'),
      )
      if (kinds.every(kind => found.some(issue => issue.kind === kind))) return found
      throw new Error(found.map(({ title }) => title).join('; '))
    },
    100_000,
  )
}

it('finds an exhausted pool and forgotten connections, and neither in a pool that is large enough', async () => {
  const start = (service: string, max: number) =>
    startWithAgent('pools.mjs', perfloop.otlpHttpUrl, {
      env: { OTEL_SERVICE_NAME: service, SHOP_DATABASE: postgres.url, POOL_MAX: String(max) },
    })
  await using starved = await start('starved', 2)
  await using ample = await start('ample', 10)
  await using forgetful = await start('forgetful', 10)
  const over = new AbortController()
  loads(over.signal, [
    ...Array.from({ length: 5 }, () => [20, starved, '/report'] as const),
    ...Array.from({ length: 5 }, () => [20, ample, '/report'] as const),
    [50, forgetful, '/quick'],
    [4_000, forgetful, '/forgets'],
  ])
  const issues = await issuesOf('pool-wait', 'pool-leak').finally(() => over.abort())

  expect(issues.map(({ service }) => service)).not.toContain('ample')
  // Who forgets connections runs out of them, too.
  const starving = issues.find(({ service }) => service === 'starved')
  expect(starving).toMatchObject({ kind: 'pool-wait', operation: 'GET /report' })
  expect(starving?.evidence).toMatchObject({ connections: 2 })
  expect(Number(starving?.evidence.exhausted_ratio)).toBeGreaterThan(0.5)
  expect(Number(starving?.evidence.wait_mean_ns)).toBeGreaterThan(50e6)
  const { data: trace } = await perfloop.get(`/traces/${starving?.exemplar_trace}`)
  expect(JSON.stringify(trace)).toContain('wait for a connection')
  const leaks = issues.filter(({ kind }) => kind === 'pool-leak')
  expect(leaks.map(({ service }) => service)).toEqual(['forgetful'])
  expect(Number(leaks[0]?.evidence.kept)).toBeGreaterThanOrEqual(2)
}, 150_000)

it('finds a leaking heap and what blocks the event loop, and neither in the twin without', async () => {
  const start = (service: string) =>
    startWithAgent('runtime.mjs', perfloop.otlpHttpUrl, {
      env: { OTEL_SERVICE_NAME: service },
      flags: ['--expose-gc'],
    })
  await using leaking = await start('leaking')
  await using steady = await start('steady')
  const over = new AbortController()
  loads(over.signal, [
    [300, leaking, '/keep', '/collect', '/block?ms=400'],
    [600, steady, '/', '/collect'],
  ])
  const issues = await issuesOf('memory-leak', 'event-loop-block').finally(() => over.abort())

  const leaks = issues.filter(({ kind }) => kind === 'memory-leak')
  expect(leaks).toMatchObject([{ service: 'leaking', operation: '', exemplar_trace: '' }])
  expect(Number(leaks[0]?.evidence.growth_bytes_per_hour)).toBeGreaterThan(0.5e9)
  const block = issues.find(({ code_location: at }) => at?.includes('runtime.mjs') === true)
  expect(block).toMatchObject({
    kind: 'event-loop-block',
    service: 'leaking',
    operation: 'GET /block',
  })
  expect(block?.evidence.function).toContain('sortSlowly')
}, 150_000)
