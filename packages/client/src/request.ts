import type { Pagination } from 'perfloop/contract'
import { ApiFailure, failureKind } from './api-failure.ts'
import { parseRetryAfterMs, type RetryOptions, retryDelayMs } from './retry.ts'

export interface Transport {
  /** Origin and path before `/api/v1`; empty for the page's own origin. */
  readonly baseUrl: string
  readonly token: string | undefined
  readonly fetch: typeof fetch
  readonly retry: RetryOptions
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below `/api/v1`. */
  readonly path: string
  readonly query?: QueryValues | undefined
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

export type QueryValues = Readonly<Record<string, string | number | boolean | null | undefined>>

export interface Answer<Data> {
  readonly data: Data
  readonly pagination: Pagination | undefined
}

/** One request, repeated only when repeating is safe (GET) and of use (a passing failure). */
export async function request<Data>(transport: Transport, ask: ApiRequest): Promise<Answer<Data>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send<Data>(transport, ask)
    } catch (failure) {
      if (!(failure instanceof ApiFailure) || ask.method !== 'GET') throw failure
      const delayMs = retryDelayMs(failure, attempt, transport.retry)
      if (delayMs === null) throw failure
      await pause(delayMs, ask.signal)
    }
  }
}

export function toUrl(baseUrl: string, path: string, query: QueryValues = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value))
  }
  const tail = search.size === 0 ? '' : `?${search.toString()}`
  return `${baseUrl.replace(/\/+$/, '')}/api/v1${path}${tail}`
}

async function send<Data>(transport: Transport, ask: ApiRequest): Promise<Answer<Data>> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (ask.body !== undefined) headers['content-type'] = 'application/json'
  if (transport.token !== undefined) headers.authorization = `Bearer ${transport.token}`
  let response: Response
  try {
    response = await transport.fetch(toUrl(transport.baseUrl, ask.path, ask.query), {
      method: ask.method,
      headers,
      credentials: 'same-origin',
      body: ask.body === undefined ? null : JSON.stringify(ask.body),
      signal: ask.signal ?? null,
    })
  } catch (cause) {
    ask.signal?.throwIfAborted()
    throw new ApiFailure(
      {
        ...whereOf(ask),
        kind: 'network',
        code: 'NETWORK',
        message: 'Perfloop did not answer.',
        details: {},
        status: null,
        retryAfterMs: null,
      },
      cause,
    )
  }
  return readAnswer<Data>(response, ask)
}

async function readAnswer<Data>(response: Response, ask: ApiRequest): Promise<Answer<Data>> {
  const envelope = await readJson(response, ask)
  if (response.ok && (response.status === 204 || envelope?.status === 'success')) {
    // The border: the server validates what it sends against the same contract.
    return {
      data: envelope?.data as Data,
      pagination: envelope?.pagination as Pagination | undefined,
    }
  }
  const error = asRecord(envelope?.error)
  throw new ApiFailure({
    ...whereOf(ask),
    kind: response.ok ? 'server' : failureKind(response.status),
    code: typeof error?.code === 'string' ? error.code : 'UNREADABLE_ANSWER',
    message:
      typeof error?.message === 'string'
        ? error.message
        : `The answer (HTTP ${response.status}) is not one of Perfloop’s.`,
    details: asRecord(error?.details) ?? {},
    status: response.status,
    retryAfterMs: parseRetryAfterMs(response.headers.get('retry-after'), Date.now()),
  })
}

async function readJson(
  response: Response,
  ask: ApiRequest,
): Promise<Record<string, unknown> | undefined> {
  try {
    return asRecord(JSON.parse(await response.text()))
  } catch {
    // A proxy's HTML page, or a body cut short: the caller hears of it as an unreadable answer.
    ask.signal?.throwIfAborted()
    return undefined
  }
}

function asRecord(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return value as Record<string, unknown>
}

function whereOf(ask: ApiRequest): { method: string; path: string } {
  return { method: ask.method, path: ask.path }
}

function pause(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = setTimeout(finish, durationMs)
    signal?.addEventListener('abort', abort, { once: true })
    function finish(): void {
      signal?.removeEventListener('abort', abort)
      resolve()
    }
    function abort(): void {
      clearTimeout(timer)
      reject(signal?.reason)
    }
  })
}
