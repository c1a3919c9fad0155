import { lazyRouteComponent } from '@tanstack/react-router'

/** The code of a page did not come: the server is gone, or has a newer version of it. */
export class PageNotLoaded extends Error {
  override readonly name = 'PageNotLoaded'
}

/**
 * A page fetched when it is first gone to. An error of its own, because the router loads the whole page anew on the
 * browser's: with the server gone, that would leave the reader with nothing at all.
 */
export function lazyPage<Module extends Record<string, unknown>, Name extends keyof Module>(
  load: () => Promise<Module>,
  name: Name,
) {
  return lazyRouteComponent<Module, Name>(
    () =>
      load().catch((cause: unknown) => {
        throw new PageNotLoaded('Its code could not be fetched from the server.', { cause })
      }),
    name,
  )
}
