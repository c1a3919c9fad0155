import type { Span as ApiSpan, TextMapPropagator, TraceState } from '@opentelemetry/api'
import { ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { describe, expect, it } from 'vitest'
import { parseBaggage, writeBaggage } from '../propagate/baggage.ts'
import type { Span } from './api-shapes.ts'
import { bridgedPropagator } from './bridged-propagator.ts'
import { CarriedTraceState } from './carried-trace-state.ts'
import { RemoteSpan } from './remote-span.ts'
import { spanTimeMs } from './span-time.ts'

describe('what the bridge gives to the OpenTelemetry API', () => {
  it('has the shapes that the API declares', () => {
    const shapes: [TraceState, TextMapPropagator] = [new CarriedTraceState(''), bridgedPropagator]
    const span: Span & ApiSpan = new RemoteSpan({ traceId: '', spanId: '', traceFlags: 0 })
    expect(shapes).toHaveLength(2)
    expect(span.setAttribute('a', 1).setStatus({ code: 2 }).isRecording()).toBe(false)
  })

  it('reads baggage with what is odd in it, and writes it within its limits', () => {
    const baggage = parseBaggage(' a = 1%202 ; x=y ,b=%E0%A4%A,,=none, c')
    expect(baggage.getEntry('a')).toMatchObject({ value: '1 2' })
    expect(String(baggage.getEntry('a')?.metadata)).toBe('x=y')
    expect(baggage.getEntry('b')?.value).toBe('%E0%A4%A')
    expect(baggage.getAllEntries()).toHaveLength(2)
    expect(writeBaggage(baggage.removeEntry('b'))).toBe('a=1%202;x=y')
    expect(writeBaggage(baggage.clear())).toBe('')
    const long = baggage
      .setEntry('long', { value: 'x'.repeat(9_000) })
      .setEntry('d', { value: '4' })
    expect(writeBaggage(long)).toBe('a=1%202;x=y,b=%25E0%25A4%25A,d=4')
  })

  it('keeps the order of a trace state, the newest first', () => {
    const state = new CarriedTraceState('a=1, b=2,broken')
    expect(state.set('b', '3').serialize()).toBe('b=3,a=1')
    expect(state.unset('a').serialize()).toBe('b=2')
    expect(state.get('a')).toBe('1')
  })

  it('takes times as the API gives them', () => {
    const unixMs = Date.now()
    const inProcess = unixMs - performance.timeOrigin
    expect(spanTimeMs(unixMs)).toBeCloseTo(inProcess, 2)
    expect(spanTimeMs(new Date(unixMs))).toBeCloseTo(inProcess, 2)
    expect(spanTimeMs([Math.floor(unixMs / 1e3), (unixMs % 1e3) * 1e6])).toBeCloseTo(inProcess, 2)
    expect(spanTimeMs(5)).toBe(5)
    expect(Math.abs(spanTimeMs('soon') - performance.now())).toBeLessThan(50)
  })

  it('takes no trace from what is none, and hands on none that is suppressed', () => {
    const carried: Record<string, string> = { traceparent: 'no', baggage: '' }
    const getter = {
      keys: Object.keys,
      get: (carrier: object, key: string) => carried[key] ?? String(carrier),
    }
    expect(bridgedPropagator.extract(ROOT_CONTEXT, {}, getter as never)).toBe(ROOT_CONTEXT)
    const setter = {
      set(_carrier: unknown, key: string) {
        throw new Error(`${key} was set`)
      },
    }
    const invalid = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: '0'.repeat(32),
      spanId: '',
      traceFlags: 1,
    })
    bridgedPropagator.inject(invalid, {}, setter)
    const suppressed = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
    const valid = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      traceFlags: 1,
    })
    bridgedPropagator.inject(valid.setValue(suppressed, true), {}, setter)
    expect(() => bridgedPropagator.inject(valid, {}, setter)).toThrow('traceparent was set')
  })
})
