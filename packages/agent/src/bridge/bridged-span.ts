import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { spanIdOf, traceIdOf } from '../propagate/trace-context.ts'
import type { ActiveSpan } from '../record/active-span.ts'
import { attributeSchema } from '../record/attribute-schema.ts'
import { type Scope, SpanDetails } from '../record/span-details.ts'
import { KIND_INTERNAL } from '../record/span-recorder.ts'
import type { Context, Link, Span, SpanContext, SpanOptions } from './api-shapes.ts'
import { CarriedTraceState } from './carried-trace-state.ts'
import { spanTimeMs } from './span-time.ts'

/** Spans made by hand have no attributes in columns: all of theirs are details, and their scope is the tracer's. */
const SCHEMA = attributeSchema('@opentelemetry/api', {}, {})

const NO_TRACE = '0'.repeat(32)
const NO_SPAN = '0'.repeat(16)

/** What the API shows of the agent's span: of one made by hand, or of a request that the agent sees by itself. */
export class BridgedSpan implements Span {
  readonly active: ActiveSpan
  /** Whether this stands for what the agent sees, and hands on, by itself. */
  readonly isEcho: boolean = false
  /** The context that it began in, if that holds more than a span. */
  outer: Context | undefined = undefined
  #details: SpanDetails | undefined
  #isOver = false

  constructor(active: ActiveSpan) {
    this.active = active
  }

  spanContext(): SpanContext {
    const { active } = this
    const spanId = spanIdOf(active.id0, active.id1)
    return {
      traceId: spanId === NO_SPAN ? NO_TRACE : traceIdOf(active),
      spanId,
      traceFlags: active.isRecorded ? 1 : 0,
      ...(active.traceState === '' ? {} : { traceState: new CarriedTraceState(active.traceState) }),
    }
  }

  isRecording(): boolean {
    return this.active.isRecorded && !this.#isOver
  }

  setAttribute(key: string, value: unknown): this {
    return this.#tell(details => details.set(key, value))
  }

  setAttributes(attributes: object): this {
    return this.#tell(details => {
      for (const [key, value] of Object.entries(attributes ?? {})) details.set(key, value)
    })
  }

  addEvent(name: string, attributesOrTime?: unknown, time?: unknown): this {
    const isTime =
      typeof attributesOrTime === 'number' ||
      attributesOrTime instanceof Date ||
      Array.isArray(attributesOrTime)
    const attributes = isTime ? undefined : (attributesOrTime as object | undefined)
    return this.#tell(details =>
      details.addEvent(String(name), spanTimeMs(isTime ? attributesOrTime : time), attributes),
    )
  }

  addLink(link: Link): this {
    return this.#tell(details => {
      const words = wordsOf(link.context.traceId + link.context.spanId)
      if (words !== undefined) details.addLink(words, link.attributes)
    })
  }

  addLinks(links: readonly Link[]): this {
    return this.#tell(() => {
      for (const link of links) this.addLink(link)
    })
  }

  setStatus(status: { readonly code: number; readonly message?: string }): this {
    return this.#tell(details => {
      const { code, message } = status
      details.setStatus(code === 1 || code === 2 ? code : 0, message)
    })
  }

  updateName(name: string): this {
    return this.#tell(details => {
      details.name = String(name)
    })
  }

  recordException(exception: unknown, time?: unknown): void {
    this.#tell(details => {
      const { name, code, message, stack } = (
        typeof exception === 'object' && exception !== null ? exception : { message: exception }
      ) as { name?: unknown; code?: unknown; message?: unknown; stack?: unknown }
      const type = typeof code === 'string' || typeof code === 'number' ? String(code) : name
      details.addEvent('exception', spanTimeMs(time), {
        'exception.type': type,
        'exception.message': typeof message === 'string' ? message : String(message),
        'exception.stacktrace': stack,
      })
    })
  }

  /** What an application hands over may be anything, with getters that throw: nothing of that comes back to it. */
  #tell(say: (details: SpanDetails) => void): this {
    try {
      const details = this.details()
      if (details !== undefined) say(details)
    } catch {
      // It is not told then.
    }
    return this
  }

  /** The request that a bridged span may stand for ends by itself. */
  end(_endTime?: unknown): void {}

  protected close(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    return true
  }

  protected details(): SpanDetails | undefined {
    if (!this.isRecording()) return undefined
    this.#details ??= this.active.details ??= new SpanDetails(undefined)
    return this.#details
  }
}

/** A span that the application begins and ends. */
export class ManualSpan extends BridgedSpan {
  readonly #agent: Agent
  readonly #name: string
  readonly #kind: number
  readonly #startMs: number

  constructor(
    agent: Agent,
    scope: Scope,
    name: string,
    active: ActiveSpan,
    { kind, startTime, attributes, links }: SpanOptions,
  ) {
    super(active)
    this.#agent = agent
    this.#name = name
    // The API counts from zero, OTLP from one.
    this.#kind = typeof kind === 'number' ? kind + 1 : KIND_INTERNAL
    this.#startMs = startTime === undefined ? active.startMs : spanTimeMs(startTime)
    if (!active.isRecorded) return
    active.details = new SpanDetails(scope)
    if (attributes !== undefined) this.setAttributes(attributes)
    if (links !== undefined) this.addLinks(links)
  }

  override end(endTime?: unknown): void {
    if (!this.close() || !this.active.isRecorded) return
    const { recorder } = this.#agent
    const endMs = endTime === undefined ? clockMs() : Math.max(this.#startMs, spanTimeMs(endTime))
    if (recorder.begin(SCHEMA, this.#name, this.#kind, false, this.active, this.#startMs, endMs)) {
      recorder.end()
    }
  }
}

/** Of the trace's and the span's id in hexadecimal, 48 digits. */
export function wordsOf(ids: string): Uint32Array | undefined {
  if (!/^[0-9a-f]{48}$/.test(ids)) return undefined
  return Uint32Array.from({ length: 6 }, (_, i) => Number.parseInt(ids.slice(i * 8, i * 8 + 8), 16))
}
