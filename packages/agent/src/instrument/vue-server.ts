import type { Agent } from '../agent.ts'
import { declareRoute } from '../declare/declarations.ts'
import { renderSchema, requestAtHand, traceRender } from './render-span.ts'
import { wrapMethod } from './wrap-method.ts'

const VUE = renderSchema('vue')

interface RouteRecord {
  readonly path: string
}

/** Of `vue-router`. */
interface Router {
  readonly currentRoute: { readonly value: { readonly matched: readonly RouteRecord[] } }
  getRoutes(): readonly RouteRecord[]
}

interface VueApp {
  readonly config?: { readonly globalProperties?: { readonly $router?: Router } }
}

interface VueServer {
  renderToString(input: VueApp, ...rest: unknown[]): Promise<string>
}

const seen = new WeakSet<object>()

/** Pages of Vue rendered on the server, by Nuxt as well: as render time, with the route that `vue-router` has chosen. */
export function instrumentVueServer(agent: Agent, exports: object): void {
  if (seen.has(exports)) return
  seen.add(exports)
  let isDeclared = false
  wrapMethod(
    exports as VueServer,
    'renderToString',
    render =>
      function (this: unknown, input, ...rest) {
        let route: string | undefined
        try {
          const router = input.config?.globalProperties?.$router
          if (router !== undefined) {
            if (!isDeclared) {
              for (const { path } of router.getRoutes()) declareRoute('GET', pathOf(path), 'vue')
            }
            isDeclared = true
            const record = router.currentRoute.value.matched.at(-1)
            route = record && pathOf(record.path)
          }
          const span = requestAtHand()
          if (route !== undefined && span !== undefined) span.place = route
        } catch (error) {
          agent.report('reading a route of Vue', error)
        }
        return traceRender(agent, VUE, route ?? 'vue', () => render.call(this, input, ...rest))
      },
  )
}

/** `/blog/:slug()`, as Nuxt writes what is a file `[slug]`. */
function pathOf(path: string): string {
  return path.replaceAll('()', '')
}
