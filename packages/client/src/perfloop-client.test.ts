import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ApiFailure } from './api-failure.ts'
import { createPerfloopClient } from './perfloop-client.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

const FAST = { baseDelayMs: 1, maxDelayMs: 2 }

describe('the client', () => {
  it('reads a list with its pagination and leaves out parameters that were not given', async () => {
    const server = await serve((_, response) =>
      answer(response, 200, {
        status: 'success',
        data: [{ id: 'a' }],
        pagination: { page: 2, per_page: 1, total: 3, pages: 3, has_next: true, has_prev: true },
      }),
    )
    const client = createPerfloopClient({ baseUrl: server.url })
    const page = await client.issues({ page: 2, per_page: 1, service: undefined, kind: '' })
    expect(page.items.map(issue => issue.id)).toEqual(['a'])
    expect(page.pagination.total).toBe(3)
    expect(server.seen[0]?.url).toBe('/api/v1/insights/issues?page=2&per_page=1')
  })

  it('takes a list without pagination as one page', async () => {
    const server = await serve((_, response) =>
      answer(response, 200, { status: 'success', data: [1, 2] }),
    )
    const page = await createPerfloopClient({ baseUrl: server.url }).models()
    expect(page.pagination).toMatchObject({ total: 2, pages: 1, has_next: false })
  })

  it('sends the token and a JSON body with writes', async () => {
    const server = await serve((_, response) =>
      answer(response, 200, { status: 'success', data: {} }),
    )
    const client = createPerfloopClient({ baseUrl: `${server.url}/`, token: 'secret' })
    await client.changeIssue('i/1', { status: 'acknowledged' })
    expect(server.seen[0]).toMatchObject({
      method: 'PATCH',
      url: '/api/v1/insights/issues/i%2F1',
      authorization: 'Bearer secret',
      body: '{"status":"acknowledged"}',
    })
  })

  it('repeats a read that failed in passing', async () => {
    const server = await serve((_, response, count) =>
      count < 3
        ? answer(response, 502, {})
        : answer(response, 200, { status: 'success', data: { status: 'healthy' } }),
    )
    const client = createPerfloopClient({ baseUrl: server.url, retry: FAST })
    expect((await client.health()).status).toBe('healthy')
    expect(server.seen).toHaveLength(3)
  })

  it('never repeats a write', async () => {
    const server = await serve((_, response) => answer(response, 502, {}))
    const client = createPerfloopClient({ baseUrl: server.url, retry: FAST })
    await expect(client.stepOptimization('1', 'approve')).rejects.toMatchObject({ kind: 'server' })
    expect(server.seen).toHaveLength(1)
  })

  it('gives up after the attempts it may make and says why', async () => {
    const server = await serve((_, response) =>
      answer(response, 503, failed('STORE_UNREACHABLE', 'The store does not answer.')),
    )
    const client = createPerfloopClient({ baseUrl: server.url, retry: { ...FAST, attempts: 2 } })
    await expect(client.overview()).rejects.toMatchObject({
      kind: 'busy',
      code: 'STORE_UNREACHABLE',
      status: 503,
      message: 'The store does not answer.',
      path: '/measure/overview',
    })
    expect(server.seen).toHaveLength(2)
  })

  it('waits as long as Retry-After says', async () => {
    const server = await serve((_, response, count) => {
      if (count > 1) return answer(response, 200, { status: 'success', data: [] })
      response.setHeader('retry-after', '0.2')
      answer(response, 429, failed('SPOOL_FULL', 'Too much at once.'))
    })
    const started = performance.now()
    await createPerfloopClient({ baseUrl: server.url, retry: FAST }).services()
    expect(performance.now() - started).toBeGreaterThan(180)
  })

  it('does not wait for a Retry-After beyond its bound', async () => {
    const server = await serve((_, response) => {
      response.setHeader('retry-after', '3600')
      answer(response, 503, failed('STORE_UNREACHABLE', 'Away.'))
    })
    await expect(
      createPerfloopClient({ baseUrl: server.url, retry: FAST }).services(),
    ).rejects.toMatchObject({ retryAfterMs: 3_600_000 })
    expect(server.seen).toHaveLength(1)
  })

  it.each([
    [400, 'validation'],
    [401, 'auth'],
    [403, 'auth'],
    [404, 'not-found'],
    [409, 'conflict'],
    [500, 'server'],
  ] as const)('types HTTP %i as %s and does not repeat it', async (status, kind) => {
    const server = await serve((_, response) =>
      answer(response, status, failed('CODE', 'Because.', { field: 'from' })),
    )
    const failure = await createPerfloopClient({ baseUrl: server.url, retry: FAST })
      .trace('abc')
      .catch((cause: unknown) => cause)
    expect(failure).toBeInstanceOf(ApiFailure)
    expect(failure).toMatchObject({ kind, code: 'CODE', details: { field: 'from' } })
    expect(server.seen).toHaveLength(1)
  })

  it('reports an answer that is not an envelope', async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
    })
    await expect(createPerfloopClient({ baseUrl: server.url }).health()).rejects.toMatchObject({
      kind: 'server',
      code: 'UNREADABLE_ANSWER',
    })
  })

  it('reports a server that is not there as a network failure', async () => {
    const server = await serve(() => {})
    server.close()
    await expect(
      createPerfloopClient({ baseUrl: server.url, retry: FAST }).health(),
    ).rejects.toMatchObject({ kind: 'network', status: null })
  })

  it('stops at once when its signal is aborted, also between two tries', async () => {
    const server = await serve((_, response) => answer(response, 502, {}))
    const stop = new AbortController()
    const client = createPerfloopClient({
      baseUrl: server.url,
      retry: { attempts: 5, baseDelayMs: 60_000, maxDelayMs: 60_000, random: () => 1 },
    })
    const call = client.health({ signal: stop.signal })
    await server.firstRequest
    setTimeout(() => stop.abort(new Error('left the page')), 20)
    await expect(call).rejects.toThrow('left the page')
    expect(server.seen).toHaveLength(1)
  })
})

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly authorization: string | undefined
  readonly body: string
}

async function serve(
  respond: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<{ url: string; seen: Seen[]; firstRequest: Promise<void>; close: () => void }> {
  const seen: Seen[] = []
  let hear = (): void => {}
  const firstRequest = new Promise<void>(resolve => {
    hear = resolve
  })
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { method, url } = request
    seen.push({ method, url, authorization: request.headers.authorization, body })
    respond(request, response, seen.length)
    hear()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  closers.push(close)
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, seen, firstRequest, close }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function failed(code: string, message: string, details?: Record<string, unknown>): unknown {
  return { status: 'error', operation: 'test', error: { code, message, details } }
}
