import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../packages/perfloop/src/targets/postgres/embedded-postgres.ts'
import { eventually } from '../perfloop-process.ts'
import { NODES, startWithAgent } from './agent-process.ts'
import { planned, type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts'

const scratch = mkdtempSync(join(tmpdir(), 'perfloop-bridge-'))
let postgres: EmbeddedPostgres

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ directory: join(scratch, 'postgres') })
})

afterAll(async () => {
  await postgres?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

const INSTRUMENTATIONS = fileURLToPath(new URL('ecosystem/instrumentations.mjs', import.meta.url))

const start = (endpoint: string, options: { node?: string; env?: Record<string, string> } = {}) =>
  startWithAgent('bridged.mjs', endpoint, {
    ...options,
    env: { BRIDGED_DATABASE: postgres.url, ...options.env },
  })

const named = (spans: readonly ReceivedSpan[], name: string) =>
  spans.find(span => span.name === name)
const asked = (spans: readonly ReceivedSpan[], column: string) =>
  spans.find(({ attributes }) => String(attributes['db.query.text']).endsWith(column))

describe('spans made with the OpenTelemetry API', () => {
  it.each(NODES)(
    'join the agent’s trace, and the agent’s spans join theirs, on Node %s',
    async (_version, node) => {
      await using receiver = await startOtlpReceiver()
      await using app = await start(receiver.endpoint, { node })
      expect(await app.get('/spans')).toBe('"spans"')
      const { spans } = receiver
      await eventually('the spans', async () => planned(spans).length >= 8 || undefined)
      const request = named(spans, 'GET')
      const outer = named(spans, 'outer')
      const inner = named(spans, 'inner')
      expect(request?.attributes).toMatchObject({ 'user.id': 'u1', 'url.path': '/spans' })
      expect(request?.events[0]).toMatchObject({ name: 'seen', attributes: { n: 1 } })
      expect(outer).toMatchObject({
        traceId: request?.traceId,
        parentSpanId: request?.spanId,
        kind: 4,
        scope: 'shop',
        scopeVersion: '1.2.3',
        attributes: { text: 'a', flag: true, share: 0.5, list: ['x', 'y'] },
        links: [{ traceId: '1'.repeat(32), spanId: '2'.repeat(16), attributes: { why: 'test' } }],
      })
      expect(inner).toMatchObject({
        parentSpanId: outer?.spanId,
        scope: 'second',
        status: 2,
        statusMessage: 'it failed',
        events: [
          {
            name: 'exception',
            attributes: { 'exception.type': 'TypeError', 'exception.message': 'not this' },
          },
        ],
      })
      expect(inner?.attributes).toEqual({})
      expect(asked(spans, 'in_outer')?.parentSpanId).toBe(outer?.spanId)
      expect(asked(spans, 'in_inner')?.parentSpanId).toBe(inner?.spanId)
      expect(asked(spans, 'in_request')?.parentSpanId).toBe(request?.spanId)
      const past = named(spans, 'past')
      expect(past?.parentSpanId).toBe('')
      expect(Number((past?.endUnixNs ?? 0n) - (past?.startUnixNs ?? 0n)) / 1e6).toBeCloseTo(
        1_500,
        2,
      )
      expect(
        Math.abs(Number((past?.startUnixNs ?? 0n) / 1_000_000n) - Date.now() + 5_000),
      ).toBeLessThan(3_000)
      expect(named(spans, 'many')).toMatchObject({ droppedAttributes: 72 })
      expect(app.standardError()).toBe('')
    },
  )

  it('share context, baggage and propagation with the agent', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await start(receiver.endpoint)
    const traceId = 'c'.repeat(32)
    const response = await fetch(`${app.url}/context`, {
      headers: { traceparent: `00-${traceId}-${'d'.repeat(16)}-01`, baggage: 'tenant=blue;p=1' },
    })
    const seen = await response.json()
    const carried = expect.stringMatching(/^00-c{32}-[0-9a-f]{16}-01$/)
    expect(seen).toEqual({
      baggage: 'blue',
      value: 'mine',
      carrier: { traceparent: carried, baggage: 'tenant=blue;p=1,added=%C3%A9' },
      echo: { traceparent: carried, baggage: 'tenant=blue;p=1,added=%C3%A9' },
      inherited: 'mine',
      outside: null,
      root: null,
      bound: ['mine', 'mine'],
    })
    const { spans } = receiver
    await eventually('the spans', async () => planned(spans).length >= 6 || undefined)
    const remote = { traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16) }
    expect(named(spans, 'of a message')).toMatchObject(remote)
    expect(asked(spans, 'in_remote')).toMatchObject(remote)
    expect(named(spans, 'child')).toMatchObject({ traceId })
    // Without anybody's span, baggage travels all the same.
    const alone = await fetch(`${app.url}/context`, { headers: { baggage: 'tenant=red' } })
    expect(await alone.json()).toMatchObject({ baggage: 'red' })
  })

  it('tell nothing twice: an instrumentation of what the agent sees gets the agent’s span', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await start(receiver.endpoint)
    await app.get('/twice')
    const { spans } = receiver
    await eventually('the spans', async () => planned(spans).length >= 2 || undefined)
    expect(named(spans, 'pg.query')).toBeUndefined()
    expect(named(spans, 'SELECT')?.parentSpanId).toBe(named(spans, 'GET')?.spanId)
  })

  it.each([
    ['after', ['@perfloop/agent', INSTRUMENTATIONS]],
    ['before', [INSTRUMENTATIONS, '@perfloop/agent']],
  ])(
    'make the same traces with OpenTelemetry instrumentations loaded %s the agent',
    async (_order, preloads) => {
      const traces = async (flags: readonly string[]) => {
        await using receiver = await startOtlpReceiver()
        await using app = await startWithAgent('bridged.mjs', receiver.endpoint, {
          bare: true,
          flags: flags.flatMap(preload => ['--import', preload]),
          env: { BRIDGED_DATABASE: postgres.url },
        })
        await app.get('/spans')
        expect(JSON.parse(await app.get('/context'))).toMatchObject({
          value: 'mine',
          inherited: 'mine',
        })
        const { spans } = receiver
        await eventually('the spans', async () => planned(spans).length >= 14 || undefined)
        const parentOf = ({ parentSpanId }: ReceivedSpan) =>
          spans.find(({ spanId }) => spanId === parentSpanId)?.name ?? parentSpanId
        return planned(spans)
          .map(span => `${span.name} of ${span.scope} in ${parentOf(span)}`)
          .sort()
      }
      expect(await traces(preloads)).toEqual(await traces(['@perfloop/agent']))
    },
  )

  it('go to an SDK that the application sets up: the agent stands back, says so once and measures nothing', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await start(receiver.endpoint, { env: { BRIDGED_SDK: '1' } })
    expect(await app.get('/sdk')).toBe('["for the SDK"]')
    expect(JSON.parse(await app.get('/context'))).toMatchObject({
      value: 'mine',
      bound: ['mine', 'mine'],
    })
    await app.get('/exit')
    await app.exited
    expect(receiver.spans).toEqual([])
    expect(app.standardError().match(/this agent stands back/g)).toHaveLength(1)
  })

  it('stay with the agent when it is told to replace the SDK', async () => {
    await using receiver = await startOtlpReceiver()
    await using app = await start(receiver.endpoint, {
      env: { BRIDGED_SDK: '1', PERFLOOP_OPENTELEMETRY_SDK: 'replace' },
    })
    expect(await app.get('/sdk')).toBe('[]')
    await eventually('the span', async () => named(receiver.spans, 'for the SDK'))
    expect(app.standardError()).toBe('')
  })
})
