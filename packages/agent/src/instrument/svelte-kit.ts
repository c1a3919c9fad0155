import { declareRoute } from '../declare/declarations.ts'
import { requestAtHand } from './render-span.ts'

interface Route {
  readonly id: string
  /** Null for a page that nothing but the page itself answers. */
  readonly endpoint: unknown
}

interface Manifest {
  readonly _?: { readonly routes?: readonly Route[] }
}

/** What SvelteKit builds its table of routes into. It asks a route for its id when it has chosen it for a request. */
export function instrumentSvelteKit(exports: object): void {
  for (const exported of Object.values(exports) as (Manifest | null | undefined)[]) {
    for (const route of exported?._?.routes ?? []) {
      const { id, endpoint } = route
      if (typeof id !== 'string') continue
      declareRoute(endpoint === null ? 'GET' : 'ALL', id, 'sveltekit')
      Object.defineProperty(route, 'id', {
        configurable: true,
        enumerable: true,
        get() {
          const span = requestAtHand()
          if (span !== undefined) span.place = id
          return id
        },
      })
    }
  }
}
