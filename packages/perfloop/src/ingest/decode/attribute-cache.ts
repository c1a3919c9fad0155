import { redactText } from '../redact/redact-text.ts'
import {
  mayBeginStatement,
  redactKept,
  redactName,
  redactValue,
  SHORTEST_STATEMENT,
} from '../redact/redact-value.ts'
import {
  ANY_VALUE_FIELDS,
  type AnyValueJson,
  cutEnd,
  doubleText,
  int64Text,
  KEY_VALUE_FIELDS,
  textOf,
  type ValueLimits,
} from './any-value.ts'
import {
  AttributeRecord,
  TYPE_BOOL,
  TYPE_DOUBLE,
  TYPE_INT,
  TYPE_JSON,
  TYPE_STATEMENT,
  TYPE_STRING,
} from './attribute-record.ts'
import { type AttributeKey, KeyTable } from './key-table.ts'
import { BYTES, FIXED64, type ProtobufReader, VARINT } from './protobuf-reader.ts'

const SLOTS = 32_768
const ARENA_BYTES = 4 * 1024 * 1024
/** Longer attributes hardly repeat, save statements, of which this is a long one. */
const LONGEST_KEPT_BYTES = 4_096
/** A key with more misses than hits, after so many, has one value in so many remembered. */
const FEWEST_MISSES_TO_JUDGE = 256
const REMEMBER_ONE_IN = 16
/** Counts are halved here, so that a key can change its ways. */
const HALVE_AT = 8_192
/** Heap cost of a record with its lazily made string, roughly. */
const RECORD_BYTES = 260

/**
 * Repeated attributes by the bytes of their KeyValue message: a hash, a comparison, and what was parsed,
 * redacted and rendered the first time is found again, without a JavaScript string being made.
 *
 * Two places a hash, in an arena that is given up as a whole when it is full (and kept one generation
 * longer, since the span being read may point into it): constant memory whatever arrives. Attributes whose
 * values do not repeat are mostly kept out, so that they do not displace those that do.
 */
export class AttributeCache {
  readonly keys = new KeyTable()
  readonly nameKey = this.keys.own('@name')
  readonly statusMessageKey = this.keys.own('@status_message')
  readonly traceStateKey = this.keys.own('@trace_state')
  private slots: (AttributeRecord | undefined)[] = emptySlots()
  private arena = new Uint8Array(ARENA_BYTES)
  private arenaView = new DataView(this.arena.buffer)
  private otherArena = new Uint8Array(ARENA_BYTES)
  private arenaLength = 0
  private kept = 0
  private readonly transients: AttributeRecord[] = []
  private transientsUsed = 0
  private readonly references = new Map<AttributeKey, AttributeRecord>()
  private readonly limits: ValueLimits
  private readonly json: AnyValueJson
  evictions = 0

  private hashLow = 0
  private hashHigh = 0

  constructor(limits: ValueLimits, json: AnyValueJson) {
    this.limits = limits
    this.json = json
  }

  /** Records of earlier spans that were not kept may be reused from here on. */
  beginSpan(): void {
    this.transientsUsed = 0
  }

  /** The KeyValue message between the reader's place and `end`. Leaves the reader at `end`. */
  attribute(reader: ProtobufReader, end: number): AttributeRecord {
    const start = reader.at
    this.hash(reader.view, start, end, 1)
    const slot = this.hashLow & (SLOTS - 2)
    const known = this.find(reader, start, end, slot)
    if (known !== undefined) {
      known.key.hits++
      reader.at = end
      return known
    }
    return this.parse(reader, start, end)
  }

  private parse(reader: ProtobufReader, start: number, end: number): AttributeRecord {
    let key: AttributeKey | undefined
    let valueStart = end
    let valueEnd = end
    const { bytes } = reader
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === ((1 << 3) | BYTES)) {
        reader.enter(end)
        key = this.keys.find(bytes, reader.at, reader.fieldEnd)
        reader.at = reader.fieldEnd
      } else if (tag === ((2 << 3) | BYTES)) {
        reader.enter(end)
        valueStart = reader.at
        valueEnd = reader.fieldEnd
        reader.at = valueEnd
      } else {
        reader.unexpected(tag, end, KEY_VALUE_FIELDS)
      }
    }
    key ??= this.keys.find(bytes, end, end)
    const record = this.recordFor(key, end - start)
    reader.at = valueStart
    this.readValue(reader, valueEnd, record)
    reader.at = end
    if (record.isKept) this.keep(record, bytes, start, end)
    return record
  }

  /** A field of the span itself that is treated as an attribute: its name, status message or trace state. */
  field(reader: ProtobufReader, key: AttributeKey, start: number, end: number): AttributeRecord {
    this.hash(reader.view, start, end, key.id + 1)
    const slot = this.hashLow & (SLOTS - 2)
    const known = this.find(reader, start, end, slot)
    if (known !== undefined && known.key === key) {
      key.hits++
      return known
    }
    const record = this.recordFor(key, end - start)
    const cut = this.cut(reader.bytes, start, end)
    record.type = TYPE_STRING
    const sent = textOf(reader.bytes, start, cut)
    const redacted =
      key === this.nameKey
        ? redactName(sent)
        : key === this.statusMessageKey
          ? redactText(sent)
          : sent
    record.ownText(redacted)
    if (record.isKept) this.keep(record, reader.bytes, start, end)
    return record
  }

  /** A value of our own making, such as the counts of what the sender dropped. */
  made(key: AttributeKey, type: number, text: string): AttributeRecord {
    const record = this.transient(key)
    record.type = type
    record.ownText(text)
    this.hash(
      new DataView(record.source.buffer, record.source.byteOffset),
      0,
      record.end,
      key.id + 1,
    )
    record.hashLow = this.hashLow
    record.hashHigh = this.hashHigh
    return record
  }

  /** Stands for a statement whose text is in `patterns`. */
  statementReference(key: AttributeKey): AttributeRecord {
    let record = this.references.get(key)
    if (record === undefined) {
      record = new AttributeRecord(key, NOTHING)
      record.type = TYPE_STATEMENT
      if (key.id !== 0) this.references.set(key, record)
    }
    return record
  }

  private recordFor(key: AttributeKey, size: number): AttributeRecord {
    const misses = ++key.misses
    if (misses > HALVE_AT) {
      key.misses >>>= 1
      key.hits >>>= 1
    }
    const isPoor = misses > FEWEST_MISSES_TO_JUDGE && key.hits < misses
    const isKept =
      key.id !== 0 && size <= LONGEST_KEPT_BYTES && !(isPoor && misses % REMEMBER_ONE_IN !== 0)
    if (!isKept) return this.transient(key)

    const record = new AttributeRecord(key, this.arena)
    record.isKept = true
    record.hashLow = this.hashLow
    record.hashHigh = this.hashHigh
    return record
  }

  private transient(key: AttributeKey): AttributeRecord {
    let record = this.transients[this.transientsUsed]
    if (record === undefined) {
      record = new AttributeRecord(key, this.arena)
      this.transients.push(record)
    }
    this.transientsUsed++
    record.reuse()
    record.key = key
    record.hashLow = this.hashLow
    record.hashHigh = this.hashHigh
    return record
  }

  /** Copies what was sent, and the rendered value where it differs, into the arena. */
  private keep(record: AttributeRecord, bytes: Uint8Array, start: number, end: number): void {
    const rawSize = end - start
    const isPart = record.source === bytes
    const textSize = isPart ? 0 : record.end - record.start
    if (this.arenaLength + rawSize + textSize > ARENA_BYTES) this.renew()
    const at = this.arenaLength
    this.arena.set(bytes.subarray(start, end), at)
    record.rawStart = at
    record.rawEnd = at + rawSize
    if (isPart) {
      record.start += at - start
      record.end += at - start
    } else {
      this.arena.set(record.source.subarray(record.start, record.end), at + rawSize)
      record.start = at + rawSize
      record.end = record.start + textSize
    }
    record.source = this.arena
    this.arenaLength = at + rawSize + textSize
    this.place(record)
  }

  /** Puts it in the first of its two places, or in that of the one that came before. */
  private place(record: AttributeRecord): void {
    const first = record.hashLow & (SLOTS - 2)
    const isFree = this.slots[first] === undefined
    const slot = isFree || record.hashHigh & 1 ? first : first + 1
    if (this.slots[slot] === undefined) this.kept++
    else this.evictions++
    this.slots[slot] = record
  }

  /** Between requests: gives up what is known, and with it what enrichment has derived from it. */
  forget(): void {
    this.renew()
  }

  /** Begins a new generation. */
  private renew(): void {
    this.evictions += this.kept
    this.kept = 0
    this.slots = emptySlots()
    const previous = this.arena
    this.arena = this.otherArena
    this.arenaView = new DataView(this.arena.buffer)
    this.otherArena = previous
    this.arenaLength = 0
  }

  private readValue(reader: ProtobufReader, end: number, record: AttributeRecord): void {
    const valueStart = reader.at
    record.type = TYPE_JSON
    record.source = NULL_JSON
    record.start = 0
    record.end = NULL_JSON.length
    while (reader.at < end) {
      const tag = reader.tag(end)
      switch (tag) {
        case (1 << 3) | BYTES:
          reader.enter(end)
          record.type = TYPE_STRING
          this.readText(reader, record)
          break
        case (2 << 3) | VARINT:
          record.type = TYPE_BOOL
          record.number = reader.varintLow(end) === 0 ? 0 : 1
          record.source = record.number === 0 ? FALSE : TRUE
          record.start = 0
          record.end = record.source.length
          break
        case (3 << 3) | VARINT:
          reader.wide(end)
          record.type = TYPE_INT
          record.number = (reader.high | 0) * 0x1_0000_0000 + reader.low
          record.ownText(int64Text(reader.low, reader.high))
          break
        case (4 << 3) | FIXED64:
          record.type = TYPE_DOUBLE
          record.number = reader.view.getFloat64(reader.fixed64(end), true)
          record.ownText(doubleText(record.number))
          break
        case (5 << 3) | BYTES:
        case (6 << 3) | BYTES:
        case (7 << 3) | BYTES:
          // Not known to be the last field, so the whole message is read; it is again below, which ends it.
          reader.at = valueStart
          record.type = TYPE_JSON
          record.ownText(this.json.read(reader, end, record.key.meaning.redaction, 'plain'))
          break
        default:
          reader.unexpected(tag, end, ANY_VALUE_FIELDS)
      }
    }
  }

  private readText(reader: ProtobufReader, record: AttributeRecord): void {
    const { bytes, at, fieldEnd } = reader
    const { redaction } = record.key.meaning
    reader.at = fieldEnd
    // Statements are cut after their literals have gone, by whoever fingerprints them.
    const cut = redaction === 'statement' ? fieldEnd : this.cut(bytes, at, fieldEnd)
    if (redaction === 'keep' && cut - at >= SHORTEST_STATEMENT) {
      if (mayBeginStatement(bytes[at] as number, bytes[at + 1] as number)) {
        const sent = textOf(bytes, at, cut)
        const kept = redactKept(sent)
        if (kept !== sent) {
          record.ownText(kept)
          return
        }
      }
    }
    if (redaction === 'keep' || redaction === 'statement' || redaction === 'drop') {
      record.source = bytes
      record.start = at
      record.end = cut
      return
    }
    record.ownText(redactValue(redaction, textOf(bytes, at, cut)))
  }

  private cut(bytes: Uint8Array, start: number, end: number): number {
    const cut = cutEnd(bytes, start, end, this.limits.maxValueBytes)
    if (cut < end) this.limits.onCut('value_cut')
    return cut
  }

  private find(
    reader: ProtobufReader,
    start: number,
    end: number,
    slot: number,
  ): AttributeRecord | undefined {
    const first = this.slots[slot]
    if (first !== undefined && this.isSame(first, reader, start, end)) return first
    const second = this.slots[slot + 1]
    if (second !== undefined && this.isSame(second, reader, start, end)) return second
    return undefined
  }

  private isSame(
    known: AttributeRecord,
    reader: ProtobufReader,
    start: number,
    end: number,
  ): boolean {
    if (known.hashLow !== this.hashLow || known.hashHigh !== this.hashHigh) return false
    if (known.rawEnd - known.rawStart !== end - start) return false
    const { view } = reader
    const { arenaView } = this
    let at = start
    let knownAt = known.rawStart
    for (; at + 4 <= end; at += 4, knownAt += 4) {
      if (view.getUint32(at, true) !== arenaView.getUint32(knownAt, true)) return false
    }
    for (; at < end; at++, knownAt++) {
      if (view.getUint8(at) !== arenaView.getUint8(knownAt)) return false
    }
    return true
  }

  /** Two 32-bit lanes in the manner of MurmurHash3's mixing; the comparison makes it safe, not the hash. */
  private hash(view: DataView, start: number, end: number, seed: number): void {
    let low = Math.imul(seed, 0x9e3779b1) ^ (end - start)
    let high = Math.imul(seed, 0x7feb352d) + (end - start)
    let at = start
    for (; at + 4 <= end; at += 4) {
      const word = view.getInt32(at, true)
      low = Math.imul(low ^ word, 0x85ebca6b)
      low ^= low >>> 15
      high = Math.imul((high + word) | 0, 0xc2b2ae35)
      high = (high << 13) | (high >>> 19)
    }
    let tail = 0
    for (; at < end; at++) tail = (tail << 8) | view.getUint8(at)
    low = Math.imul(low ^ tail, 0x85ebca6b)
    high = Math.imul((high + tail) | 0, 0xc2b2ae35)
    low ^= low >>> 16
    high ^= high >>> 15
    low = Math.imul(low, 0x7feb352d)
    high = Math.imul(high, 0x846ca68b)
    this.hashLow = low ^ (low >>> 15)
    this.hashHigh = high ^ (high >>> 16)
  }

  get cacheBytes(): number {
    return SLOTS * 8 + this.arenaLength * 2 + this.kept * RECORD_BYTES + this.keys.cacheBytes
  }
}

const NOTHING = new Uint8Array(0)
const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const NULL_JSON = Buffer.from('null')

function emptySlots(): (AttributeRecord | undefined)[] {
  return new Array<AttributeRecord | undefined>(SLOTS).fill(undefined)
}
