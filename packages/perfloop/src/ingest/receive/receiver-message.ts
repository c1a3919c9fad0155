import type { LiveSpan } from '../../domain/live-span.ts'
import type { Logger } from '../../domain/logger.ts'
import type { ErrorCode } from '../../domain/perfloop-error.ts'
import type { Settings } from '../../settings/settings.ts'
import type { NativeBlock } from '../ingest-buffer.ts'
import type { AgentAnswer, AgentQuestion } from './agent-door.ts'
import type { ReceiverStatistics } from './receiver-statistics.ts'
import type { IngestAccess } from './sender-access.ts'

/** What the worker is started with: data only, since it is copied to the thread. */
export interface ReceiverWorkerOptions {
  readonly settings: Settings['ingest']
  readonly host: string
  /** Further names by which we are reached. */
  readonly allowedHosts: readonly string[]
  readonly spoolDirectory: string
  readonly quarantineDirectory: string
  /** Retention of spans in days, which every row carries. */
  readonly measurementDays: number
  /** Secret of this installation: keys the hashes of parameters and batches. */
  readonly parameterKey: string
  /** Undefined: not known yet; senders with a token are told to retry. */
  readonly tokens: readonly IngestAccess[] | undefined
}

/** Main thread to worker. Every command is answered under its id. */
export type ReceiverCommand =
  | { readonly type: 'statistics' }
  | { readonly type: 'rotate' }
  | { readonly type: 'forgetMentions' }
  | { readonly type: 'close' }
  | { readonly type: 'append'; readonly block: NativeBlock }
  | { readonly type: 'setTokens'; readonly tokens: readonly IngestAccess[] }
  | { readonly type: 'answerAgent'; readonly question: number; readonly answer: AgentAnswer }
  | { readonly type: 'watch'; readonly watching: { readonly entriesOnly: boolean } | undefined }

export interface ReceiverCall {
  readonly id: number
  readonly command: ReceiverCommand
}

/** PerfloopErrors do not survive the copy between threads as such. */
export interface ErrorMessage {
  readonly code: ErrorCode | undefined
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

export type WorkerStatistics = Omit<ReceiverStatistics, 'restarts'>

/** Worker to main thread. */
export type ReceiverEvent =
  | { readonly type: 'ready'; readonly httpPort: number; readonly grpcPort: number }
  | { readonly type: 'failed'; readonly error: ErrorMessage }
  | { readonly type: 'done'; readonly id: number; readonly statistics?: WorkerStatistics }
  | { readonly type: 'refused'; readonly id: number; readonly error: ErrorMessage }
  | { readonly type: 'segmentClosed'; readonly segment: number }
  | { readonly type: 'agentAsks'; readonly question: number; readonly asked: AgentQuestion }
  | { readonly type: 'agentLeft'; readonly question: number }
  | { readonly type: 'spans'; readonly spans: readonly LiveSpan[] }
  | {
      readonly type: 'log'
      readonly level: keyof Logger
      readonly fields: object
      readonly message: string
    }
