import { parseBaggage, writeBaggage } from '../propagate/baggage.ts'
import { readTraceParent, spanIdOf, traceIdOf } from '../propagate/trace-context.ts'
import {
  BAGGAGE_KEY,
  type Baggage,
  type Context,
  type Getter,
  type Setter,
  SPAN_KEY,
  type Span,
  type SpanContext,
  SUPPRESS_KEY,
} from './api-shapes.ts'
import { BridgedSpan } from './bridged-span.ts'
import { CarriedTraceState } from './carried-trace-state.ts'
import { RemoteSpan } from './remote-span.ts'

/** W3C Trace Context and Baggage, from and to whatever carries them. */
export const bridgedPropagator = {
  fields(): string[] {
    return ['traceparent', 'tracestate', 'baggage']
  },

  inject(context: Context, carrier: unknown, setter: Setter): void {
    if (context.getValue(SUPPRESS_KEY) === true) return
    const span = context.getValue(SPAN_KEY) as Span | undefined
    // The agent puts its own span into the call: two of them would be none.
    if (span instanceof BridgedSpan && span.isEcho) return
    const spanContext = span?.spanContext()
    if (spanContext !== undefined && isValid(spanContext)) {
      const { traceId, spanId, traceFlags, traceState } = spanContext
      const flags = (traceFlags & 1).toString().padStart(2, '0')
      setter.set(carrier, 'traceparent', `00-${traceId}-${spanId}-${flags}`)
      const state = traceState?.serialize()
      if (state !== undefined && state !== '') setter.set(carrier, 'tracestate', state)
    }
    const baggage = context.getValue(BAGGAGE_KEY) as Baggage | undefined
    const header = baggage === undefined ? '' : writeBaggage(baggage)
    if (header !== '') setter.set(carrier, 'baggage', header)
  },

  extract(context: Context, carrier: unknown, getter: Getter): Context {
    const state = listOf(getter.get(carrier, 'tracestate'))
    const parent = readTraceParent(listOf(getter.get(carrier, 'traceparent')), state)
    let extracted = context
    if (parent !== undefined) {
      const span = new RemoteSpan({
        traceId: traceIdOf(parent),
        spanId: spanIdOf(parent.id0, parent.id1),
        traceFlags: parent.isRecorded ? 1 : 0,
        isRemote: true,
        ...(parent.traceState === ''
          ? {}
          : { traceState: new CarriedTraceState(parent.traceState) }),
      })
      extracted = extracted.setValue(SPAN_KEY, span)
    }
    const header = listOf(getter.get(carrier, 'baggage'))
    if (header === undefined || header === '') return extracted
    const baggage = parseBaggage(header)
    return baggage.getAllEntries().length === 0
      ? extracted
      : extracted.setValue(BAGGAGE_KEY, baggage)
  },
}

function isValid({ traceId, spanId }: SpanContext): boolean {
  return /^(?!0{32})[0-9a-f]{32}$/.test(traceId) && /^(?!0{16})[0-9a-f]{16}$/.test(spanId)
}

function listOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value
}
