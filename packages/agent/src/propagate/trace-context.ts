import type { IncomingHttpHeaders } from 'node:http'
import { type ActiveSpan, isNoSpan, type RemoteParent } from '../record/active-span.ts'

/** What a caller's headers say of its span and of its baggage; undefined where they say nothing. */
export function readCaller(headers: IncomingHttpHeaders): RemoteParent | undefined {
  const { traceparent, tracestate, baggage } = headers
  if (baggage === undefined) return readTraceParent(traceparent, tracestate)
  const carried = boundedBaggage(baggage)
  const caller = readTraceParent(traceparent, tracestate)
  return { ...(caller ?? NO_CALLER), baggage: carried }
}

/** Baggage that is handed on may come without a span. */
const NO_CALLER: RemoteParent = {
  trace0: 0,
  trace1: 0,
  trace2: 0,
  trace3: 0,
  id0: 0,
  id1: 0,
  isRecorded: true,
  traceState: '',
  baggage: '',
}

/** https://www.w3.org/TR/baggage/#limits */
const LONGEST_BAGGAGE = 8_192

function boundedBaggage(header: unknown): string {
  return typeof header === 'string' && header.length <= LONGEST_BAGGAGE ? header : ''
}

/**
 * `traceparent` and `tracestate` of W3C Trace Context (https://www.w3.org/TR/trace-context/): version, trace, parent
 * and flags in lower-case hexadecimal. A later version may have more after the flags; undefined for what is not valid.
 */
export function readTraceParent(header: unknown, traceState: unknown): RemoteParent | undefined {
  if (typeof header !== 'string' || header.length < 55) return undefined
  const version = word(header, 0, 2)
  if (version < 0 || version === 0xff || (version === 0 && header.length !== 55)) return undefined
  if (header.length > 55 && header.charCodeAt(55) !== DASH) return undefined
  if (header.charCodeAt(2) !== DASH || header.charCodeAt(35) !== DASH) return undefined
  if (header.charCodeAt(52) !== DASH) return undefined
  const trace0 = word(header, 3, 8)
  const trace1 = word(header, 11, 8)
  const trace2 = word(header, 19, 8)
  const trace3 = word(header, 27, 8)
  const id0 = word(header, 36, 8)
  const id1 = word(header, 44, 8)
  const flags = word(header, 53, 2)
  if (trace0 < 0 || trace1 < 0 || trace2 < 0 || trace3 < 0 || id0 < 0 || id1 < 0 || flags < 0) {
    return undefined
  }
  if (trace0 + trace1 + trace2 + trace3 === 0 || id0 + id1 === 0) return undefined
  return {
    trace0,
    trace1,
    trace2,
    trace3,
    id0,
    id1,
    isRecorded: (flags & 1) === 1,
    traceState: typeof traceState === 'string' && traceState.length <= 512 ? traceState : '',
    baggage: '',
  }
}

/** What a call made from within this span says of it. */
export function writeTraceParent(span: ActiveSpan, id0: number, id1: number): string {
  return `00-${traceIdOf(span)}-${spanIdOf(id0, id1)}-${span.isRecorded ? '01' : '00'}`
}

export function traceIdOf({ trace0, trace1, trace2, trace3 }: RemoteParent): string {
  return hex(trace0) + hex(trace1) + hex(trace2) + hex(trace3)
}

export function spanIdOf(id0: number, id1: number): string {
  return hex(id0) + hex(id1)
}

/**
 * Puts the trace, its state and the baggage into a call that is about to leave, but for what the application has put
 * there itself: two of one name would be none to whoever is called.
 */
export function writeCaller(
  span: ActiveSpan,
  id0: number,
  id1: number,
  has: (name: string) => boolean,
  set: (name: string, value: string) => unknown,
): void {
  if (!isNoSpan(span) && !has('traceparent')) {
    // A call that is not recorded is not to be recorded by whom it calls either.
    const { isRecorded, traceState } = span
    set(
      'traceparent',
      writeTraceParent(span, isRecorded ? id0 : span.id0, isRecorded ? id1 : span.id1),
    )
    if (traceState !== '') set('tracestate', traceState)
  }
  if (span.baggage !== '' && !has('baggage')) set('baggage', span.baggage)
}

const DASH = 45

/** -1 where a character is no lower-case hexadecimal digit. */
function word(text: string, start: number, length: number): number {
  let value = 0
  for (let at = start; at < start + length; at++) {
    const code = text.charCodeAt(at)
    const digit = code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : -1
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}
