import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { syncBuiltinESMExports } from 'node:module'
import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { writeCaller } from '../propagate/trace-context.ts'
import { activeSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, PASSING_TEXT, TEXT } from '../record/attribute-schema.ts'
import { randomWord } from '../record/random-ids.ts'
import { type Call, calledUrl, recordCall } from './outgoing-call.ts'
import { wrapMethod } from './wrap-method.ts'

const SCHEMA = attributeSchema(
  '@perfloop/agent/http-client',
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

/** `http.request`, `http.get` and those of https, for all that build on them (axios, got, needle, …). */
export function instrumentHttpClient(agent: Agent): void {
  for (const module of [http, https] as (typeof http)[]) {
    wrapMethod(
      module,
      'request',
      request =>
        function (this: unknown, ...args: unknown[]) {
          const made = (request as (...args: unknown[]) => ClientRequest).apply(this, args)
          observe(agent, made)
          return made
        } as typeof http.request,
    )
    // `get` of Node calls its own `request`, and so does this: not one that somebody puts over ours later.
    const { request } = module
    wrapMethod(
      module,
      'get',
      () =>
        function (this: unknown, ...args: unknown[]) {
          const made = (request as (...args: unknown[]) => ClientRequest)(...args)
          made.end()
          return made
        } as typeof http.get,
    )
  }
  syncBuiltinESMExports()
}

function observe(agent: Agent, request: ClientRequest): void {
  try {
    const parent = activeSpan.getStore()
    if (parent === undefined) return
    const id0 = randomWord()
    const id1 = randomWord() | 1
    // Headers given as a list are on their way already.
    if (!request.headersSent) {
      const has = (name: string) => request.hasHeader(name)
      writeCaller(parent, id0, id1, has, (name, value) => request.setHeader(name, value))
    }
    if (parent.isRecorded)
      follow(agent, request, { parent, id0, id1, startMs: clockMs(), status: Number.NaN })
  } catch (error) {
    agent.report('observing a call', error)
  }
}

function follow(agent: Agent, request: ClientRequest, call: Call): void {
  let failure: unknown
  // Only where somebody listens: with a listener of ours, an error that the application does not handle would be
  // hidden from it.
  const emit = request.emit
  const noting: typeof emit = function (
    this: ClientRequest,
    event: string | symbol,
    ...args: unknown[]
  ) {
    if (event === 'error') failure = args[0]
    else if (event === 'response')
      call.status = (args[0] as IncomingMessage).statusCode ?? Number.NaN
    else if (event === 'close') {
      try {
        const url = urlOf(request)
        recordCall(agent, SCHEMA, call, request.method, url, failure)
      } catch (error) {
        agent.report('recording a call', error)
      }
    }
    return emit.call(this, event, ...args)
  }
  // By a name: see decision 0022.
  request.emit = noting
}

/** The `Host` that the application gives may be anything. */
function urlOf(request: ClientRequest): URL {
  const { protocol, host, path } = request
  const header = request.getHeader('host')
  try {
    return calledUrl(`${protocol}//${typeof header === 'string' ? header : host}`, path)
  } catch {
    return calledUrl(`${protocol}//${host.includes(':') ? `[${host}]` : host}`, path)
  }
}
