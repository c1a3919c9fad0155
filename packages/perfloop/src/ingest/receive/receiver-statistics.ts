import type { IngestStatistics } from '../ingest-buffer.ts'

/** What the receiver did since it started (a restarted worker begins anew at 0, as counters may). */
export interface ReceiverStatistics extends IngestStatistics {
  readonly requests: number
  readonly commits: number
  /** Batches that were made durable; several share a commit. */
  readonly batches: number
  readonly bytesReceived: number
  readonly bytesWritten: number
  /** Repeats of batches that were durable already. */
  readonly duplicates: number
  /** Requests refused, by error code. */
  readonly refused: Readonly<Record<string, number>>
  /** From having the whole request to its acknowledgement, over the last one to two minutes. */
  readonly acknowledgementMs: {
    readonly p50: number | null
    readonly p99: number | null
    readonly max: number | null
  }
  readonly spoolBytes: number
  readonly spoolSegments: number
  readonly spoolFull: boolean
  readonly tornTails: number
  /** Spans that the live tail was not given because there were too many. */
  readonly liveSpansSkipped: number
  /** Times the worker thread died and was started again. */
  readonly restarts: number
}
