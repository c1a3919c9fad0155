import { clockMs } from '../own-clock.ts'
import type { ActiveSpan } from './active-span.ts'
import type { AttributeSchema } from './attribute-schema.ts'
import type { CostBudget } from './cost-budget.ts'
import type { ErrorDescription } from './error-description.ts'
import { probabilityMember } from './head-sampling.ts'
import { randomWord } from './random-ids.ts'
import {
  BATCH_SPANS,
  FACT_WORDS,
  ID_WORDS,
  MOST_VALUES,
  type RecordedDetails,
  SpanBatch,
} from './span-batch.ts'
import type { SpanDetails } from './span-details.ts'
import { cut, LONGEST_TEXT, RepeatedText, TextTable } from './text-table.ts'
import { NO_PART } from './work-totals.ts'

/** Values of OTLP's enum. */
export const KIND_INTERNAL = 1
export const KIND_SERVER = 2
export const KIND_CLIENT = 3
export const KIND_CONSUMER = 5

const STATUS_UNSET = 0
const STATUS_ERROR = 2

/** Distinct names, statements and routes remembered; a text beyond these begins the table anew. */
const MOST_TEXTS = 20_000
const MOST_TEXT_CHARACTERS = 4 * 1024 * 1024
const LONGEST_PASSING_TEXT = 2_048
/** A batch with more text in it goes at once: the exporting thread has little memory, on purpose. */
const MOST_CHARACTERS = 1024 * 1024
/** Of the texts of one span that hardly repeat: a batch with less room goes before the next span. */
const ROOM_FOR_TEXTS = 4 * LONGEST_PASSING_TEXT

export interface BatchSender {
  /** A buffer to fill; undefined when all are on their way. */
  takeBuffer(): SharedArrayBuffer | undefined
  send(batch: SpanBatch, texts: TextTable, dropped: number): void
  /** There is something that should be sent soon. */
  wake(): void
}

/**
 * Writes finished spans into columns: `begin` or `beginChild`, then one call for each value of the schema in its
 * order, then `end`. Nothing is allocated for a span, and nothing ever grows: without a free buffer, spans are dropped and
 * counted.
 */
export class SpanRecorder {
  readonly #sender: BatchSender
  readonly #texts = new TextTable(MOST_TEXTS, MOST_TEXT_CHARACTERS)
  #batch: SpanBatch | undefined = undefined
  readonly budget: CostBudget
  #lastTraceState = ''
  #lastMember: string | undefined
  /** The batch of a span that was begun, and is not ended yet. */
  #open: SpanBatch | undefined = undefined
  /** Where its values begin. */
  #firstValue = 0
  #dropped = 0
  droppedInAll = 0
  #areTextsForgotten = false
  /** Somebody else measures this process: nothing is recorded any more. */
  isStopped = false

  constructor(sender: BatchSender, budget: CostBudget) {
    this.#sender = sender
    this.budget = budget
  }

  /**
   * Begins the row of a span that is over, and that other work may belong to. False when there is no room, or where
   * it only counts for the totals of its request: then neither values nor `end` follow.
   */
  begin(
    schema: AttributeSchema,
    name: string | RepeatedText,
    kind: number,
    hasFailed: boolean,
    span: ActiveSpan,
    startMs: number,
    endMs: number,
  ): boolean {
    const { id0, id1, parent0, parent1, details } = span
    return this.#begin(
      schema,
      details?.name ?? name,
      kind,
      details?.status ?? (hasFailed ? STATUS_ERROR : STATUS_UNSET),
      span,
      id0,
      id1,
      parent0,
      parent1,
      startMs,
      endMs,
      details,
    )
  }

  /** The same of what nothing here belongs to: a statement, a call or a wait within `parent`. */
  beginChild(
    schema: AttributeSchema,
    name: string | RepeatedText,
    kind: number,
    hasFailed: boolean,
    parent: ActiveSpan,
    startMs: number,
    endMs: number,
    id0 = randomWord(),
    id1 = randomWord() | 1,
  ): boolean {
    return this.#begin(
      schema,
      name,
      kind,
      hasFailed ? STATUS_ERROR : STATUS_UNSET,
      parent,
      id0,
      id1,
      parent.id0,
      parent.id1,
      startMs,
      endMs,
      undefined,
    )
  }

  #begin(
    schema: AttributeSchema,
    name: string | RepeatedText,
    kind: number,
    status: number,
    trace: ActiveSpan,
    id0: number,
    id1: number,
    parent0: number,
    parent1: number,
    startMs: number,
    endMs: number,
    details: SpanDetails | undefined,
  ): boolean {
    if (this.isStopped) return false
    if (schema.part !== NO_PART) {
      trace.totals.add(schema.part, startMs, endMs)
      if (!trace.isRecorded) return false
    }
    const batch = this.#batch ?? this.#nextBatch()
    if (batch === undefined) {
      this.#dropped++
      this.droppedInAll++
      return false
    }
    this.budget.spanBegins()
    const row = batch.rows
    const { ids, facts, times } = batch
    // One that failed between its beginning and its end, or that this one begins within: the rest of it is not heard.
    if (this.#open !== undefined) this.#forgetOpenRow(batch)
    this.#open = batch
    this.#firstValue = batch.valueCount
    const id = row * ID_WORDS
    ids[id] = trace.trace0
    ids[id + 1] = trace.trace1
    ids[id + 2] = trace.trace2
    ids[id + 3] = trace.trace3
    ids[id + 4] = id0
    ids[id + 5] = id1
    ids[id + 6] = parent0
    ids[id + 7] = parent1
    times[row * 2] = startMs
    times[row * 2 + 1] = endMs
    const fact = row * FACT_WORDS
    facts[fact] = this.#numberOf(name)
    facts[fact + 1] = schema.id
    facts[fact + 2] = kind | (status << 8)
    facts[fact + 3] = trace.traceState === '' ? 0 : this.#probability(trace.traceState)
    if (details !== undefined) addDetails(batch, details)
    return true
  }

  /** What is left of a span that was begun and not ended. */
  #forgetOpenRow(batch: SpanBatch): void {
    this.#dropped++
    this.droppedInAll++
    const { rows: row, facts, exceptions, details } = batch
    batch.valueCount = row === 0 ? 0 : (facts[row * FACT_WORDS - 1] as number)
    while (exceptions.at(-1)?.row === row) exceptions.pop()
    while (details.at(-1)?.row === row) details.pop()
  }

  /** The number of the text, plus 1, of what a trace state tells of its probability; 0 for nothing. */
  #probability(traceState: string): number {
    if (traceState !== this.#lastTraceState) {
      this.#lastTraceState = traceState
      this.#lastMember = probabilityMember(traceState)
    }
    return this.#lastMember === undefined ? 0 : this.#texts.numberOf(this.#lastMember) + 1
  }

  #nextBatch(): SpanBatch | undefined {
    const buffer = this.#sender.takeBuffer()
    if (buffer === undefined) return undefined
    if (this.#areTextsForgotten || this.#texts.isFull()) this.#texts.clear()
    this.#areTextsForgotten = false
    this.#batch = new SpanBatch(buffer)
    this.#open = undefined
    this.#sender.wake()
    return this.#batch
  }

  #numberOf(text: string | RepeatedText): number {
    return typeof text === 'string'
      ? this.#texts.numberOf(cut(text, LONGEST_TEXT))
      : this.#texts.numberOfRepeated(text)
  }

  /** Undefined for none. What comes from the application may be anything, whatever its types say. */
  text(value: string | RepeatedText | undefined): void {
    const isText = typeof value === 'string' || value instanceof RepeatedText
    this.#value(isText ? this.#numberOf(value) : Number.NaN)
  }

  passingText(value: string | undefined): void {
    const batch = this.#open
    if (typeof value !== 'string' || batch === undefined) {
      this.#value(Number.NaN)
      return
    }
    // The same caller mostly comes with the same host and user agent again.
    const slot = batch.valueCount - this.#firstValue
    if (batch.lastTexts[slot] !== value) {
      batch.lastTexts[slot] = value
      const isLong = value.length > LONGEST_PASSING_TEXT
      batch.lastPlaces[slot] = batch.addText(isLong ? value.slice(0, LONGEST_PASSING_TEXT) : value)
    }
    this.#value(batch.lastPlaces[slot] as number)
  }

  /** NaN for none. */
  integer(value: number): void {
    this.#value(Number.isSafeInteger(value) ? value : Number.NaN)
  }

  #value(value: number): void {
    const batch = this.#open
    if (batch !== undefined) batch.values[batch.valueCount++] = value
  }

  exception(described: ErrorDescription, atMs: number): void {
    const batch = this.#open
    if (batch === undefined) return
    batch.characters += described.message.length + described.stack.length
    batch.exceptions.push({ row: batch.rows, ...described, atMs })
  }

  end(): void {
    const batch = this.#open
    if (batch === undefined) return
    this.#open = undefined
    batch.rows++
    batch.facts[batch.rows * FACT_WORDS - 1] = batch.valueCount
    this.budget.spanEnds()
    // The next span might have as many values as a schema may have.
    if (
      batch.rows === BATCH_SPANS ||
      batch.valueCount > MOST_VALUES - MOST_VALUES_OF_A_SPAN ||
      batch.leftTextBytes < ROOM_FOR_TEXTS ||
      batch.characters + this.#texts.unsentCharacters > MOST_CHARACTERS
    ) {
      this.flush()
    }
  }

  /** Whoever reads the batches has changed. The one being filled refers to texts that are lost: it is given up. */
  forgetTexts(): void {
    this.#areTextsForgotten = true
    const rows = this.#batch?.rows ?? 0
    this.#dropped += rows
    this.droppedInAll += rows
    this.#batch = undefined
  }

  /** Sends what there is. */
  flush(): void {
    const batch = this.#batch
    if (batch === undefined || batch.rows === 0) return
    this.#batch = undefined
    const beganMs = clockMs()
    this.#sender.send(batch, this.#texts, this.#dropped)
    this.#dropped = 0
    const endMs = clockMs()
    this.budget.spend(Math.min(LONGEST_FLUSH_MS, endMs - beganMs))
    this.budget.evaluate(endMs)
  }
}

/** One that takes longer waits for the system, or starts the exporting thread. */
const LONGEST_FLUSH_MS = 2

export const MOST_VALUES_OF_A_SPAN = 32

function addDetails(batch: SpanBatch, details: SpanDetails): void {
  const { scope, attributes } = details
  batch.characters += details.characters
  batch.details.push({ row: batch.rows, scope, attributes, more: moreOf(details) })
}

function moreOf(details: SpanDetails): RecordedDetails['more'] {
  const { statusMessage, events, links } = details
  const { droppedAttributes, droppedEvents, droppedLinks } = details
  const dropped = droppedAttributes + droppedEvents + droppedLinks
  if (statusMessage === '' && events.length + links.length + dropped === 0) return undefined
  return { statusMessage, events, links, droppedAttributes, droppedEvents, droppedLinks }
}
