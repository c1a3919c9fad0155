import { isPromise } from 'node:util/types'
import type { Agent } from '../agent.ts'
import { declareRoute } from '../declare/declarations.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { noteErrorOf, spanOfRequest } from './request-span.ts'
import { wrapMethod } from './wrap-method.ts'

interface Context {
  /** Of `@hono/node-server`: Node's own request and response. */
  readonly env?: { readonly incoming?: unknown }
}

type Handler = (this: unknown, context: Context, next: unknown) => unknown

interface Router {
  add(method: string, path: string, entry: unknown): unknown
  match(method: string, path: string): unknown
}

const traced = new WeakSet<object>()
/** By router, until it is first asked for one: an application that is put into another one is never asked. */
const undeclared = new WeakMap<object, [method: string, path: string][]>()

/**
 * Routers of Hono, which every handler of an application is added to together with its route. `app.routes` keeps the
 * handlers as they were given.
 */
export function instrumentHonoRouter(agent: Agent, exports: object): void {
  for (const router of Object.values(exports)) {
    const prototype = (router as { prototype?: unknown }).prototype as Router | undefined
    if (typeof prototype?.add !== 'function') continue
    wrapMethod(
      prototype,
      'add',
      add =>
        function (this: Router, method, path, entry) {
          return add.call(this, method, path, tracedEntry(agent, this, method, path, entry))
        },
    )
    wrapMethod(
      prototype,
      'match',
      match =>
        function (this: Router, method, path) {
          const result = match.call(this, method, path)
          const routes = undeclared.get(this)
          if (routes !== undefined) {
            undeclared.delete(this)
            for (const route of routes) declareRoute(...route, 'hono')
          }
          return result
        },
    )
  }
}

/** An entry is a handler with its route. A router that chooses between routers hands on what it was given. */
function tracedEntry(
  agent: Agent,
  router: Router,
  method: string,
  path: string,
  entry: unknown,
): unknown {
  try {
    if (!Array.isArray(entry) || traced.has(entry) || typeof entry[0] !== 'function') return entry
    const [handler, ...rest] = entry as [Handler, ...unknown[]]
    // What `app.use` adds is no route: it takes the next one as well, and answers every method.
    const isRoute = method !== 'ALL' || handler.length < 2
    if (isRoute) {
      const routes = undeclared.get(router)
      if (routes === undefined) undeclared.set(router, [[method, path]])
      else routes.push([method, path])
    }
    const made = [tracedHandler(agent, isRoute ? path : undefined, handler), ...rest]
    traced.add(made)
    return made
  } catch (error) {
    agent.report('reading a route of Hono', error)
    return entry
  }
}

function tracedHandler(agent: Agent, route: string | undefined, handler: Handler): Handler {
  return function (context, next) {
    const span = spanOf(agent, context)
    if (span === undefined) return handler.call(this, context, next)
    if (route !== undefined) span.place = route
    let result: unknown
    try {
      result = handler.call(this, context, next)
    } catch (error) {
      noteErrorOf(span, error)
      throw error
    }
    // Hono itself waits for it: one that fails stays unhandled only if it is so without us.
    if (isPromise(result)) result.then(undefined, (error: unknown) => noteErrorOf(span, error))
    return result
  }
}

function spanOf(agent: Agent, context: Context): ActiveSpan | undefined {
  try {
    const incoming = context.env?.incoming
    const own =
      typeof incoming === 'object' && incoming !== null ? spanOfRequest(incoming) : undefined
    return own ?? activeSpan.getStore()
  } catch (error) {
    agent.report('reading a request of Hono', error)
    return undefined
  }
}
