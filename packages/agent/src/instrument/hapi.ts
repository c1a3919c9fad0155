import type { Agent } from '../agent.ts'
import { declareRoute } from '../declare/declarations.ts'
import { noteError, noteRoute } from './request-span.ts'
import { wrapMethod } from './wrap-method.ts'

interface HapiRequest {
  readonly raw: { readonly req: object }
  readonly _route: { readonly method: unknown }
  readonly route: { readonly path: unknown }
  _lookup(): unknown
  _setResponse(response: unknown): unknown
}

interface HapiRouter {
  add(config: { readonly method?: unknown; readonly path?: unknown }, route: unknown): unknown
}

/** `lib/request.js`: its route when that is found, before anything of the application runs, and what it failed with. */
export function instrumentHapiRequest(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: HapiRequest }
  wrapMethod(
    prototype,
    '_lookup',
    lookup =>
      function (this: HapiRequest) {
        const result = lookup.call(this)
        try {
          // What it answers by where no route fits is one as well.
          if (this._route.method !== '_special') noteRoute(this.raw.req, String(this.route.path))
        } catch (error) {
          agent.report('reading the route of Hapi', error)
        }
        return result
      },
  )
  wrapMethod(
    prototype,
    '_setResponse',
    setResponse =>
      function (this: HapiRequest, response) {
        try {
          if (isFailure(response)) noteError(this.raw.req, response)
        } catch (error) {
          agent.report('reading an error of Hapi', error)
        }
        return setResponse.call(this, response)
      },
  )
}

/** What was not found, or not allowed, is an error to Hapi as well. */
function isFailure(response: unknown): boolean {
  const { isBoom, output } = response as {
    isBoom?: unknown
    output?: { readonly statusCode?: unknown }
  }
  return isBoom === true && Number(output?.statusCode) >= 500
}

/** `@hapi/call`: the table that Hapi looks its routes up in. */
export function instrumentHapiRouter(agent: Agent, exports: object): void {
  const { prototype } = (exports as { readonly Router: { readonly prototype: HapiRouter } }).Router
  wrapMethod(
    prototype,
    'add',
    add =>
      function (this: HapiRouter, config, route) {
        const result = add.call(this, config, route)
        try {
          const method = String(config.method)
          declareRoute(method === '*' ? 'ALL' : method, String(config.path), 'hapi')
        } catch (error) {
          agent.report('reading a route of Hapi', error)
        }
        return result
      },
  )
}
