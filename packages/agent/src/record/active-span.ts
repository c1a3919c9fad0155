import { AsyncLocalStorage } from 'node:async_hooks'
import { clockMs } from '../own-clock.ts'
import type { ErrorDescription } from './error-description.ts'
import { headSampling } from './head-sampling.ts'
import { randomWord } from './random-ids.ts'
import type { SpanDetails } from './span-details.ts'
import { WorkTotals } from './work-totals.ts'

let workBegins: (() => void) | undefined

/** Calls with each request, job or span made by hand that begins: this must cost next to nothing. */
export function whenWorkBegins(call: () => void): void {
  workBegins = call
}

let isAllFollowed = false

/** From now on what is not recorded is followed too, since somebody wants the totals of each request. */
export function followAll(): void {
  isAllFollowed = true
}

/** What work that begins now belongs to: a request, a job, or a span made by hand. */
export class ActiveSpan {
  readonly trace0: number
  readonly trace1: number
  readonly trace2: number
  readonly trace3: number
  readonly parent0: number
  readonly parent1: number
  readonly id0: number
  readonly id1: number
  readonly isRecorded: boolean
  readonly traceState: string
  readonly startMs = clockMs()
  /** What statements of this work are told apart by, such as its route. */
  place: unknown = undefined
  /** Of a request: `GET`. */
  method: string | undefined = undefined
  /** Of a request, where its framework tells: `TownsController.stall`. */
  handlerName: string | undefined = undefined
  /** What went wrong in it first, and when; `exceptionMs` is 0 as long as nothing did and the span is not over. */
  exception: ErrorDescription | undefined = undefined
  exceptionMs = 0
  /** What the application says of it by hand. */
  details: SpanDetails | undefined = undefined
  /** What `@opentelemetry/api` knows of it: its span there, and its context. */
  bridged: object | undefined = undefined
  context: object | undefined = undefined
  /** What was done in it so far, and in all that is below it. */
  readonly totals: WorkTotals
  /** The `baggage` that came with the work, as it stood in the header. */
  readonly baggage: string

  /** A span of its own below `parent`; with `isStandIn`, what stands here for a span that is made elsewhere. */
  constructor(parent: ActiveSpan | RemoteParent | undefined, isStandIn = false) {
    workBegins?.()
    this.baggage = parent?.baggage ?? ''
    this.totals = parent instanceof ActiveSpan ? parent.totals : new WorkTotals()
    this.id0 = isStandIn ? (parent?.id0 ?? 0) : randomWord()
    // Never all zero, which is no id.
    this.id1 = isStandIn ? (parent?.id1 ?? 0) : randomWord() | 1
    if (parent === undefined || (!isStandIn && isNoSpan(parent))) {
      this.trace0 = randomWord()
      this.trace1 = randomWord()
      this.trace2 = randomWord()
      this.trace3 = randomWord() | 1
      this.parent0 = 0
      this.parent1 = 0
      this.isRecorded = headSampling.isKept(this.trace2)
      this.traceState = this.isRecorded ? headSampling.traceState : ''
    } else {
      this.trace0 = parent.trace0
      this.trace1 = parent.trace1
      this.trace2 = parent.trace2
      this.trace3 = parent.trace3
      this.parent0 = parent.id0
      this.parent1 = parent.id1
      this.isRecorded = parent.isRecorded
      this.traceState = parent.traceState
    }
  }

  /** Whether what is done in it is to be timed. Only what is recorded becomes spans. */
  get isFollowed(): boolean {
    return this.isRecorded || isAllFollowed
  }
}

/** Whether this stands for work outside of any span, such as a context that holds only baggage. */
export function isNoSpan({ trace0, trace1, trace2, trace3 }: RemoteParent): boolean {
  return (trace0 | trace1 | trace2 | trace3) === 0
}

/** The caller's span, from its `traceparent`. */
export interface RemoteParent {
  readonly trace0: number
  readonly trace1: number
  readonly trace2: number
  readonly trace3: number
  readonly id0: number
  readonly id1: number
  readonly isRecorded: boolean
  readonly traceState: string
  readonly baggage: string
}

const storage = new AsyncLocalStorage<ActiveSpan | undefined>()
let standsIn: (() => ActiveSpan | undefined) | undefined

/** The span of the work at hand. */
export const activeSpan = {
  getStore: () => storage.getStore() ?? standsIn?.(),
  run: storage.run.bind(storage),
}

/** What has no span of its own belongs to the one that is answered. The storage's own `run` must not hear of it: it would keep it. */
export function standInForNoSpan(answer: () => ActiveSpan | undefined): void {
  standsIn = answer
}
