import type { ControlMessage, ControlNews } from '../control/control-message.ts'
import type { ControlTarget } from '../control/control-target.ts'
import type { SentRequests } from '../log/request-log.ts'
import type { RotatingLogOptions } from '../log/rotating-log.ts'
import type { SentMetrics } from '../measure/metrics.ts'
import type { AttributeSchema } from '../record/attribute-schema.ts'
import type { SentBatch } from '../record/span-batch.ts'
import type { Certificates } from './connection.ts'

/** Where telemetry goes and whom it is of: what the exporting thread starts with. */
export interface ExportTarget {
  /** `…/v1/traces`. */
  readonly tracesUrl: string
  /** `…/v1/metrics`; undefined for none. */
  readonly metricsUrl: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly certificates: Certificates
  /** The event loop may be blocked so long before its stack is asked for; 0 for never. */
  readonly blockLimitMs: number
  /** The continuous profile is sent in parts of so long; 0 for none. */
  readonly profilePartMs: number
  readonly resource: Readonly<Record<string, string | number>>
  /** Encoded spans that wait while the server is away, bytes; beyond, the oldest are dropped. */
  readonly maxQueuedBytes: number
  /** Where requests are written down, if they are. */
  readonly performanceLog: RotatingLogOptions | undefined
  /** The server's `/agent/v1`; undefined where the host wants none of it. */
  readonly control: ControlTarget | undefined
}

export interface ExportThreadData {
  readonly perfloopExport: true
  readonly target: ExportTarget
  readonly schemas: readonly AttributeSchema[]
  /** Memory of a `Pulse`. */
  readonly pulse: SharedArrayBuffer
  /** One word: batches given minus batches done. Waited for when the process ends. */
  readonly unfinished: SharedArrayBuffer
}

/** What the exporting thread is told. */
export type ExportMessage =
  | SentBatch
  | SentMetrics
  | SentRequests
  | { readonly type: 'control'; readonly message: ControlMessage }
  /** The process has something to do again. */
  | { readonly type: 'wake' }
  | { readonly type: 'limit'; readonly maxQueuedBytes: number }

/** What the exporting thread says. */
export type ExportReport =
  | { readonly type: 'buffer'; readonly buffer: SharedArrayBuffer }
  | { readonly type: 'news'; readonly news: ControlNews }
  | {
      readonly type: 'problem'
      readonly problem: string
      readonly lost: number
      readonly what: string
    }
