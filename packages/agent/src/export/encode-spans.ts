import {
  type AttributeSchema,
  PASSING_TEXT,
  TEXT,
  type ValueType,
} from '../record/attribute-schema.ts'
import {
  FACT_WORDS,
  ID_WORDS,
  type RecordedDetails,
  type RecordedException,
  type SentBatch,
  SpanBatch,
} from '../record/span-batch.ts'
import { type Attributes, indexOf, type Scope } from '../record/span-details.ts'
import { encodeAttributes, writeAttributes } from './encode-attributes.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/** Reads batches with the texts they refer to, and writes OTLP (opentelemetry.proto.collector.trace.v1). */
export class SpanEncoder {
  readonly #schemas: readonly AttributeSchema[]
  readonly #resource: Uint8Array
  /** `key` fields of each schema's attributes, encoded once. */
  readonly #keys: readonly (readonly Uint8Array[])[]
  readonly #fixed: readonly Uint8Array[]
  readonly #writer = new ProtobufWriter()
  #texts: string[] = []
  /** Attributes with texts that repeat, whole, by schema and slot and then by text. */
  readonly #encoded: Uint8Array[][][]
  #exceptionsOf: ReadonlyMap<number, readonly RecordedException[]> = new Map()
  #detailsOf: ReadonlyMap<number, RecordedDetails> = new Map()

  constructor(
    schemas: readonly AttributeSchema[],
    resource: Readonly<Record<string, string | number>>,
  ) {
    this.#schemas = schemas
    this.#resource = encodeAttributes(1, resource)
    this.#keys = schemas.map(({ keys }) => keys.map(key => encodeText(1, key)))
    this.#encoded = schemas.map(({ keys }) => keys.map(() => []))
    this.#fixed = schemas.map(({ fixed }) => encodeAttributes(9, Object.fromEntries(fixed)))
  }

  /** One ExportTraceServiceRequest. */
  encode(batch: SentBatch): Buffer {
    if (batch.firstNewText === 0) this.#forgetTexts()
    for (const text of batch.newTexts) this.#texts.push(text)
    this.#exceptionsOf = byRow(batch.exceptions)
    this.#detailsOf = new Map(batch.details.map(details => [details.row, details]))
    const columns = new SpanBatch(batch.buffer)
    const writer = this.#writer
    writer.clear()
    const resourceSpans = writer.beginMessage(1)
    const resource = writer.beginMessage(1)
    writer.raw(this.#resource)
    writer.endMessage(resource)
    for (const { scope, rows } of this.#rowsByScope(columns, batch.rows)) {
      const scopeSpans = writer.beginMessage(2)
      const named = writer.beginMessage(1)
      writer.text(1, scope.name)
      if (scope.version !== '') writer.text(2, scope.version)
      writer.endMessage(named)
      for (const row of rows) this.#span(batch, columns, row)
      writer.endMessage(scopeSpans)
    }
    writer.endMessage(resourceSpans)
    return writer.bytes()
  }

  #forgetTexts(): void {
    this.#texts = []
    for (const slots of this.#encoded) for (const texts of slots) texts.length = 0
  }

  #rowsByScope(columns: SpanBatch, rows: number): Iterable<{ scope: Scope; rows: number[] }> {
    const groups = new Map<string, { scope: Scope; rows: number[] }>()
    for (let row = 0; row < rows; row++) {
      const own = this.#detailsOf.get(row)?.scope
      const name =
        own?.name ?? this.#schemas[columns.facts[row * FACT_WORDS + 1] as number]?.scope ?? ''
      const key = own === undefined || own.version === '' ? name : `${name} ${own.version}`
      const group = groups.get(key)
      if (group === undefined) groups.set(key, { scope: own ?? { name, version: '' }, rows: [row] })
      else group.rows.push(row)
    }
    return groups.values()
  }

  #span(batch: SentBatch, columns: SpanBatch, row: number): void {
    const writer = this.#writer
    const { ids, facts, times } = columns
    const fact = row * FACT_WORDS
    const id = row * ID_WORDS
    const schemaId = facts[fact + 1] as number
    const kindAndStatus = facts[fact + 2] as number
    const status = kindAndStatus >> 8

    const span = writer.beginMessage(2)
    writer.words(1, ids, id, 4)
    writer.words(2, ids, id + 4, 2)
    const traceState = facts[fact + 3] as number
    if (traceState !== 0) writer.text(3, this.#texts[traceState - 1] ?? '')
    if (ids[id + 6] !== 0 || ids[id + 7] !== 0) writer.words(4, ids, id + 6, 2)
    writer.text(5, this.#texts[facts[fact] as number] ?? '')
    writer.integer(6, kindAndStatus & 0xff)
    writer.unixNs(7, batch.unixMsAtZero, times[row * 2] as number)
    writer.unixNs(8, batch.unixMsAtZero, times[row * 2 + 1] as number)
    writer.raw(this.#fixed[schemaId] ?? NOTHING)
    const first = row === 0 ? 0 : (facts[fact - 1] as number)
    const details = this.#detailsOf.get(row)
    this.#attributes(batch, columns, schemaId, first, details?.attributes ?? NONE)
    if (details !== undefined) this.#details(batch, details)
    for (const exception of this.#exceptionsOf.get(row) ?? []) this.#exception(batch, exception)
    if (status !== 0) {
      const message = writer.beginMessage(15)
      const why = details?.more?.statusMessage ?? ''
      if (why !== '') writer.text(2, why)
      writer.integer(3, status)
      writer.endMessage(message)
    }
    // Sampled, and known whether the parent is in another process or not: it is not told.
    writer.fixed32(16, 1)
    writer.endMessage(span)
  }

  /** Fields of opentelemetry.proto.trace.v1.Span. */
  #details(batch: SentBatch, { attributes, more }: RecordedDetails): void {
    const writer = this.#writer
    writeAttributes(writer, 9, attributes)
    if (more === undefined) return
    if (more.droppedAttributes > 0) writer.integer(10, more.droppedAttributes)
    for (const { name, atMs, attributes: own } of more.events) {
      const event = writer.beginMessage(11)
      writer.unixNs(1, batch.unixMsAtZero, atMs)
      writer.text(2, name)
      writeAttributes(writer, 3, own)
      writer.endMessage(event)
    }
    if (more.droppedEvents > 0) writer.integer(12, more.droppedEvents)
    for (const { words, attributes: own } of more.links) {
      const link = writer.beginMessage(13)
      writer.words(1, words, 0, 4)
      writer.words(2, words, 4, 2)
      writeAttributes(writer, 4, own)
      writer.endMessage(link)
    }
    if (more.droppedLinks > 0) writer.integer(14, more.droppedLinks)
  }

  /** But for those that the application has set by hand. */
  #attributes(
    batch: SentBatch,
    columns: SpanBatch,
    schemaId: number,
    first: number,
    byHand: Attributes,
  ): void {
    const writer = this.#writer
    const schema = this.#schemas[schemaId]
    const keys = this.#keys[schemaId]
    if (schema === undefined || keys === undefined) return
    for (let i = 0; i < schema.keys.length; i++) {
      const value = columns.values[first + i] as number
      if (Number.isNaN(value)) continue
      if (byHand.length > 0 && indexOf(byHand, schema.keys[i] ?? '') >= 0) continue
      if (schema.types[i] === TEXT) {
        writer.raw(this.#repeatedAttribute(schemaId, i, value))
        continue
      }
      const attribute = writer.beginMessage(9)
      writer.raw(keys[i] as Uint8Array)
      const any = writer.beginMessage(2)
      this.#value(batch, schema.types[i] as ValueType, value)
      writer.endMessage(any)
      writer.endMessage(attribute)
    }
  }

  #repeatedAttribute(schemaId: number, slot: number, text: number): Uint8Array {
    const known = this.#encoded[schemaId]?.[slot]
    const found = known?.[text]
    if (found !== undefined) return found
    const key = this.#schemas[schemaId]?.keys[slot] ?? ''
    const made = encodeAttributes(9, { [key]: this.#texts[text] ?? '' })
    if (known !== undefined) known[text] = made
    return made
  }

  #value(batch: SentBatch, type: ValueType, value: number): void {
    if (type === PASSING_TEXT) this.#writer.text(1, batch.passingTexts[value] ?? '')
    else this.#writer.integer(3, Math.round(value))
  }

  #exception(batch: SentBatch, { type, message, stack, atMs }: RecordedException): void {
    const writer = this.#writer
    const event = writer.beginMessage(11)
    writer.unixNs(1, batch.unixMsAtZero, atMs)
    writer.text(2, 'exception')
    writer.raw(
      encodeAttributes(3, {
        'exception.type': type,
        'exception.message': message,
        ...(stack === '' ? {} : { 'exception.stacktrace': stack }),
      }),
    )
    writer.endMessage(event)
  }
}

/** Node 20 has no `Map.groupBy`. */
function byRow(exceptions: readonly RecordedException[]): Map<number, RecordedException[]> {
  const groups = new Map<number, RecordedException[]>()
  for (const exception of exceptions) {
    const group = groups.get(exception.row)
    if (group === undefined) groups.set(exception.row, [exception])
    else group.push(exception)
  }
  return groups
}

const NOTHING = new Uint8Array(0)
const NONE: Attributes = []

function encodeText(field: number, text: string): Uint8Array {
  const writer = new ProtobufWriter()
  writer.text(field, text)
  return writer.bytes()
}
