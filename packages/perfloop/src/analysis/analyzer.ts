import type { z } from 'zod'
import type { DurationNs } from '../domain/duration.ts'
import type { Fingerprint } from '../domain/fingerprint.ts'
import type { Severity } from '../domain/severity.ts'
import type { SpanKind } from '../domain/span.ts'
import type { ParamsOf, Query, RowOf } from '../store/telemetry/query.ts'

/** Half-open `[from, to)`, by receive time, in Unix nanoseconds. Every service and environment is in it. */
export interface Window {
  readonly fromUnixNs: bigint
  readonly toUnixNs: bigint
  /** True when the window is a file: whatever is in it is all there will be (`perfloop check`). */
  readonly offline: boolean
}

/** What one analyzer saw in one window, before the engine decides whether it is a new issue or a known one. */
export interface Finding {
  readonly environment: string
  readonly service: string
  /** The operation users wait for: an entry operation wherever one is known. Empty for what concerns a whole process. */
  readonly operation: string
  readonly operationKind: SpanKind
  /** With kind, environment, service and operation: two findings with the same subject are the same issue. */
  readonly subject: Fingerprint
  /**
   * True when the subject is what it is about wherever it occurs, and the operation only the one that suffers
   * most: then the same subject stays one issue of its service when another operation takes the lead.
   */
  readonly operationIsIncidental?: boolean
  readonly severity: Severity
  /** One sentence with the names and numbers of this case. */
  readonly title: string
  /** A paragraph: what happens, why it costs, what to do. Plain text. */
  readonly description: string
  /** 0 to 1: how sure, given how much was seen. */
  readonly confidence: number
  /** Fingerprint of the statement it is about, where it is about one. */
  readonly statement?: Fingerprint
  readonly statementText?: string
  /** `file:line`, where the telemetry has it. */
  readonly codeLocation?: string
  /** An execution that shows it; empty where none does. */
  readonly traceId: string
  readonly spanIds: readonly string[]
  /** Numbers and names the reader can check; keys carry units. JSON values only. */
  readonly evidence: Readonly<Record<string, unknown>>
  /** Where it says that this is slow but not why: a finding that is the cause of it stands for it. */
  readonly symptom?: Symptom
  /** What else is slow because of it. */
  readonly cause?: Cause
  /** Time per hour users would get back if this were gone: the one ranking. */
  readonly recoverableNsPerHour: DurationNs
}

export interface Symptom {
  readonly of: 'statement' | 'operation'
  /** Time of all its executions in the window. */
  readonly timeNs: DurationNs
  /** Slow at times only: what its process suffers from may be all there is to it. */
  readonly isFitful?: boolean
  /** Where it is about several operations together, and names none: these. */
  readonly operations?: readonly { readonly operation: string; readonly kind: SpanKind }[]
}

export interface Cause {
  /** Whether each call of its statement is slow because of it. */
  readonly ofSlowStatement: boolean
  /** Whether everything waits for it that the process does meanwhile. */
  readonly ofWholeProcess?: boolean
  /** The time in the window that entry operations pass in what it is about. */
  readonly operations: readonly {
    readonly operation: string
    readonly kind: SpanKind
    readonly timeNs: DurationNs
  }[]
}

/**
 * One detector of one kind of performance problem.
 *
 * An analyzer declares the evidence it wants and judges it. It never queries, logs, reads the clock or
 * keeps state between windows: the engine does all four. That is what makes every analyzer testable
 * with a list of rows, and what lets a stranger's analyzer run in a process with no rights.
 */
export interface Analyzer<Q extends Query = Query, Options extends z.ZodType = z.ZodType> {
  /** Permanent. Issues are stored under it. */
  readonly kind: string
  readonly title: string
  /** What it looks for, in one sentence, for the list of analyzers. */
  readonly description: string
  readonly options: Options
  readonly evidence: Q
  ask(window: Window, options: z.output<Options>): ParamsOf<Q>
  judge(rows: readonly RowOf<Q>[], window: Window, options: z.output<Options>): readonly Finding[]
  /** Shortest time between two looks, where its evidence changes more seldom than that of requests. */
  restMs?(options: z.output<Options>): number
  /**
   * Services of which it would have told by now, were there something to tell: elsewhere an issue that is not seen any
   * more stays. When left out, all of them, wherever the operation was executed.
   */
  watches?(
    rows: readonly RowOf<Q>[],
    window: Window,
    options: z.output<Options>,
  ): readonly WatchedService[]
}

export interface WatchedService {
  readonly environment: string
  readonly service: string
}

export function defineAnalyzer<Q extends Query, Options extends z.ZodType>(
  analyzer: Analyzer<Q, Options>,
): Analyzer<Q, Options> {
  return analyzer
}
