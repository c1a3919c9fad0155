import { ServerResponse } from 'node:http'
import type { Agent } from '../agent.ts'
import { spanOfRequest } from '../instrument/request-span.ts'
import { wrapMethod } from '../instrument/wrap-method.ts'
import { clockMs } from '../own-clock.ts'
import { writeTraceParent } from '../propagate/trace-context.ts'
import type { ActiveSpan } from '../record/active-span.ts'
import { countRepeats } from '../record/work-totals.ts'

const HEADER = 'server-timing'

/**
 * Tells the page what its request has cost until the headers left: https://www.w3.org/TR/server-timing/. The trace goes by the
 * entry `traceparent`, from which scripts in the page read it.
 */
export function addServerTiming(agent: Agent): void {
  countRepeats()
  // Loaded here and not above: it takes as long to load as all the rest of the agent.
  const { Http2ServerResponse } = process.getBuiltinModule('node:http2')
  // Whoever answers a stream of HTTP/2 without a response gives all headers himself.
  for (const { prototype } of [ServerResponse, Http2ServerResponse]) tellTiming(agent, prototype)
}

interface AnyResponse {
  readonly req: object
  readonly headersSent: boolean
  getHeader(name: string): unknown
  setHeader(name: string, value: string): unknown
  writeHead(...args: unknown[]): unknown
}

function tellTiming(agent: Agent, prototype: object): void {
  wrapMethod(prototype as AnyResponse, 'writeHead', writeHead => {
    return function (this: AnyResponse, ...args) {
      try {
        const isOpen = !this.headersSent && !args.some(isListOfPairs)
        const span = isOpen ? spanOfRequest(this.req) : undefined
        if (span !== undefined) {
          const own = this.getHeader(HEADER)
          const timing = serverTiming(span, clockMs())
          this.setHeader(HEADER, own === undefined ? timing : `${String(own)}, ${timing}`)
        }
      } catch (error) {
        agent.report('writing Server-Timing', error)
      }
      return writeHead.apply(this, args)
    }
  })
}

export function serverTiming(span: ActiveSpan, nowMs: number): string {
  const { totals, startMs } = span
  const parts = [`total;dur=${tenths(nowMs - startMs)}`]
  if (totals.statements > 0) {
    const count = `${totals.statements} ${totals.statements === 1 ? 'statement' : 'statements'}`
    parts.push(`db;dur=${tenths(totals.databaseMs)};desc="${count}"`)
  }
  const repeated = Math.max(0, ...(totals.repeats?.values() ?? []))
  if (repeated >= FEWEST_REPEATS) parts.push(`repeated;desc="${repeated}"`)
  if (totals.renderMs > 0) parts.push(`render;dur=${tenths(totals.renderMs)}`)
  parts.push(`traceparent;desc="${writeTraceParent(span, span.id0, span.id1)}"`)
  return parts.join(', ')
}

/** Node takes `[[name, value], …]` only where no header was set before. */
function isListOfPairs(headers: unknown): boolean {
  return Array.isArray(headers) && Array.isArray(headers[0])
}

/** One statement so often in one request is a loop of them. */
const FEWEST_REPEATS = 5

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10
}
