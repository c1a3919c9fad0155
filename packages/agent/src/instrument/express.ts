import type { Agent } from '../agent.ts'
import {
  type ExpressApp,
  type ExpressRoute,
  type ExpressRouter,
  ExpressTable,
} from './express-table.ts'
import { findNest } from './nest.ts'
import { noteError, noteRoute } from './request-span.ts'
import { wrapMethod } from './wrap-method.ts'

interface ExpressRequest {
  baseUrl?: string
}

type Next = (error?: unknown) => void

interface Route extends ExpressRoute {
  dispatch(request: ExpressRequest, response: unknown, done: Next): void
}

interface Router extends ExpressRouter {
  use(...args: unknown[]): unknown
  route(path: unknown): unknown
  handle(request: ExpressRequest, response: unknown, done: Next): unknown
}

interface Layer {
  /** Express 4. */
  handle_error?(error: unknown, request: ExpressRequest, ...rest: unknown[]): unknown
  /** Express 5. */
  handleError?(error: unknown, request: ExpressRequest, ...rest: unknown[]): unknown
}

interface Application extends ExpressApp {
  use(...args: unknown[]): unknown
  route(path: unknown): unknown
}

interface Express {
  readonly Router: (Partial<Router> & { readonly prototype: Router }) | undefined
  readonly Route: { readonly prototype: Route } | undefined
  readonly application: Application | undefined
}

/**
 * Routes of Express 4 and 5 as they were declared, with the paths of the routers and applications they are mounted in,
 * and the first error of a request. Nothing of the application's is replaced: not its handlers, not its layers.
 */
export function instrumentExpress(agent: Agent, express: object): void {
  const { Router, Route, application } = express as Express
  if (Router === undefined || Route === undefined || application === undefined) return
  const table = new ExpressTable(agent)

  wrapMethod(
    Route.prototype,
    'dispatch',
    dispatch =>
      function (this: Route, request, response, done) {
        try {
          noteRoute(request, table.routeOf(this, request.baseUrl ?? ''))
        } catch (error) {
          agent.report('reading the route of Express', error)
        }
        return dispatch.call(this, request, response, done)
      },
  )

  // In Express 4 the methods are on the function itself, in 5 on its prototype.
  const owner = (typeof Router.use === 'function' ? Router : Router.prototype) as Router
  const layers = new WeakSet<object>()
  const observeLayers = (router: Router) => {
    const [layer] = router.stack
    const prototype = layer === undefined ? null : (Object.getPrototypeOf(layer) as Layer | null)
    if (prototype === null || layers.has(prototype)) return
    layers.add(prototype)
    observeErrors(agent, prototype)
  }
  wrapMethod(
    owner,
    'use',
    use =>
      function (this: Router, ...args) {
        const known = this.stack.length
        const result = use.apply(this, args)
        try {
          table.noteMounted(this.stack.slice(known), args)
          observeLayers(this)
        } catch (error) {
          agent.report('reading what is mounted in Express', error)
        }
        return result
      },
  )
  wrapMethod(
    owner,
    'route',
    route =>
      function (this: Router, path) {
        const made = route.call(this, path)
        try {
          table.noteChange()
          observeLayers(this)
        } catch (error) {
          agent.report('reading a route of Express', error)
        }
        return made
      },
  )
  wrapMethod(
    owner,
    'handle',
    handle =>
      function (this: Router, request, response, done) {
        // What no error handler has taken.
        const noting: Next = error => {
          if (isError(error)) noteError(request, error)
          done(error)
        }
        return handle.call(this, request, response, typeof done === 'function' ? noting : done)
      },
  )

  const noteApp = (app: Application) => {
    try {
      if (table.noteApp(app)) findNest(agent)
    } catch (error) {
      agent.report('reading an application of Express', error)
    }
  }
  for (const name of ['use', 'route'] as const) {
    wrapMethod(
      application,
      name,
      original =>
        function (this: Application, ...args: unknown[]) {
          noteApp(this)
          return (original as (...args: unknown[]) => unknown).apply(this, args)
        },
    )
  }
  // In Express 4 the methods of an application go to its router by themselves.
  if (typeof application.lazyrouter === 'function') {
    wrapMethod(
      application,
      'lazyrouter',
      lazyrouter =>
        function (this: Application) {
          noteApp(this)
          return lazyrouter.call(this)
        },
    )
  }
}

/** What is handed from layer to layer until an error handler takes it. */
function observeErrors(agent: Agent, layer: Layer): void {
  const name = typeof layer.handleError === 'function' ? 'handleError' : 'handle_error'
  if (typeof layer[name] !== 'function') return
  wrapMethod(
    layer as Required<Layer>,
    name,
    handleError =>
      function (this: Layer, error, request, ...rest) {
        try {
          if (isError(error)) noteError(request, error)
        } catch (failure) {
          agent.report('reading an error of Express', failure)
        }
        return handleError.call(this as Required<Layer>, error, request, ...rest)
      },
  )
}

/** These two leave a route or a router, and are no failures. */
function isError(error: unknown): boolean {
  return error !== undefined && error !== null && error !== 'route' && error !== 'router'
}
