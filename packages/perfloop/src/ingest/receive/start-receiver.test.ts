import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { spansBlock } from '../../../../../tests/ingest/row-buffer.ts'
import { builtEntry } from '../../domain/built-entry.ts'
import type { LiveSpan } from '../../domain/live-span.ts'
import { silentLogger } from '../../domain/logger.ts'
import { defaultSettings } from '../../settings/settings.ts'
import { type Receiver, type ReceiverOptions, startReceiver } from './start-receiver.ts'

const defaults = defaultSettings().ingest
let directory: string
let opened: Receiver[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'perfloop-thread-'))
})
afterEach(async () => {
  for (const receiver of opened) await receiver.close()
  opened = []
  await rm(directory, { recursive: true, force: true })
})

async function start(changes: Partial<ReceiverOptions> = {}): Promise<Receiver> {
  const receiver = await startReceiver({
    settings: { ...defaults, otlpHttpPort: 0, otlpGrpcPort: 0 },
    host: '127.0.0.1',
    allowedHosts: [],
    spoolDirectory: join(directory, 'spool'),
    quarantineDirectory: join(directory, 'quarantine'),
    measurementDays: 7,
    parameterKey: 'key',
    logger: silentLogger,
    ...changes,
  })
  opened.push(receiver)
  return receiver
}

function exportOf(spanId: string, attributes: readonly object[] = []): string {
  const startTimeUnixNano = String(BigInt(Date.now()) * 1_000_000n)
  const span = {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId,
    name: 'GET /orders',
    kind: 2,
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano,
    attributes,
  }
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
}

async function post(
  receiver: Receiver,
  spanId: string,
  token?: string,
  attributes?: readonly object[],
): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${receiver.httpPort}/v1/traces`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: exportOf(spanId, attributes),
  })
  await response.arrayBuffer()
  return response.status
}

describe('the receiver in its thread', () => {
  it('receives, counts, tells of closed segments, and stops with everything closed', async () => {
    const receiver = await start()
    const closed: number[] = []
    receiver.onSegmentClosed(segment => void closed.push(segment))
    expect(await post(receiver, 'b7ad6b7169203331')).toBe(200)
    receiver.forgetMentions()
    await receiver.append(spansBlock([1n], [], 1_700_000_000))
    expect(await receiver.statistics()).toMatchObject({
      spansAccepted: 1,
      batches: 1,
      duplicates: 0,
      restarts: 0,
      spoolSegments: 1,
    })
    await receiver.rotate()
    expect(closed).toHaveLength(1)
    await receiver.close()
    expect(await readdir(join(directory, 'spool'))).toEqual([`${closed[0]}.seg`])
    await expect(receiver.rotate()).rejects.toMatchObject({ code: 'RECEIVER_UNAVAILABLE' })
  })

  it('passes live spans on while somebody watches', async () => {
    const receiver = await start()
    const seen: LiveSpan[] = []
    receiver.watch(spans => void seen.push(...spans))
    expect(await post(receiver, 'b7ad6b7169203331')).toBe(200)
    await expect
      .poll(() => seen.map(span => span.spanId), { timeout: 10_000 })
      .toEqual(['b7ad6b7169203331'])
    receiver.watch(undefined)
    expect(await post(receiver, 'b7ad6b7169203332')).toBe(200)
    await receiver.statistics()
    expect(seen).toHaveLength(1)
  })

  it('says which port is taken', async () => {
    const { httpPort } = await start()
    await expect(
      start({
        settings: { ...defaults, otlpHttpPort: httpPort, otlpGrpcPort: 0 },
        spoolDirectory: join(directory, 'other'),
      }),
    ).rejects.toMatchObject({ code: 'PORT_IN_USE', details: { port: httpPort } })
  })

  it('knows after a start which services tell routes, so that a path without one names no operation', async () => {
    const ask = async (receiver: Receiver, path: string, status: number, route?: string) => {
      const seen: string[] = []
      receiver.watch(spans => void seen.push(...spans.map(span => span.operation)))
      const told = [
        { key: 'http.request.method', value: { stringValue: 'GET' } },
        { key: 'url.path', value: { stringValue: path } },
        { key: 'http.response.status_code', value: { intValue: status } },
        ...(route === undefined ? [] : [{ key: 'http.route', value: { stringValue: route } }]),
      ]
      await post(receiver, 'b7ad6b7169203331', undefined, told)
      await expect.poll(() => seen, { timeout: 10_000 }).toHaveLength(1)
      return seen[0]
    }
    const first = await start()
    expect(await ask(first, '/wp-login.php', 404)).toBe('GET /wp-login.php')
    expect(await ask(first, '/orders/7', 200, '/orders/:id')).toBe('GET /orders/:id')
    await first.close()
    const next = await start()
    expect(await ask(next, '/.env', 404)).toBe('GET (no route)')
  })

  it('comes back on the same ports, with its tokens, when the thread dies', async () => {
    const entry = builtEntry(import.meta.url, './receiver.worker.ts')
    // The real thread, which ends itself when it is told to rotate.
    const program = `
      import { parentPort } from 'node:worker_threads'
      parentPort.on('message', ({ command }) => command.type === 'rotate' && process.exit(7))
      await import(${JSON.stringify(entry.href)})
    `
    const errors: object[] = []
    const receiver = await start({
      workerEntry: new URL(`data:text/javascript,${encodeURIComponent(program)}`),
      logger: { ...silentLogger, error: fields => void errors.push(fields) },
    })
    receiver.setTokens([
      {
        // SHA-256 of "secret"
        tokenHash: '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b',
        environment: 'production',
      },
    ])
    receiver.watch(() => {})
    const closed: number[] = []
    receiver.onSegmentClosed(segment => void closed.push(segment))
    expect(await post(receiver, 'b7ad6b7169203331', 'secret')).toBe(200)
    await expect(receiver.rotate()).rejects.toMatchObject({ code: 'RECEIVER_UNAVAILABLE' })

    await expect
      .poll(() => post(receiver, 'b7ad6b7169203332', 'secret').catch(() => 0), { timeout: 10_000 })
      .toBe(200)
    expect(await post(receiver, 'b7ad6b7169203333', 'wrong')).toBe(401)
    expect(await receiver.statistics()).toMatchObject({ restarts: 1, batches: 1 })
    expect(errors).toMatchObject([{ exitCode: 7, restarts: 1 }])
    expect(closed).toContain(0)
  })
})
