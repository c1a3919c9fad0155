import type { Knobs } from './control/knobs.ts'
import type { RequestLog } from './log/request-log.ts'
import type { Metrics } from './measure/metrics.ts'
import type { SpanRecorder } from './record/span-recorder.ts'

/** What instrumentations work with. */
export interface Agent {
  readonly recorder: SpanRecorder
  readonly metrics: Metrics
  readonly knobs: Knobs
  /** Where each request is written down, if it is. */
  readonly requestLog: RequestLog | undefined
  /** Requests that are being answered. */
  activeRequests: number
  /** Something of the agent's own went wrong. Told once for each kind, never thrown. */
  report(where: string, error: unknown): void
  /** Something that the user has to decide. */
  tell(what: string): void
}
