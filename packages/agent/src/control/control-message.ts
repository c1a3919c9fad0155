import type { Declarations } from '../declare/declarations.ts'

/** What the server tells (docs/agent-protocol.md). */
export interface ServerSettings {
  readonly watched: boolean
  readonly flushIntervalMs: number
  /** Share of traces to record, 0 to 1. */
  readonly samplingProbability: number
  readonly maxQueuedBytes: number
  /** Whether reads tell a hash of their result. */
  readonly resultHashes: boolean
  /** Without an answer for so long, all of this ends. */
  readonly leaseMs: number
  readonly knobs: readonly { readonly name: string; readonly value: number }[]
  readonly profiles: readonly ProfileRequest[]
}

export interface ProfileRequest {
  readonly id: string
  readonly kind: 'cpu' | 'heap'
  readonly durationMs: number
}

/** A knob as it is told to the server. */
export interface KnobReport {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly value: number
  readonly own_value: number
  readonly minimum: number
  readonly maximum: number
}

export interface Framework {
  readonly name: string
  readonly version: string
}

/** A profile that was taken, or why there is none. */
export interface TakenProfile {
  /** Undefined: of the continuous profile. */
  readonly request: string | undefined
  readonly kind: 'cpu' | 'heap'
  readonly durationMs: number
  /** Gzipped pprof. */
  readonly pprof: Uint8Array | undefined
  readonly failure: string | undefined
}

/** From the application's thread to the exporting one, which takes the profiles by itself. */
export type ControlMessage =
  | {
      readonly type: 'report'
      readonly knobs: readonly KnobReport[]
      readonly frameworks: readonly Framework[]
    }
  | { readonly type: 'declarations'; readonly declarations: Declarations }
  | ({ readonly type: 'profile' } & TakenProfile)

/** And back. */
export type ControlNews =
  | { readonly type: 'settings'; readonly settings: ServerSettings }
  /** The server still says the same. */
  | { readonly type: 'renewed' }
