import type { Attributes, Scope, SpanDetails } from './span-details.ts'

/** Spans in one batch: waking the exporting thread and a request to the server cost as much as some hundred spans. */
export const BATCH_SPANS = 4_096
const VALUES_PER_SPAN = 10

/** Words of a span in `ids`: trace 4, span 2, parent 2, as they stand on the wire (big-endian words). */
export const ID_WORDS = 8
/** Words of a span in `facts`: name, schema, kind | status << 8, text of its trace state plus 1 or 0, end of its values. */
export const FACT_WORDS = 5

const IDS_BYTES = BATCH_SPANS * ID_WORDS * 4
const FACTS_BYTES = BATCH_SPANS * FACT_WORDS * 4
const TIMES_BYTES = BATCH_SPANS * 2 * 8
const VALUES_BYTES = BATCH_SPANS * VALUES_PER_SPAN * 8
const BATCH_BYTES = IDS_BYTES + FACTS_BYTES + TIMES_BYTES + VALUES_BYTES

export const MOST_VALUES = BATCH_SPANS * VALUES_PER_SPAN

/** An exception on a span, which is seldom: an object is good enough. */
export interface RecordedException {
  readonly row: number
  readonly type: string
  readonly message: string
  readonly stack: string
  /** Milliseconds of `performance.now()`. */
  readonly atMs: number
}

/** What an application said of a span by hand. */
export interface RecordedDetails {
  readonly row: number
  readonly scope: Scope | undefined
  readonly attributes: Attributes
  /** What few spans have. */
  readonly more:
    | Pick<
        SpanDetails,
        | 'statusMessage'
        | 'events'
        | 'links'
        | 'droppedAttributes'
        | 'droppedEvents'
        | 'droppedLinks'
      >
    | undefined
}

/**
 * Columns of spans in one buffer, which is handed between the threads and used again. It is shared, and not transferred,
 * since each transfer counts as new memory to the collector of garbage.
 */
export class SpanBatch {
  readonly buffer: SharedArrayBuffer
  readonly ids: Uint32Array
  readonly facts: Uint32Array
  /** Start and end, milliseconds of `performance.now()`. */
  readonly times: Float64Array
  readonly values: Float64Array
  rows = 0
  valueCount = 0
  passingTexts: string[] = []
  /** Of each place in the values of a span: which of these texts stood there last. */
  readonly lastPassing: (number | undefined)[] = []
  exceptions: RecordedException[] = []
  details: RecordedDetails[] = []
  /** Of its passing texts, exceptions and details. */
  characters = 0

  constructor(buffer = new SharedArrayBuffer(BATCH_BYTES)) {
    this.buffer = buffer
    this.times = new Float64Array(buffer, 0, BATCH_SPANS * 2)
    this.values = new Float64Array(buffer, TIMES_BYTES, MOST_VALUES)
    this.ids = new Uint32Array(buffer, TIMES_BYTES + VALUES_BYTES, BATCH_SPANS * ID_WORDS)
    this.facts = new Uint32Array(
      buffer,
      TIMES_BYTES + VALUES_BYTES + IDS_BYTES,
      BATCH_SPANS * FACT_WORDS,
    )
  }
}

/** A batch on its way to the exporting thread. */
export interface SentBatch {
  readonly type: 'spans'
  readonly buffer: SharedArrayBuffer
  readonly rows: number
  readonly valueCount: number
  readonly passingTexts: readonly string[]
  readonly exceptions: readonly RecordedException[]
  readonly details: readonly RecordedDetails[]
  /** Texts that are referred to by number from here on. */
  readonly newTexts: readonly string[]
  readonly firstNewText: number
  /** Unix milliseconds at zero of `performance.now()`. */
  readonly unixMsAtZero: number
  /** Spans dropped since the batch before, for want of room. */
  readonly dropped: number
}
