import type { Agent } from '../agent.ts'
import { noteError, spanOfRequest } from './request-span.ts'

interface Event {
  readonly context: { readonly matchedRoute?: { readonly path?: unknown } }
  readonly node: { readonly req: object }
}

type Handler = (this: unknown, event: Event) => unknown

interface NitroApp {
  readonly h3App: { readonly stack: readonly { handler: Handler }[] }
  readonly router: { readonly handler: Handler }
  readonly hooks: {
    hook(
      name: 'error',
      call: (error: unknown, context?: { readonly event?: Event }) => void,
    ): unknown
  }
}

const traced = new WeakSet<object>()

/** Nitro, as Nuxt and others are built with it: the route its router chooses, and what handlers throw. */
export function instrumentNitro(agent: Agent, exports: object): void {
  const useNitroApp = Object.values(exports).find(
    (exported): exported is () => NitroApp =>
      typeof exported === 'function' && exported.name === 'useNitroApp',
  )
  const app = useNitroApp?.()
  if (app === undefined || traced.has(app)) return
  traced.add(app)
  for (const layer of app.h3App.stack) {
    if (layer.handler === app.router.handler) layer.handler = tracedRouter(agent, layer.handler)
  }
  app.hooks.hook('error', (error, context) => {
    try {
      if (context?.event !== undefined && isFailure(error)) {
        noteError(context.event.node.req, causeOf(error))
      }
    } catch (failure) {
      agent.report('reading an error of Nitro', failure)
    }
  })
}

function tracedRouter(agent: Agent, handler: Handler): Handler {
  const route: Handler = function (event) {
    try {
      return handler.call(this, event)
    } finally {
      // The route is chosen before anything of the application's is waited for.
      noteRoute(agent, event)
    }
  }
  return Object.defineProperties(route, Object.getOwnPropertyDescriptors(handler))
}

/** A page that was rendered meanwhile knows better. */
function noteRoute(agent: Agent, { context, node }: Event): void {
  try {
    const path = context.matchedRoute?.path
    const span = spanOfRequest(node.req)
    if (typeof path === 'string' && span !== undefined) span.place ??= path
  } catch (error) {
    agent.report('reading a route of Nitro', error)
  }
}

/** What was not found, or not allowed, is an error to Nitro as well. */
function isFailure(error: unknown): boolean {
  const { statusCode } = (error ?? {}) as { readonly statusCode?: unknown }
  return typeof statusCode !== 'number' || statusCode >= 500
}

/** It wraps what was thrown in an error of its own. */
function causeOf(error: unknown): unknown {
  return (error as { readonly cause?: unknown } | undefined)?.cause ?? error
}
