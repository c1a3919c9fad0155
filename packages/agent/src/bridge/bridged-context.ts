import { parseBaggage, writeBaggage } from '../propagate/baggage.ts'
import { ActiveSpan, activeSpan, isNoSpan } from '../record/active-span.ts'
import { BAGGAGE_KEY, type Baggage, type Context, SPAN_KEY, type Span } from './api-shapes.ts'
import { BridgedSpan, wordsOf } from './bridged-span.ts'

/** An immutable set of values, as the API's own. */
class ValueContext implements Context {
  readonly #values: ReadonlyMap<symbol, unknown>

  constructor(values: ReadonlyMap<symbol, unknown>) {
    this.#values = values
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key)
  }

  setValue(key: symbol, value: unknown): Context {
    return new ValueContext(new Map(this.#values).set(key, value))
  }

  deleteValue(key: symbol): Context {
    const values = new Map(this.#values)
    values.delete(key)
    return new ValueContext(values)
  }
}

const ROOT: Context = new ValueContext(new Map())

// The agent's context holds one thing, the active span; the API's holds anything. Where both say the same, nothing
// is kept but the span.

/** What is active within a context of the API. */
const activeOf = new WeakMap<Context, ActiveSpan | undefined>()
const headerOf = new WeakMap<Baggage, string>()

/** The API's root context is nobody's work. */
export function knowRootContext(root: Context): void {
  activeOf.set(root, undefined)
}
knowRootContext(ROOT)

/** The span of the API for what is active. */
export function bridge(active: ActiveSpan): BridgedSpan {
  active.bridged ??= new BridgedSpan(active)
  return active.bridged as BridgedSpan
}

export function activeContext(): Context {
  const active = activeSpan.getStore()
  return active === undefined ? ROOT : contextWith(active)
}

/** The API's context of what is active, where somebody has asked for it or set it. */
function knownContext(active: ActiveSpan | undefined): Context | undefined {
  return active?.context as Context | undefined
}

function contextWith(active: ActiveSpan): Context {
  const known = knownContext(active)
  if (known !== undefined) return known
  const span = isNoSpan(active) ? undefined : bridge(active)
  const outer = span?.outer
  let context = outer ?? ROOT
  if (outer === undefined && active.baggage !== '') {
    const baggage = parseBaggage(active.baggage)
    headerOf.set(baggage, active.baggage)
    context = context.setValue(BAGGAGE_KEY, baggage)
  }
  if (span !== undefined) context = context.setValue(SPAN_KEY, span)
  active.context = context
  // All of it is in its own context now: a chain of spans, each begun within the one before, must not hold them all.
  if (span !== undefined) span.outer = undefined
  activeOf.set(context, active)
  return context
}

/** What a span that begins within this one finds beside it. */
export function contextBeside(active: ActiveSpan | undefined): Context | undefined {
  return knownContext(active) ?? (active?.bridged as BridgedSpan | undefined)?.outer
}

/** What the agent takes for active while the application works within this context. */
export function activeWithin(context: Context): ActiveSpan | undefined {
  if (activeOf.has(context)) return activeOf.get(context)
  const here = activeSpan.getStore()
  try {
    // A span that does nothing, of a tracer that nobody has registered, cuts no trace.
    if (here !== undefined && isIdle(context.getValue(SPAN_KEY) as Span | undefined)) {
      return within(here, here.baggage, context)
    }
    const active = place(context)
    activeOf.set(context, active)
    return active
  } catch {
    // No context of the API's, or one with something else where the span should be.
    return here
  }
}

function isIdle(span: Span | undefined): boolean {
  if (span === undefined || span instanceof BridgedSpan) return false
  return /^0*$/.test(span.spanContext().traceId)
}

function place(context: Context): ActiveSpan {
  const span = context.getValue(SPAN_KEY) as Span | undefined
  const header = baggageHeader(context.getValue(BAGGAGE_KEY) as Baggage | undefined)
  const own = span instanceof BridgedSpan ? span.active : standIn(span, header)
  if (own.context === context) return own
  // Until something else is set, a span's own context is the first one that it is put into.
  if (own.context !== undefined || own.baggage !== header) return within(own, header, context)
  own.context = context
  if (span instanceof BridgedSpan) span.outer = undefined
  return own
}

/** The same span, in a context with other values: all but these is read from it and written to it. */
function within(span: ActiveSpan, baggage: string, context: Context): ActiveSpan {
  // Never one within one within one.
  const { [OWNER]: owner = span } = span as ActiveSpan & { readonly [OWNER]?: ActiveSpan }
  return new Proxy(owner, {
    get(target, key) {
      if (key === 'baggage') return baggage
      if (key === 'context') return context
      return key === OWNER ? target : Reflect.get(target, key)
    },
  })
}

/** Of a span in another context: the span itself. */
const OWNER = Symbol('perfloop.owner')

/** For a span that the agent did not make, such as a remote one, or for none. */
function standIn(span: Span | undefined, baggage: string): ActiveSpan {
  const context = span?.spanContext()
  const words = context && wordsOf(context.traceId + context.spanId)
  const [trace0 = 0, trace1 = 0, trace2 = 0, trace3 = 0, id0 = 0, id1 = 0] = words ?? []
  return new ActiveSpan(
    {
      trace0,
      trace1,
      trace2,
      trace3,
      id0,
      id1,
      isRecorded: words !== undefined && ((context?.traceFlags ?? 0) & 1) === 1,
      traceState: context?.traceState?.serialize() ?? '',
      baggage,
    },
    true,
  )
}

function baggageHeader(baggage: Baggage | undefined): string {
  if (baggage === undefined) return ''
  const known = headerOf.get(baggage)
  if (known !== undefined) return known
  const header = writeBaggage(baggage)
  headerOf.set(baggage, header)
  return header
}

type Work = (this: unknown, ...args: unknown[]) => unknown

/** The API's context manager, on the agent's own context. */
export const bridgedContextManager = {
  active: activeContext,

  with(context: Context, work: Work, thisArg?: unknown, ...args: unknown[]): unknown {
    return activeSpan.run(activeWithin(context), callOn, work, thisArg, args)
  },

  /** A function runs in the context, and so do all listeners of an emitter. */
  bind<Target>(context: Context, target: Target): Target {
    const active = activeWithin(context)
    if (typeof target === 'function') {
      const bound = function (this: unknown, ...args: unknown[]) {
        return activeSpan.run(active, callOn, target as unknown as Work, this, args)
      }
      Object.defineProperty(bound, 'length', { value: target.length, configurable: true })
      return bound as Target
    }
    const emitter = target as { emit?: Work } | null
    if (typeof emitter === 'object' && typeof emitter?.emit === 'function') {
      const { emit } = emitter
      const bound = function (this: unknown, ...args: unknown[]) {
        return activeSpan.run(active, callOn, emit, this, args)
      }
      emitter.emit = bound
    }
    return target
  },

  enable() {
    return this
  },

  disable() {
    return this
  },
}

function callOn(work: Work, thisArg: unknown, args: unknown[]): unknown {
  return work.apply(thisArg, args)
}
