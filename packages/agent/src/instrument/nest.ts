import { realpathSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Agent } from '../agent.ts'
import { noteError, noteHandler } from './request-span.ts'
import { wrapMethod } from './wrap-method.ts'

interface ArgumentsHost {
  getArgByIndex(index: number): unknown
}

interface ExceptionsHandler {
  next(exception: unknown, host: ArgumentsHost): unknown
}

interface RouterExecutionContext {
  create(instance: unknown, callback: unknown, method: unknown, ...rest: unknown[]): unknown
}

type Handler = (this: unknown, request: unknown, ...rest: unknown[]) => unknown

const EXCEPTIONS = 'exceptions/exceptions-handler.js'
const EXECUTION = 'router/router-execution-context.js'
const seen = new WeakSet<object>()

/**
 * From version 12 on NestJS is made of ES modules, whose loading nobody tells of, and it must not be loaded before its
 * application does that. So whoever makes an application of Express or Fastify is looked at: where that is NestJS, it is
 * loaded, and can be asked for once more.
 */
export function findNest(agent: Agent): void {
  const frame = /(file:\/\/\S*?|[^\s(]*)([\\/]node_modules[\\/]@nestjs[\\/])/.exec(
    new Error('who calls').stack ?? '',
  )
  if (frame === null) return
  const load = async (inner: string, patch: (agent: Agent, exports: object) => void) => {
    const path = `${frame[1]}${frame[2]}core/${inner}`
    const file = realpathSync(path.startsWith('file:') ? fileURLToPath(path) : path)
    patch(agent, (await import(pathToFileURL(file).href)) as object)
  }
  Promise.all([
    load(EXCEPTIONS, instrumentNestExceptions),
    load(EXECUTION, instrumentNestHandlers),
  ]).catch((error: unknown) => agent.report('instrumenting NestJS', error))
}

/**
 * NestJS answers what its handlers throw before the framework beneath it hears of that. Its routes are those of that
 * framework. `exceptions/exceptions-handler.js` of `@nestjs/core`.
 */
export function instrumentNestExceptions(agent: Agent, exports: object): void {
  const { ExceptionsHandler } = exports as { ExceptionsHandler: { prototype: ExceptionsHandler } }
  if (seen.has(ExceptionsHandler)) return
  seen.add(ExceptionsHandler)
  wrapMethod(
    ExceptionsHandler.prototype,
    'next',
    next =>
      function (this: ExceptionsHandler, exception, host) {
        try {
          if (isFailure(exception)) noteError(nodeRequest(host.getArgByIndex(0)), exception)
        } catch (error) {
          agent.report('reading an error of NestJS', error)
        }
        return next.call(this, exception, host)
      },
  )
}

/** The functions that it gives to the framework beneath it, each with the method of a controller inside. */
export function instrumentNestHandlers(agent: Agent, exports: object): void {
  const { RouterExecutionContext } = exports as {
    RouterExecutionContext: { prototype: RouterExecutionContext }
  }
  if (seen.has(RouterExecutionContext)) return
  seen.add(RouterExecutionContext)
  wrapMethod(
    RouterExecutionContext.prototype,
    'create',
    create =>
      function (this: RouterExecutionContext, instance, callback, method, ...rest) {
        const handler = create.call(this, instance, callback, method, ...rest)
        if (typeof handler !== 'function' || typeof method !== 'string') return handler
        const { constructor: owner } = (instance ?? {}) as { constructor?: { name?: unknown } }
        const handlerName = `${String(owner?.name ?? '')}.${method}`
        const named: Handler = function (request, ...more) {
          try {
            noteHandler(nodeRequest(request), handlerName)
          } catch (error) {
            agent.report('naming a handler of NestJS', error)
          }
          return (handler as Handler).call(this, request, ...more)
        }
        return Object.defineProperties(named, Object.getOwnPropertyDescriptors(handler))
      },
  )
}

/** Of Fastify, the request of Node is within its own; of Express, it is the same one. */
function nodeRequest(request: unknown): object {
  if (typeof request !== 'object' || request === null) return {}
  const { raw } = request as { raw?: unknown }
  return typeof raw === 'object' && raw !== null ? raw : request
}

/** What was not found, or not allowed, is an exception to NestJS as well. */
function isFailure(exception: unknown): boolean {
  const { getStatus } = (exception ?? {}) as { getStatus?: unknown }
  if (typeof getStatus !== 'function') return true
  return Number(getStatus.call(exception)) >= 500
}
