/** Where an instrumentation of a framework leaves the route of a request: its path with placeholders. */
export const ROUTE = Symbol('perfloop.route')

export interface RoutedRequest {
  [ROUTE]?: string
}
