/** Services that tell the routes of their requests, as known from before. */
export interface RoutedServices {
  has(service: string): boolean
  /** Called once for each that is new. */
  add(service: string): void
}

/** For who starts with nothing and keeps nothing. */
export function noRoutedServices(): RoutedServices {
  return new Set<string>()
}
