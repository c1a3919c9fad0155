import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Comparison, Issue, Optimization } from '../../api/contract/insights.ts'
import { OPTIMIZATION_KINDS } from '../../optimizations/built-in.ts'
import { loadSettings } from '../../settings/load-settings.ts'
import { Settings } from '../../settings/settings.ts'
import { APPROVABLE, parseDurationMs, parseRate } from '../demo.ts'
import type { DemoApi } from './demo-api.ts'
import { ShopReady, startDemoChild } from './demo-child.ts'
import { demoSettingFlags } from './demo-settings.ts'
import { freePortFrom } from './free-port.ts'
import { openBrowser } from './open-browser.ts'
import { describeDemo, describeReport } from './print-demo.ts'
import { attend, report } from './unattended.ts'

describe('flags of the demo', () => {
  it.each([
    ['180s', 180_000],
    ['3m', 180_000],
    ['1.5h', 5_400_000],
    ['90', 90_000],
    ['500ms', 500],
  ])('%s is %d ms', (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected)
  })

  it('refuse times and rates that are none', () => {
    for (const text of ['', 'soon', '3 days', '-1s']) expect(() => parseDurationMs(text)).toThrow()
    for (const text of ['0', '-3', 'fast', '100000']) expect(() => parseRate(text)).toThrow()
    expect(parseRate('2.5')).toBe(2.5)
  })
})

describe('what the demo approves', () => {
  it('is of the kinds there are', () => {
    expect(APPROVABLE).toEqual(OPTIMIZATION_KINDS.map(({ kind }) => kind))
  })
})

describe('settings of the demo', () => {
  it('are settings of Perfloop, in their ranges', () => {
    const { settings } = loadSettings({ flags: demoSettingFlags() })
    expect(Settings.parse(settings).analysis.intervalMs).toBe(5_000)
  })
})

describe('ports', () => {
  it('move on when they are taken or spoken for', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => holder.once('listening', resolve))
    const address = holder.address()
    const taken = typeof address === 'object' && address !== null ? address.port : 0
    const found = await freePortFrom(taken, '127.0.0.1', new Set([taken + 1]))
    holder.close()
    expect(found).toBeGreaterThan(taken + 1)
  })
})

describe('a part in a process of its own', () => {
  const script = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`
  // fork() takes a file, so the part's code comes in through `--import`.
  const start = (source: string) =>
    startDemoChild('/dev/null', { name: 'part', preload: script(source), env: {} })

  it('says when it is ready, and ends when its channel is closed', async () => {
    const part = start(`
      process.send({ ready: true, url: 'http://x', planted: [] })
      setInterval(() => {}, 1000)
      process.once('disconnect', () => process.exit(0))`)
    expect(ShopReady.parse(await part.firstMessage()).url).toBe('http://x')
    await part.stop()
    expect(await part.ended).toContain('exit 0')
  })

  it('that fails is reported with its last words', async () => {
    const part = start(`console.error('no database'); process.exit(3)`)
    await expect(part.firstMessage()).rejects.toMatchObject({
      code: 'DEMO_PART_FAILED',
      details: { part: 'part', last: expect.stringContaining('no database') },
    })
    await part.stop()
  })
})

// ── Unattended ─────────────────────────────────────────────────────────────

const INSTANT = '2026-11-21T10:00:00.000Z'
const comparison: Comparison = {
  operation: { environment: 'development', service: 'shop', operation: 'GET /a', kind: 'server' },
  metric: 'p50_ns',
  before: 30e6,
  after: 3e6,
  change: -0.9,
  change_low: -0.92,
  change_high: -0.88,
  confidence: 0.95,
  p_value: 0.001,
  before_count: 300,
  after_count: 200,
  before_blocks: 20,
  after_blocks: 12,
  verdict: 'improved',
}

function optimization(id: string, status: Optimization['status']): Optimization {
  return {
    id,
    type: 'create-index',
    title: `Index ${id}`,
    description: '',
    status,
    environment: 'development',
    service: 'shop',
    target_id: 't',
    change: 'CREATE INDEX',
    undo: 'DROP INDEX',
    risk: 'low',
    expected_gain: { low: 0.5, high: 0.9 },
    recoverable_ns_per_hour: 5e9,
    impact:
      status === 'verified'
        ? {
            verdict: 'improved',
            reason: 'GET /a is faster by 90 %.',
            before: { from: INSTANT, to: INSTANT },
            after: { from: INSTANT, to: INSTANT },
            comparisons: [comparison],
          }
        : null,
    failure: null,
    created_at: INSTANT,
    updated_at: INSTANT,
    applied_at: status === 'proposed' ? null : INSTANT,
  }
}

const issue: Issue = {
  id: 'i',
  kind: 'missing-index',
  title: 'orders is read whole',
  description: '',
  severity: 'high',
  status: 'open',
  environment: 'development',
  service: 'shop',
  operation: 'GET /a',
  operation_kind: 'server',
  fingerprint: '0123456789abcdef',
  statement: null,
  statement_text: null,
  code_location: null,
  confidence: 0.9,
  recoverable_ns_per_hour: 5e9,
  evidence: {},
  exemplar_trace: '',
  exemplar_spans: [],
  windows_seen: 3,
  first_seen: INSTANT,
  last_seen: INSTANT,
  created_at: INSTANT,
  updated_at: INSTANT,
  ignored_until: null,
  ignore_reason: null,
}

/** A server on which a change that was approved and applied is verified two looks later. */
function fakeApi(): DemoApi & { readonly steps: string[] } {
  const steps: string[] = []
  let looks = 0
  return {
    steps,
    setTarget: async () => {},
    issues: async () => [issue],
    async optimizations() {
      if (steps.length === 0) return [optimization('a', 'proposed')]
      if (steps.length === 1) return [optimization('a', 'approved')]
      return [optimization('a', ++looks > 2 ? 'verified' : 'verifying')]
    },
    async step(id, name) {
      steps.push(`${name} ${id}`)
    },
    health: async () => ({
      status: 'healthy',
      version: '0',
      started_at: INSTANT,
      components: [
        { component: 'receiver', status: 'healthy', reason: null, numbers: { spans: 9 } },
      ],
      analyzers: [],
    }),
  }
}

describe('the unattended demo', () => {
  const options = {
    approve: 'create-index',
    forMs: 10_000,
    beforeMs: 0,
    pollMs: 1,
    signal: new AbortController().signal,
    nowMs: () => performance.now(),
  }

  it('approves and applies what is proposed once, and ends when it is verified', async () => {
    const api = fakeApi()
    await attend(api, options)
    expect(api.steps).toEqual(['approve a', 'apply a'])
    expect((await api.optimizations())[0]?.status).toBe('verified')
  })

  it('changes nothing before there is something to compare with', async () => {
    const api = fakeApi()
    await attend(api, { ...options, beforeMs: 60_000, forMs: 20 })
    expect(api.steps).toEqual([])
  })

  it('approves nothing of another kind, and ends with its time', async () => {
    const api = fakeApi()
    await attend(api, { ...options, approve: 'cache-policy', forMs: 20 })
    expect(api.steps).toEqual([])
  })

  it('reports findings, changes, verdicts with their intervals, and the server’s numbers', async () => {
    const api = fakeApi()
    await attend(api, options)
    const found = await report(api, 61.2, 873.4)
    expect(found.found[0]).toMatchObject({ kind: 'missing-index', recoverable_ms_per_hour: 5_000 })
    expect(found.applied[0]).toMatchObject({ change: 'CREATE INDEX', status: 'verified' })
    expect(found.verified[0]).toMatchObject({
      verdict: 'improved',
      change: [{ operation: 'GET /a', change: -0.9, interval: [-0.92, -0.88], confidence: 0.95 }],
    })
    expect(found.server).toEqual({ start: { ready_ms: 873 }, receiver: { spans: 9 } })
    expect(describeReport(found)).toContain('improved: Index a')
    expect(
      describeReport({ ...found, found: [], proposed: [], applied: [], verified: [] }),
    ).toContain('nothing')
  })
})

describe('the block that the demo prints', () => {
  it('names the dashboard with its token, what is planted, what moved and how to stop', () => {
    const block = describeDemo({
      dashboardUrl: 'http://127.0.0.1:4601/#token=abc',
      shopUrl: 'http://127.0.0.1:3000',
      otlpHttpPort: 4318,
      otlpGrpcPort: 4317,
      moved: ['4600 → 4601'],
      planted: [{ fault: 'n-plus-one', what: 'one query for each order' }],
      requestsPerSecond: 15,
      dataDirectory: '/tmp/x',
      isTemporary: true,
      startedMs: 4_500,
    })
    expect(block).toContain('#token=abc')
    expect(block).toContain('4600 → 4601')
    expect(block).toContain('one query for each order')
    expect(block).toContain('Ctrl-C')
    expect(Math.max(...block.split('\n').map(line => line.length))).toBeLessThan(130)
  })

  it('opens no browser where there is no screen', () => {
    expect(openBrowser('http://127.0.0.1', {}, 'linux')).toBe(false)
    expect(openBrowser('http://127.0.0.1', {}, 'plan9')).toBe(false)
  })
})
