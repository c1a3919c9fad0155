import { AsyncLocalStorage } from 'node:async_hooks'
import { randomWord } from './random-ids.ts'

/** What work that begins now belongs to: a request, a job, or a span made by hand. */
export class ActiveSpan {
  readonly trace0: number
  readonly trace1: number
  readonly trace2: number
  readonly trace3: number
  readonly parent0: number
  readonly parent1: number
  readonly id0 = randomWord()
  /** Never all zero, which is no id. */
  readonly id1 = (randomWord() | 1) >>> 0
  readonly isRecorded: boolean
  readonly traceState: string
  readonly startMs = performance.now()
  /** What statements of this work are told apart by, such as its route. */
  place: unknown = undefined
  /** What went wrong in it first, and when. */
  exception: unknown = undefined
  exceptionMs = 0

  constructor(parent: ActiveSpan | RemoteParent | undefined) {
    if (parent === undefined) {
      this.trace0 = randomWord()
      this.trace1 = randomWord()
      this.trace2 = randomWord()
      this.trace3 = (randomWord() | 1) >>> 0
      this.parent0 = 0
      this.parent1 = 0
      this.isRecorded = true
      this.traceState = ''
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
}

export const activeSpan = new AsyncLocalStorage<ActiveSpan | undefined>()
