export interface BrowserOptions {
  /** Where OTLP/HTTP is received, such as `https://perfloop.example:4318`; its own setting lists the origins that may send. */
  readonly endpoint: string
  /** The pages count as a service of their own. `browser` by default. */
  readonly serviceName?: string
  /** Attributes of the resource, such as `deployment.environment.name`. */
  readonly resourceAttributes?: Readonly<Record<string, string>>
  /** Ingest token: whoever sees the page sees it. */
  readonly token?: string
  /** Origins beside the page's own to which calls carry the trace; these must allow the header `traceparent`. */
  readonly traceOrigins?: readonly string[]
  /** The name that a path counts under. By default its numbers and ids become `:id`. */
  readonly route?: (path: string) => string
}

/** Parts that differ from one object to the next: numbers, and what has digits among hexadecimal ones. */
const ID = /^(?:\d+|(?=[^/]*\d)[0-9a-f-]{8,})$/i

export function routeOf(path: string): string {
  return path
    .split('/')
    .map(part => (ID.test(part) ? ':id' : part))
    .join('/')
}
