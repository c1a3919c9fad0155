import type { Agent } from '../agent.ts'
import { activeSpan } from '../record/active-span.ts'
import { ROUTE, type RoutedRequest } from './request-route.ts'
import { wrapMethod } from './wrap-method.ts'

interface ExpressRequest extends RoutedRequest {
  baseUrl?: string
  /** Mount paths with parameters that led here: as it was called, and as it was declared. */
  [MOUNTS]?: (readonly [called: string, declared: string])[]
}

type Handle = (
  this: unknown,
  request: ExpressRequest,
  response: unknown,
  next: (error?: unknown) => void,
) => unknown

interface Layer {
  handle: Handle
}

interface Router {
  stack: Layer[]
  use(...args: unknown[]): unknown
}

interface Route {
  path: unknown
}

interface Express {
  readonly Router: (Partial<Router> & { readonly prototype: Router }) | undefined
  readonly Route:
    | {
        readonly prototype: Route & {
          dispatch(
            request: ExpressRequest,
            response: unknown,
            done: (error?: unknown) => void,
          ): void
        }
      }
    | undefined
}

const MOUNTS = Symbol('perfloop.mounts')

/**
 * Routes of Express 4 and 5, as they were declared: the paths of mounted routers and that of the route. Nothing is
 * added to a request but one look at its route when that is dispatched.
 */
export function instrumentExpress(agent: Agent, express: object): void {
  const { Router, Route } = express as Express
  if (Router === undefined || Route === undefined) return

  wrapMethod(
    Route.prototype,
    'dispatch',
    dispatch =>
      function (this: Route, request, response, done) {
        try {
          const route = declaredBase(request) + pathText(this.path)
          request[ROUTE] = route
          const span = activeSpan.getStore()
          if (span !== undefined) span.place = route
        } catch (error) {
          agent.report('reading the route of Express', error)
        }
        return dispatch.call(this as never, request, response, noting(done))
      },
  )

  // In Express 4 the methods are on the function itself, in 5 on its prototype.
  const owner = (typeof Router.use === 'function' ? Router : Router.prototype) as Router
  wrapMethod(
    owner,
    'use',
    use =>
      function (this: Router, ...args) {
        const known = this.stack.length
        const result = use.apply(this, args)
        const [path] = args
        if (typeof path === 'string' && /[:*({]/.test(path)) {
          for (const layer of this.stack.slice(known)) layer.handle = noteMount(layer.handle, path)
        }
        return result
      },
  )
}

/** The first error of a request is what its span tells. */
function noting(done: (error?: unknown) => void): (error?: unknown) => void {
  return error => {
    if (error !== undefined && error !== null && error !== 'route' && error !== 'router') {
      const span = activeSpan.getStore()
      if (span !== undefined && span.exception === undefined) {
        span.exception = error
        span.exceptionMs = performance.now()
      }
    }
    done(error)
  }
}

function noteMount(handle: Handle, path: string): Handle {
  // Error handlers are known by their four parameters.
  if (handle.length > 3) return handle
  const noted: Handle = function (request, response, next) {
    const called = request.baseUrl ?? ''
    const outer = declaredBase({ ...pick(request), baseUrl: parentOf(called, path) })
    const mounts = request[MOUNTS] ?? []
    request[MOUNTS] = [...mounts, [called, outer + path]]
    return handle.call(this, request, response, next)
  }
  // Whoever looks for a router's `stack` finds it.
  return Object.setPrototypeOf(noted, handle)
}

function pick(request: ExpressRequest): ExpressRequest {
  const mounts = request[MOUNTS]
  return mounts === undefined ? {} : { [MOUNTS]: mounts }
}

/** What was called before this mount: as many segments fewer as the mount path has. */
function parentOf(called: string, path: string): string {
  const segments = path.split('/').filter(Boolean).length
  const parts = called.split('/')
  return parts.slice(0, Math.max(0, parts.length - segments)).join('/')
}

function declaredBase(request: ExpressRequest): string {
  const base = request.baseUrl ?? ''
  const mounts = request[MOUNTS]
  if (mounts === undefined) return base
  let longest: readonly [string, string] | undefined
  for (const mount of mounts) {
    const fits = base === mount[0] || base.startsWith(`${mount[0]}/`)
    if (fits && mount[0].length >= (longest?.[0].length ?? 0)) longest = mount
  }
  return longest === undefined ? base : longest[1] + base.slice(longest[0].length)
}

/** A route's path may be a text, a pattern, or a list of these. */
function pathText(path: unknown): string {
  if (typeof path === 'string') return path
  return Array.isArray(path) ? path.map(pathText).join('|') : String(path)
}
