// What `@opentelemetry/api` 1.x gives and expects, as far as the bridge needs it: the agent does not depend on it.

export interface Context {
  getValue(key: symbol): unknown
  setValue(key: symbol, value: unknown): Context
  deleteValue(key: symbol): Context
}

export interface TraceState {
  get(key: string): string | undefined
  set(key: string, value: string): TraceState
  unset(key: string): TraceState
  serialize(): string
}

export interface SpanContext {
  readonly traceId: string
  readonly spanId: string
  readonly traceFlags: number
  readonly isRemote?: boolean
  readonly traceState?: TraceState
}

/** Milliseconds of Unix time or of `performance.now()`, a date, or seconds and nanoseconds. */
export type TimeInput = number | Date | readonly [seconds: number, nanoseconds: number]

export interface Link {
  readonly context: SpanContext
  readonly attributes?: object
}

export interface SpanOptions {
  readonly kind?: number
  readonly attributes?: object
  readonly links?: readonly Link[]
  readonly startTime?: TimeInput
  readonly root?: boolean
}

export interface Span {
  spanContext(): SpanContext
  setAttribute(key: string, value: unknown): this
  setAttributes(attributes: object): this
  addEvent(name: string, attributesOrTime?: object | TimeInput, time?: TimeInput): this
  addLink(link: Link): this
  addLinks(links: readonly Link[]): this
  setStatus(status: { readonly code: number; readonly message?: string }): this
  updateName(name: string): this
  end(endTime?: TimeInput): void
  isRecording(): boolean
  recordException(exception: unknown, time?: TimeInput): void
}

export interface Tracer {
  startSpan(name: string, options?: SpanOptions, context?: Context): Span
  startActiveSpan(name: string, ...rest: unknown[]): unknown
}

export interface TracerProvider {
  getTracer(name: string, version?: string, options?: object): Tracer
}

export interface BaggageEntry {
  readonly value: string
  readonly metadata?: { toString(): string }
}

export interface Baggage {
  getEntry(key: string): BaggageEntry | undefined
  getAllEntries(): [string, BaggageEntry][]
  setEntry(key: string, entry: BaggageEntry): Baggage
  removeEntry(key: string): Baggage
  removeEntries(...keys: string[]): Baggage
  clear(): Baggage
}

export interface Getter {
  keys(carrier: unknown): string[]
  get(carrier: unknown, key: string): string | string[] | undefined
}

export interface Setter {
  set(carrier: unknown, key: string, value: string): void
}

/** Keys are the same in every copy of the API: `createContextKey` is `Symbol.for`. */
export const SPAN_KEY = Symbol.for('OpenTelemetry Context Key SPAN')
export const BAGGAGE_KEY = Symbol.for('OpenTelemetry Baggage Key')
/** Of `@opentelemetry/core`. */
export const SUPPRESS_KEY = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')
