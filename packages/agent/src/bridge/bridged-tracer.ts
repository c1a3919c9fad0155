import type { Agent } from '../agent.ts'
import { ActiveSpan, activeSpan } from '../record/active-span.ts'
import type { Scope } from '../record/span-details.ts'
import {
  type Context,
  SPAN_KEY,
  type Span,
  type SpanOptions,
  SUPPRESS_KEY,
  type Tracer,
  type TracerProvider,
} from './api-shapes.ts'
import {
  activeContext,
  activeWithin,
  bridge,
  bridgedContextManager,
  contextBeside,
} from './bridged-context.ts'
import { BridgedSpan, ManualSpan } from './bridged-span.ts'

/**
 * Instrumentations of what the agent sees by itself. Their spans would tell everything twice, so they get the span that
 * is active already.
 */
const SEEN_BY_THE_AGENT = new Set(
  [
    ...['http', 'undici', 'express', 'router', 'connect', 'fastify', 'koa', 'hapi', 'nestjs-core'],
    ...['pg', 'mysql2', 'redis', 'ioredis', 'knex', 'typeorm', 'mongoose', 'mongodb'],
  ].map(name => `@opentelemetry/instrumentation-${name}`),
)
  .add('@prisma/instrumentation')
  .add('prisma')
  .add('@fastify/otel')
  .add('next.js')

/** Who measures now: the agent, until an OpenTelemetry SDK is set up. */
export interface Succession {
  successor: TracerProvider | undefined
}

export class BridgedTracerProvider implements TracerProvider {
  readonly #agent: Agent
  readonly #succession: Succession

  constructor(agent: Agent, succession: Succession) {
    this.#agent = agent
    this.#succession = succession
  }

  getTracer(name: string, version?: string, options?: object): Tracer {
    const { successor } = this.#succession
    if (successor !== undefined) return successor.getTracer(name, version, options)
    const scope = { name: String(name), version: typeof version === 'string' ? version : '' }
    return new BridgedTracer(this.#agent, this.#succession, scope, options)
  }
}

class BridgedTracer implements Tracer {
  readonly #agent: Agent
  readonly #succession: Succession
  readonly #scope: Scope
  readonly #options: object | undefined
  readonly #isSeenAnyway: boolean
  #successor: Tracer | undefined

  constructor(agent: Agent, succession: Succession, scope: Scope, options: object | undefined) {
    this.#agent = agent
    this.#succession = succession
    this.#scope = scope
    this.#options = options
    this.#isSeenAnyway = SEEN_BY_THE_AGENT.has(scope.name)
  }

  startSpan(name: string, given?: SpanOptions | null, context?: Context): Span {
    const options = given ?? {}
    const successor = this.#successorTracer()
    if (successor !== undefined) return successor.startSpan(name, options, context)
    const here = activeSpan.getStore()
    if (this.#isSeenAnyway) return passThrough(here)
    const outer = context ?? contextBeside(here)
    if (outer?.getValue(SUPPRESS_KEY) === true) return passThrough(undefined)
    const parent = context === undefined ? here : activeWithin(context)
    const active = new ActiveSpan(options.root === true ? undefined : parent)
    active.place = parent?.place ?? name
    const span = new ManualSpan(this.#agent, this.#scope, String(name), active, options)
    active.bridged = span
    span.outer = contextBeside(parent)
    return span
  }

  /** `(name, work)`, `(name, options, work)` or `(name, options, context, work)`. */
  startActiveSpan(name: string, ...rest: unknown[]): unknown {
    const successor = this.#successorTracer()
    if (successor !== undefined) return successor.startActiveSpan(name, ...rest)
    const work = rest.at(-1)
    if (typeof work !== 'function') return undefined
    const [options, context] = rest.slice(0, -1) as [SpanOptions?, Context?]
    const span = this.startSpan(name, options, context)
    const begin = work as (span: Span) => unknown
    if (span instanceof ManualSpan) return activeSpan.run(span.active, begin, span)
    return bridgedContextManager.with((context ?? activeContext()).setValue(SPAN_KEY, span), () =>
      begin(span),
    )
  }

  #successorTracer(): Tracer | undefined {
    const { successor } = this.#succession
    if (successor === undefined) return undefined
    this.#successor ??= successor.getTracer(this.#scope.name, this.#scope.version, this.#options)
    return this.#successor
  }
}

/** Ended and filled by whoever began it: what is told of it here is told twice. */
function passThrough(active: ActiveSpan | undefined): Span {
  return active === undefined ? new BridgedSpan(NOBODY) : new EchoSpan(bridge(active).active)
}

const NOBODY = new ActiveSpan(
  {
    trace0: 0,
    trace1: 0,
    trace2: 0,
    trace3: 0,
    id0: 0,
    id1: 0,
    isRecorded: false,
    traceState: '',
    baggage: '',
  },
  true,
)

class EchoSpan extends BridgedSpan {
  override readonly isEcho = true

  override isRecording(): boolean {
    return false
  }
}
