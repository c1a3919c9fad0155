import { clockMs } from '../own-clock.ts'
import type { ActiveSpan } from '../record/active-span.ts'
import { describeError } from '../record/error-description.ts'

const SPAN = Symbol('perfloop.span')

interface TracedRequest {
  [SPAN]?: ActiveSpan
}

/** The span of a request that a server of this process is answering: of Node's own request, or of an HTTP/2 stream. */
export function spanOfRequest(request: object): ActiveSpan | undefined {
  return (request as TracedRequest)[SPAN]
}

export function setSpanOfRequest(request: object, span: ActiveSpan): void {
  const traced = request as TracedRequest
  traced[SPAN] = span
}

/** What frameworks know: the route as it was declared. A later one is nearer to the handler. */
export function noteRoute(request: object, route: string): void {
  const span = spanOfRequest(request)
  if (span !== undefined) span.place = route
}

/** The function of the application that answers it, by whatever the framework calls it. */
export function noteHandler(request: object, name: string): void {
  const span = spanOfRequest(request)
  if (span !== undefined) span.handlerName = name
}

/** The first error of a request is what its span tells. One that comes when the request is over is nobody's. */
export function noteError(request: object, error: unknown): void {
  const span = spanOfRequest(request)
  if (span !== undefined) noteErrorOf(span, error)
}

export function noteErrorOf(span: ActiveSpan, error: unknown): void {
  if (error === undefined || error === null || span.exceptionMs !== 0 || !span.isRecorded) return
  span.exceptionMs = clockMs()
  span.exception = describeError(error)
}
