import type { Agent } from '../agent.ts'
import { declareRoute } from '../declare/declarations.ts'
import { noteError, noteRoute } from './request-span.ts'
import { wrapMethod } from './wrap-method.ts'

interface Context {
  readonly req: object
  /** Of koa-mount: what the path of the mounted application begins below. */
  readonly mountPath?: unknown
  onerror(error: unknown): unknown
}

interface Application {
  readonly middleware: readonly unknown[]
  callback(): unknown
  emit(event: string | symbol, ...args: unknown[]): boolean
}

interface RouterLayer {
  readonly path: unknown
  readonly methods: readonly string[]
}

/** Errors that an application tells of by itself, and the routers it has once it is listening. */
export function instrumentKoa(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Application }
  wrapMethod(
    prototype,
    'callback',
    callback =>
      function (this: Application) {
        try {
          for (const middleware of this.middleware) declareRoutesOf(middleware)
        } catch (error) {
          agent.report('reading the routes of Koa', error)
        }
        return callback.call(this)
      },
  )
  // Koa has no such method of its own: the one it inherits is called.
  const emit = prototype.emit
  Object.defineProperty(prototype, 'emit', {
    configurable: true,
    writable: true,
    value: function (this: Application, event: string | symbol, ...args: unknown[]) {
      if (event === 'error') {
        try {
          const request = (args[1] as Partial<Context> | undefined)?.req
          if (typeof request === 'object') noteError(request, args[0])
        } catch (error) {
          agent.report('reading an error of Koa', error)
        }
      }
      return emit.call(this, event, ...args)
    },
  })
}

/**
 * Routers of Koa (`@koa/router`, `koa-router`) put the declared path on the context. They come as ES modules too, which
 * cannot be seen; the context is Koa's own.
 */
export function instrumentKoaContext(agent: Agent, exports: object): void {
  const context = exports as Context
  wrapMethod(
    context,
    'onerror',
    onerror =>
      function (this: Context, error) {
        try {
          noteError(this.req, error)
        } catch (failure) {
          agent.report('reading an error of Koa', failure)
        }
        return onerror.call(this, error)
      },
  )
  Object.defineProperty(context, '_matchedRoute', {
    configurable: true,
    enumerable: false,
    get: () => undefined,
    // The first is the route; those that follow are what is run on the way to it.
    set(this: Context, path: unknown) {
      Object.defineProperty(this, '_matchedRoute', {
        configurable: true,
        enumerable: true,
        writable: true,
        value: path,
      })
      try {
        const { mountPath } = this
        noteRoute(this.req, (typeof mountPath === 'string' ? mountPath : '') + String(path))
      } catch (error) {
        agent.report('reading the route of Koa', error)
      }
    },
  })
}

function declareRoutesOf(middleware: unknown): void {
  const { router } = middleware as { router?: { stack?: unknown } }
  if (!Array.isArray(router?.stack)) return
  for (const { path, methods } of router.stack as RouterLayer[]) {
    for (const method of methodsOf(methods)) declareRoute(method, String(path), 'koa')
  }
}

/** `router.all` registers each method that Node knows, and GET brings HEAD. */
function methodsOf(methods: readonly string[]): readonly string[] {
  if (methods.length > MOST_METHODS) return ['ALL']
  return methods.includes('GET') ? methods.filter(method => method !== 'HEAD') : methods
}

/** Nobody lists so many by hand. */
const MOST_METHODS = 15
