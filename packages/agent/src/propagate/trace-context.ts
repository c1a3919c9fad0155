import type { ActiveSpan, RemoteParent } from '../record/active-span.ts'

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
  }
}

/** What a call made from within this span says of it. */
export function writeTraceParent(span: ActiveSpan, id0: number, id1: number): string {
  const trace = hex(span.trace0) + hex(span.trace1) + hex(span.trace2) + hex(span.trace3)
  return `00-${trace}-${hex(id0)}${hex(id1)}-${span.isRecorded ? '01' : '00'}`
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
  return value.toString(16).padStart(8, '0')
}
