import { subscribe } from 'node:diagnostics_channel'
import type { Agent } from '../agent.ts'
import { writeCaller } from '../propagate/trace-context.ts'
import { activeSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, PASSING_TEXT, TEXT } from '../record/attribute-schema.ts'
import { randomWord } from '../record/random-ids.ts'
import { type Call, recordCall } from './outgoing-call.ts'

const SCHEMA = attributeSchema(
  '@perfloop/agent/undici',
  {},
  {
    'http.request.method': TEXT,
    'url.full': PASSING_TEXT,
    'server.address': TEXT,
    'server.port': INTEGER,
    'http.response.status_code': INTEGER,
    'error.type': TEXT,
  },
)

/** https://github.com/nodejs/undici/blob/main/docs/docs/api/DiagnosticsChannel.md */
interface UndiciRequest {
  readonly origin: string | URL
  readonly path: string
  readonly method: string
  /** Names and values in turn; one text in undici 5. */
  readonly headers?: unknown
  addHeader(name: string, value: string): unknown
}

interface UndiciMessage {
  readonly request: UndiciRequest
  readonly response?: { readonly statusCode: number }
  readonly error?: unknown
}

/** `fetch` and every other use of undici, by the channels it publishes. */
export function instrumentFetch(agent: Agent): void {
  const calls = new WeakMap<UndiciRequest, Call>()
  const on = (channel: string, handle: (message: UndiciMessage) => void) =>
    subscribe(channel, message => {
      try {
        handle(message as UndiciMessage)
      } catch (error) {
        agent.report('observing fetch', error)
      }
    })

  on('undici:request:create', ({ request }) => {
    const parent = activeSpan.getStore()
    if (parent === undefined) return
    const id0 = randomWord()
    const id1 = (randomWord() | 1) >>> 0
    const has = (name: string) => hasHeader(request.headers, name)
    writeCaller(parent, id0, id1, has, (name, value) => request.addHeader(name, value))
    if (!parent.isRecorded) return
    calls.set(request, { parent, id0, id1, startMs: performance.now(), status: Number.NaN })
  })
  on('undici:request:headers', ({ request, response }) => {
    const call = calls.get(request)
    if (call !== undefined) call.status = response?.statusCode ?? Number.NaN
  })

  const finish = ({ request, error }: UndiciMessage) => {
    const call = calls.get(request)
    if (call === undefined) return
    calls.delete(request)
    recordCall(agent, SCHEMA, call, request.method, new URL(request.path, request.origin), error)
  }
  on('undici:request:trailers', finish)
  on('undici:request:error', finish)
}

/** Names and values in turn; one text in undici 5. */
function hasHeader(headers: unknown, wanted: string): boolean {
  if (typeof headers === 'string') return new RegExp(`^${wanted}:`, 'im').test(headers)
  return Array.isArray(headers) && headers.some(name => String(name).toLowerCase() === wanted)
}
