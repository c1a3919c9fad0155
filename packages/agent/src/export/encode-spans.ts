import { type AttributeSchema, PASSING_TEXT, TEXT } from '../record/attribute-schema.ts'
import { lineOf } from '../record/code-position.ts'
import {
  FACT_WORDS,
  ID_WORDS,
  PLACE_SIZES,
  type RecordedDetails,
  type RecordedException,
  type SentBatch,
  SpanBatch,
} from '../record/span-batch.ts'
import { type Attributes, indexOf, type Scope } from '../record/span-details.ts'
import { encodeAttributes, encodeKey, writeAttributes } from './encode-attributes.ts'
import { MadeBefore } from './made-before.ts'
import { type CodeLine, OriginalLines } from './original-lines.ts'
import { ProtobufWriter } from './protobuf-writer.ts'

/** Reads batches with the texts they refer to, and writes OTLP (opentelemetry.proto.collector.trace.v1). */
export class SpanEncoder {
  readonly #encodings: readonly SchemaEncoding[]
  readonly #resource: Uint8Array
  readonly #writer = new ProtobufWriter()
  #texts: string[] = []
  /** `name` fields, by text. */
  readonly #names: Uint8Array[] = []
  /** What statements of one place, or requests of one route, have in common. */
  readonly #common = new MadeBefore()
  readonly #numbers: Float64Array
  readonly #originals = new OriginalLines()
  #exceptionsOf: ReadonlyMap<number, readonly RecordedException[]> = new Map()
  #detailsOf: ReadonlyMap<number, RecordedDetails> = new Map()

  constructor(
    schemas: readonly AttributeSchema[],
    resource: Readonly<Record<string, string | number>>,
  ) {
    this.#encodings = schemas.map(schema => new SchemaEncoding(schema))
    this.#resource = encodeAttributes(1, resource)
    this.#numbers = new Float64Array(3 + Math.max(0, ...schemas.map(({ keys }) => keys.length)))
  }

  /** One ExportTraceServiceRequest, which is valid until the next one is encoded, unless this one is to be left alone. */
  encode(batch: SentBatch): Buffer {
    if (batch.firstNewText === 0) this.#forgetTexts()
    for (const text of batch.newTexts) this.#texts.push(text)
    this.#exceptionsOf = byRow(batch.exceptions)
    this.#detailsOf = new Map(batch.details.map(details => [details.row, details]))
    const columns = new SpanBatch(batch.buffer)
    const writer = this.#writer
    writer.clear()
    writer.beginAt(batch.unixMsAtZero)
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
      for (const row of rows) this.#span(columns, row)
      writer.endMessage(scopeSpans)
    }
    writer.endMessage(resourceSpans)
    return writer.view()
  }

  /** What was encoded last stays as it is. */
  leaveLast(): void {
    this.#writer.leave()
  }

  #forgetTexts(): void {
    this.#texts = []
    this.#names.length = 0
    this.#common.forget()
    for (const { encoded } of this.#encodings) for (const texts of encoded) texts.length = 0
  }

  #rowsByScope(columns: SpanBatch, rows: number): Iterable<{ scope: Scope; rows: number[] }> {
    const bySchema: { scope: Scope; rows: number[] }[] = []
    const byHand = new Map<string, { scope: Scope; rows: number[] }>()
    for (let row = 0; row < rows; row++) {
      const own = this.#detailsOf.size === 0 ? undefined : this.#detailsOf.get(row)?.scope
      const schemaId = columns.facts[row * FACT_WORDS + 1] as number
      const key = own && `${own.name} ${own.version}`
      const group = key === undefined ? bySchema[schemaId] : byHand.get(key)
      if (group !== undefined) {
        group.rows.push(row)
        continue
      }
      const scope = own ?? { name: this.#encodings[schemaId]?.schema.scope ?? '', version: '' }
      const made = { scope, rows: [row] }
      if (key === undefined) bySchema[schemaId] = made
      else byHand.set(key, made)
    }
    return [...Object.values(bySchema), ...byHand.values()]
  }

  #span(columns: SpanBatch, row: number): void {
    const writer = this.#writer
    const { ids, facts, times } = columns
    const fact = row * FACT_WORDS
    const id = row * ID_WORDS

    const span = writer.beginMessage(2)
    writer.words(1, ids, id, 4)
    writer.words(2, ids, id + 4, 2)
    const traceState = facts[fact + 3] as number
    if (traceState !== 0) writer.text(3, this.#texts[traceState - 1] ?? '')
    if (ids[id + 6] !== 0 || ids[id + 7] !== 0) writer.words(4, ids, id + 6, 2)
    writer.time(7, times[row * 2] as number)
    writer.time(8, times[row * 2 + 1] as number)
    const details = this.#detailsOf.size === 0 ? undefined : this.#detailsOf.get(row)
    const encoding = this.#encodings[facts[fact + 1] as number]
    if (encoding === undefined || details !== undefined) {
      this.#outline(columns, row, encoding, details)
    } else this.#commonOutline(columns, row, encoding)
    if (encoding !== undefined) this.#passingTexts(columns, row, encoding, details)
    if (details !== undefined) this.#details(details)
    if (this.#exceptionsOf.size > 0) {
      for (const exception of this.#exceptionsOf.get(row) ?? []) this.#exception(exception)
    }
    writer.endMessage(span)
  }

  /** What `#outline` writes, made once for all spans that are alike. */
  #commonOutline(columns: SpanBatch, row: number, { schema, repeated }: SchemaEncoding): void {
    const { facts, values } = columns
    const numbers = this.#numbers
    const first = firstValue(columns, row)
    numbers[0] = facts[row * FACT_WORDS] as number
    numbers[1] = schema.id
    numbers[2] = facts[row * FACT_WORDS + 2] as number
    let count = 3
    for (const slot of repeated) numbers[count++] = values[first + slot] as number
    const found = this.#common.find(numbers, count)
    if (found !== undefined) {
      this.#writer.raw(found)
      return
    }
    const start = this.#writer.length
    this.#outline(columns, row, this.#encodings[schema.id], undefined)
    if (this.#common.isWanted) this.#common.keep(numbers, count, this.#writer.bytes(start))
  }

  /** All of a span but its ids, its times, its texts that do not repeat, and what is said of it by hand. */
  #outline(
    columns: SpanBatch,
    row: number,
    encoding: SchemaEncoding | undefined,
    details: RecordedDetails | undefined,
  ): void {
    const writer = this.#writer
    const name = columns.facts[row * FACT_WORDS] as number
    const kindAndStatus = columns.facts[row * FACT_WORDS + 2] as number
    const status = kindAndStatus >> 8
    this.#names[name] ??= encodeName(this.#texts[name] ?? '')
    writer.raw(this.#names[name])
    writer.integer(6, kindAndStatus & 0xff)
    if (encoding !== undefined) {
      writer.raw(encoding.fixed)
      this.#attributes(columns, row, encoding, details?.attributes ?? NONE)
    }
    if (status !== 0) {
      const message = writer.beginMessage(15)
      const why = details?.more?.statusMessage ?? ''
      if (why !== '') writer.text(2, why)
      writer.integer(3, status)
      writer.endMessage(message)
    }
    // Sampled, and known whether the parent is in another process or not: it is not told.
    writer.fixed32(16, 1)
  }

  /** Fields of opentelemetry.proto.trace.v1.Span. */
  #details({ attributes, more }: RecordedDetails): void {
    const writer = this.#writer
    writeAttributes(writer, 9, attributes)
    if (more === undefined) return
    if (more.droppedAttributes > 0) writer.integer(10, more.droppedAttributes)
    for (const { name, atMs, attributes: own } of more.events) {
      const event = writer.beginMessage(11)
      writer.time(1, atMs)
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
    columns: SpanBatch,
    row: number,
    { schema, keys, encoded, repeated, fileSlot }: SchemaEncoding,
    byHand: Attributes,
  ): void {
    const writer = this.#writer
    const first = firstValue(columns, row)
    const original = fileSlot < 0 ? undefined : this.#originalLine(columns, first, fileSlot)
    for (const slot of repeated) {
      const value = columns.values[first + slot] as number
      if (Number.isNaN(value) || isSetByHand(schema, slot, byHand)) continue
      const key = keys[slot] ?? NOTHING
      const known = encoded[slot]
      if (original !== undefined && slot === fileSlot) writer.textAttribute(9, key, original.file)
      else if (fileSlot >= 0 && slot === fileSlot + 1) {
        writer.integerAttribute(9, key, original?.line ?? lineOf(value))
      } else if (schema.types[slot] !== TEXT) writer.integerAttribute(9, key, value)
      else if (known?.[value] !== undefined) writer.raw(known[value])
      else {
        const start = writer.length
        writer.textAttribute(9, key, this.#texts[value] ?? '')
        if (known !== undefined) known[value] = writer.bytes(start)
      }
    }
  }

  /** Line and column come behind the file. */
  #originalLine(columns: SpanBatch, first: number, fileSlot: number): CodeLine | undefined {
    const file = columns.values[first + fileSlot] as number
    const position = columns.values[first + fileSlot + 1] as number
    if (Number.isNaN(file) || Number.isNaN(position)) return undefined
    return this.#originals.find(this.#texts[file] ?? '', position)
  }

  #passingTexts(
    columns: SpanBatch,
    row: number,
    { schema, keys, passing }: SchemaEncoding,
    details: RecordedDetails | undefined,
  ): void {
    const first = firstValue(columns, row)
    for (const slot of passing) {
      const place = columns.values[first + slot] as number
      if (Number.isNaN(place) || isSetByHand(schema, slot, details?.attributes ?? NONE)) continue
      const start = Math.floor(place / PLACE_SIZES)
      const size = place % PLACE_SIZES
      this.#writer.bytesAttribute(9, keys[slot] ?? NOTHING, columns.texts, start, size)
    }
  }

  #exception({ type, message, stack, atMs }: RecordedException): void {
    const writer = this.#writer
    const event = writer.beginMessage(11)
    writer.time(1, atMs)
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

/** How spans of a schema are written. */
class SchemaEncoding {
  readonly schema: AttributeSchema
  readonly keys: readonly Uint8Array[]
  readonly fixed: Uint8Array
  /** The slots of values that come again, and of texts that hardly do. */
  readonly repeated: readonly number[]
  readonly passing: readonly number[]
  /** Of `code.file.path`, which `code.line.number` comes behind; -1 where there is none. */
  readonly fileSlot: number
  /** Attributes with texts that repeat, whole, by slot and then by text. */
  readonly encoded: readonly Uint8Array[][]

  constructor(schema: AttributeSchema) {
    const { keys, types, fixed } = schema
    this.schema = schema
    this.keys = keys.map(encodeKey)
    this.fixed = encodeAttributes(9, Object.fromEntries(fixed))
    this.repeated = [...types.keys()].filter(slot => types[slot] !== PASSING_TEXT)
    this.passing = [...types.keys()].filter(slot => types[slot] === PASSING_TEXT)
    this.fileSlot = keys.indexOf('code.file.path')
    this.encoded = keys.map(() => [])
  }
}

function firstValue({ facts }: SpanBatch, row: number): number {
  return row === 0 ? 0 : (facts[row * FACT_WORDS - 1] as number)
}

function isSetByHand({ keys }: AttributeSchema, slot: number, byHand: Attributes): boolean {
  return byHand.length > 0 && indexOf(byHand, keys[slot] ?? '') >= 0
}

function encodeName(name: string): Uint8Array {
  const writer = new ProtobufWriter()
  writer.text(5, name)
  return writer.bytes()
}

const NOTHING = new Uint8Array(0)
const NONE: Attributes = []
