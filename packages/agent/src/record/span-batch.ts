import type { Attributes, Scope, SpanDetails } from './span-details.ts'

/** Spans in one batch: waking the exporting thread and a request to the server cost as much as some hundred spans. */
export const BATCH_SPANS = 4_096
const VALUES_PER_SPAN = 10
/** Of texts that hardly repeat: for most applications enough until the batch is full. What is not used takes no memory. */
const TEXT_BYTES = 64 * 1024

/** Words of a span in `ids`: trace 4, span 2, parent 2, as they stand on the wire (big-endian words). */
export const ID_WORDS = 8
/** Words of a span in `facts`: name, schema, kind | status << 8, text of its trace state plus 1 or 0, end of its values. */
export const FACT_WORDS = 5

const IDS_BYTES = BATCH_SPANS * ID_WORDS * 4
const FACTS_BYTES = BATCH_SPANS * FACT_WORDS * 4
const TIMES_BYTES = BATCH_SPANS * 2 * 8
const VALUES_BYTES = BATCH_SPANS * VALUES_PER_SPAN * 8
const BATCH_BYTES = IDS_BYTES + FACTS_BYTES + TIMES_BYTES + VALUES_BYTES + TEXT_BYTES

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
  /** Texts that hardly repeat, one after the other: to hand over a list of them takes the application's thread long. */
  readonly texts: Buffer
  rows = 0
  valueCount = 0
  textBytes = 0
  /** Of each place in the values of a span: the text that stood there last, and where it is. */
  readonly lastTexts: (string | undefined)[] = []
  readonly lastPlaces: number[] = []
  exceptions: RecordedException[] = []
  details: RecordedDetails[] = []
  /** Of its exceptions and details. */
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
    this.texts = Buffer.from(buffer, BATCH_BYTES - TEXT_BYTES, TEXT_BYTES)
  }

  get leftTextBytes(): number {
    return TEXT_BYTES - this.textBytes
  }

  /** Keeps a text, as much of it as there is room for; answers its place: where it begins, and how long it is. */
  addText(text: string): number {
    const start = this.textBytes
    const size = writeText(text, this.texts, start, Math.min(this.leftTextBytes, PLACE_SIZES - 1))
    this.textBytes += size
    return start * PLACE_SIZES + size
  }
}

/** What one number tells of a text: its size, and times this where it begins. */
export const PLACE_SIZES = 8_192

/** In UTF-8; answers its size. */
function writeText(text: string, bytes: Buffer, start: number, room: number): number {
  if (text.length > room) return bytes.write(text, start, room)
  for (let n = 0; n < text.length; n++) {
    const unit = text.charCodeAt(n)
    if (unit > 0x7f) return bytes.write(text, start, room)
    bytes[start + n] = unit
  }
  return text.length
}

/** A batch on its way to the exporting thread. */
export interface SentBatch {
  readonly type: 'spans'
  readonly buffer: SharedArrayBuffer
  readonly rows: number
  readonly valueCount: number
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
