import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import type { ActiveSpan } from '../record/active-span.ts'
import type { AttributeSchema } from '../record/attribute-schema.ts'
import { describeError } from '../record/error-description.ts'
import { KIND_CLIENT } from '../record/span-recorder.ts'
import { codeOf } from './database-statement.ts'

/** A call over HTTP that is on its way. */
export interface Call {
  readonly parent: ActiveSpan
  readonly id0: number
  readonly id1: number
  readonly startMs: number
  /** NaN until an answer has come. */
  status: number
}

/** Of an origin and what was asked of it, which begins with two slashes at times or, asked of a proxy, is whole. */
export function calledUrl(origin: string | URL, asked: string): URL {
  const path = asked.replace(/[?#].*$/s, '')
  if (/^https?:/i.test(path)) return new URL(path)
  const url = new URL(origin)
  url.pathname = path
  return url
}

/**
 * Values in the order that all schemas of calls have: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client
 * Neither the query string nor the user and password of the URL are recorded.
 */
export function recordCall(
  { recorder }: Agent,
  schema: AttributeSchema,
  call: Call,
  method: string,
  url: URL,
  error: unknown,
): void {
  const { parent, id0, id1, startMs, status } = call
  const endMs = clockMs()
  const hasFailed = error !== undefined || status >= 400
  const name = method.toUpperCase()
  const failure = error !== undefined && parent.isRecorded ? describeError(error) : undefined
  const type = failure === undefined ? String(status) : (codeOf(error) ?? failure.type)
  const isBegun = recorder.beginChild(
    schema,
    name,
    KIND_CLIENT,
    hasFailed,
    parent,
    startMs,
    endMs,
    id0,
    id1,
  )
  if (!isBegun) return
  if (failure !== undefined) recorder.exception(failure, endMs)
  recorder.text(name)
  recorder.passingText(`${url.origin}${url.pathname}`)
  recorder.text(url.hostname)
  recorder.integer(Number(url.port) || (url.protocol === 'https:' ? 443 : 80))
  recorder.integer(status)
  recorder.text(hasFailed ? type : undefined)
  recorder.end()
}
