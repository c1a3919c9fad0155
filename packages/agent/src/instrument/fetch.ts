import { subscribe } from 'node:diagnostics_channel'
import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { writeCaller } from '../propagate/trace-context.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, PASSING_TEXT, TEXT } from '../record/attribute-schema.ts'
import { randomWord } from '../record/random-ids.ts'
import { type Call, calledUrl, recordCall } from './outgoing-call.ts'
import { wrapMethod } from './wrap-method.ts'

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
    keepNodesContext()
    const parent = activeSpan.getStore()
    if (parent === undefined) return
    const id0 = randomWord()
    const id1 = randomWord() | 1
    const has = (name: string) => hasHeader(request.headers, name)
    writeCaller(parent, id0, id1, has, (name, value) => request.addHeader(name, value))
    if (!parent.isRecorded) return
    calls.set(request, { parent, id0, id1, startMs: clockMs(), status: Number.NaN })
  })
  on('undici:request:headers', ({ request, response }) => {
    const call = calls.get(request)
    if (call !== undefined) call.status = response?.statusCode ?? Number.NaN
  })

  const finish = ({ request, error }: UndiciMessage) => {
    const call = calls.get(request)
    if (call === undefined) return
    calls.delete(request)
    const url = calledUrl(request.origin, request.path)
    recordCall(agent, SCHEMA, call, request.method, url, error)
  }
  on('undici:request:trailers', finish)
  on('undici:request:error', finish)
}

type Dispatch = (this: unknown, options: object, handler: unknown) => boolean

interface Dispatcher {
  dispatch: Dispatch
}

/**
 * What `fetch` of Node itself uses, once it was used: the first that is there. Copies of undici in packages share them.
 * https://github.com/nodejs/undici/blob/main/lib/global.js
 */
export const GLOBAL_DISPATCHERS = [
  Symbol.for('undici.globalDispatcher.2'),
  Symbol.for('undici.globalDispatcher.1'),
]
const patched = new WeakSet<object>()
/**
 * Who asked for a call, by the handler of its answer, which travels with it through all queues. The options do so too,
 * but an application may ask by the same ones again.
 */
const askedBy = new WeakMap<object, ActiveSpan>()

/**
 * A pool that is out of connections sends a call when another one is over, and so in the context of that one: it is put
 * back into its own.
 */
export function keepContextOfCalls(_agent: unknown, undici: object): void {
  const { Client } = undici as { readonly Client?: { readonly prototype: Dispatcher } }
  if (Client !== undefined) keepContext(Client.prototype)
}

function keepNodesContext(): void {
  for (const symbol of GLOBAL_DISPATCHERS) {
    const dispatcher = (globalThis as unknown as Record<symbol, Dispatcher | undefined>)[symbol]
    if (dispatcher === undefined || patched.has(dispatcher)) continue
    patched.add(dispatcher)
    keepContext(dispatcher)
  }
}

/** `dispatch` is one method that all dispatchers of a copy of undici inherit. */
function keepContext(dispatcher: object): void {
  let owner: object | null = dispatcher
  while (owner !== null && !Object.hasOwn(owner, 'dispatch')) owner = Object.getPrototypeOf(owner)
  if (owner === null || patched.has(owner)) return
  patched.add(owner)
  wrapMethod(
    owner as Dispatcher,
    'dispatch',
    dispatch =>
      function (this: unknown, options, handler) {
        const here = activeSpan.getStore()
        if (typeof handler !== 'object' || handler === null) {
          return dispatch.call(this, options, handler)
        }
        const asked = askedBy.get(handler)
        if (asked === undefined || asked === here) {
          if (here !== undefined) askedBy.set(handler, here)
          return dispatch.call(this, options, handler)
        }
        return activeSpan.run(asked, () => dispatch.call(this, options, handler))
      },
  )
}

/** Names and values in turn; one text in undici 5. */
function hasHeader(headers: unknown, wanted: string): boolean {
  if (typeof headers === 'string') return new RegExp(`^${wanted}:`, 'im').test(headers)
  return Array.isArray(headers) && headers.some(name => String(name).toLowerCase() === wanted)
}
