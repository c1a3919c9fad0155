import { subscribe } from 'node:diagnostics_channel'
import type { Agent } from '../agent.ts'
import { declareRoute } from '../declare/declarations.ts'
import { findNest } from './nest.ts'
import { noteError, noteRoute } from './request-span.ts'

interface FastifyRequest {
  readonly raw: object
  readonly is404?: boolean
  readonly routeOptions?: { readonly url?: unknown }
}

interface DeclaredOptions {
  readonly method: string | readonly string[]
  readonly url: unknown
}

interface Fastify {
  addHook(name: 'onRoute', hook: (options: DeclaredOptions) => void): unknown
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequest, reply: unknown, done: () => void) => void,
  ): unknown
  addHook(
    name: 'onError',
    hook: (request: FastifyRequest, reply: unknown, error: unknown, done: () => void) => void,
  ): unknown
}

/**
 * Each application that Fastify makes, by the channel on which it tells of them: its hooks stand before all others, so
 * that a request which a plugin refuses has its route too. https://fastify.dev/docs/latest/Reference/Hooks/
 */
export function instrumentFastify(agent: Agent): void {
  subscribe('fastify.initialization', message => {
    try {
      observe(agent, (message as { readonly fastify: Fastify }).fastify)
      findNest(agent)
    } catch (error) {
      agent.report('instrumenting Fastify', error)
    }
  })
}

function observe(agent: Agent, fastify: Fastify): void {
  fastify.addHook('onRoute', ({ method, url }) => {
    try {
      for (const name of methodsOf(method)) {
        // Fastify adds one of these to each route with GET.
        if (name !== 'HEAD') declareRoute(name, String(url), 'fastify')
      }
    } catch (error) {
      agent.report('reading a route of Fastify', error)
    }
  })
  fastify.addHook('onRequest', (request, _reply, done) => {
    try {
      const url = request.is404 === true ? undefined : request.routeOptions?.url
      if (typeof url === 'string') noteRoute(request.raw, url)
    } catch (error) {
      agent.report('reading the route of Fastify', error)
    }
    done()
  })
  fastify.addHook('onError', (request, _reply, error, done) => {
    try {
      noteError(request.raw, error)
    } catch (failure) {
      agent.report('reading an error of Fastify', failure)
    }
    done()
  })
}

/** `app.all` lists each method that Fastify knows. */
function methodsOf(method: string | readonly string[]): readonly string[] {
  if (typeof method === 'string') return [method]
  return method.length > MOST_METHODS ? ['ALL'] : method
}

/** Nobody lists so many by hand. */
const MOST_METHODS = 7
