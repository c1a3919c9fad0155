import { subscribe } from 'node:diagnostics_channel'
import type { Agent } from '../agent.ts'
import { declareRoute } from '../declare/declarations.ts'
import { findNest } from './nest.ts'
import { noteError, noteRoute } from './request-span.ts'
import { wrapMethod } from './wrap-method.ts'

interface Handle {
  /** Of Fastify, what it knows of a route. */
  readonly store?: { readonly config?: { readonly url?: unknown } } | null
}

interface Router {
  on(method: unknown, path: unknown, ...rest: unknown[]): unknown
  find(...args: unknown[]): Handle | null
  lookup(request: object, ...rest: unknown[]): unknown
}

/** Whose route is being looked up. */
let looking: object | undefined

/**
 * `find-my-way`, in which Fastify looks its routes up before any hook runs: a request that a plugin refuses has its
 * route too. Hooks of our own would be seen by plugins, some of which count them.
 */
export function instrumentFindMyWay(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Router }
  wrapMethod(
    prototype,
    'on',
    on =>
      function (this: Router, method, path, ...rest) {
        const result = on.call(this, method, path, ...rest)
        try {
          const url = urlOf(rest.at(-1))
          if (url !== undefined) {
            for (const name of methodsOf(method)) {
              // Fastify adds one of these to each route with GET.
              if (name !== 'HEAD') declareRoute(name, url, 'fastify')
            }
          }
        } catch (error) {
          agent.report('reading a route of Fastify', error)
        }
        return result
      },
  )
  wrapMethod(
    prototype,
    'lookup',
    lookup =>
      function (this: Router, request, ...rest) {
        const outer = looking
        looking = request
        try {
          return lookup.call(this, request, ...rest)
        } finally {
          looking = outer
        }
      },
  )
  wrapMethod(
    prototype,
    'find',
    find =>
      function (this: Router, ...args) {
        const handle = find.apply(this, args)
        const request = looking
        looking = undefined
        if (request === undefined || handle === null) return handle
        try {
          const url = urlOf(handle.store)
          if (url !== undefined) noteRoute(request, url)
        } catch (error) {
          agent.report('reading the route of Fastify', error)
        }
        return handle
      },
  )
}

/** Of a route; undefined for what Fastify answers by where there is none, and for routers of others. */
function urlOf(store: unknown): string | undefined {
  if (typeof store !== 'object' || store === null) return undefined
  const url = (store as NonNullable<Handle['store']>).config?.url
  return typeof url === 'string' ? url : undefined
}

/** `app.all` lists each method that Fastify knows. */
function methodsOf(method: unknown): readonly string[] {
  if (!Array.isArray(method)) return [String(method)]
  return method.length > MOST_METHODS ? ['ALL'] : method.map(String)
}

/** Nobody lists so many by hand. */
const MOST_METHODS = 7

let isErrorKey: symbol | undefined

/** `lib/symbols.js` of Fastify: by which of them a reply says that what is sent was thrown, whatever it is. */
export function readFastifySymbols(_agent: Agent, exports: object): void {
  const { kReplyIsError } = exports as { readonly kReplyIsError?: unknown }
  if (typeof kReplyIsError === 'symbol') isErrorKey = kReplyIsError
}

interface Reply {
  readonly request: { readonly raw: object }
  readonly [key: symbol]: unknown
  send(payload: unknown): unknown
}

/** `lib/reply.js` of Fastify: what is thrown is sent before any handler of errors sees it. */
export function instrumentFastifyReply(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Reply }
  wrapMethod(
    prototype,
    'send',
    send =>
      function (this: Reply, ...args) {
        try {
          const isThrown = isErrorKey !== undefined && this[isErrorKey] === true
          if (isThrown || args[0] instanceof Error) noteError(this.request.raw, args[0])
        } catch (error) {
          agent.report('reading an error of Fastify', error)
        }
        return send.apply(this, args)
      },
  )
}

/** Whoever makes an application of Fastify may be NestJS. */
export function observeFastify(agent: Agent): void {
  subscribe('fastify.initialization', () => {
    try {
      findNest(agent)
    } catch (error) {
      agent.report('instrumenting Fastify', error)
    }
  })
}
