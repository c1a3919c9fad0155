import type { LiveSpan } from '../../domain/live-span.ts'
import { EVENT_LOOP_SCOPE } from '../../domain/runtime-metric.ts'
import { OTHER, SPAN_CATEGORIES, SPAN_KINDS } from '../../domain/span.ts'
import type { AnyValueJson } from '../decode/any-value.ts'
import type { AttributeCache } from '../decode/attribute-cache.ts'
import { type AttributeRecord, TYPE_JSON, TYPE_STRING } from '../decode/attribute-record.ts'
import { namesRoute } from '../decode/names-route.ts'
import type { ProtobufReader } from '../decode/protobuf-reader.ts'
import { eventJson, linkJson } from '../decode/span-details.ts'
import { SpanMessage } from '../decode/span-message.ts'
import type { ExportPlace } from '../decode/walk-export-request.ts'
import { grpcStatus } from '../enrich/grpc-status.ts'
import { hasFailed } from '../enrich/has-failed.ts'
import { hasGraphqlName, isWithoutRoute, operationName } from '../enrich/operation-name.ts'
import { samplingWeight } from '../enrich/sampling-weight.ts'
import { ROLES, type Role } from '../enrich/semantic-keys.ts'
import { spanCategory } from '../enrich/span-category.ts'
import { KIND_CONSUMER, KIND_SERVER, type SpanFacts } from '../enrich/span-facts.ts'
import {
  isSameContext,
  type Pattern,
  type StatementBook,
  type StatementUse,
} from '../enrich/statement-book.ts'
import type { KeyedHash } from '../redact/keyed-hash.ts'
import { Ancestry } from './ancestry.ts'
import { DictionarySymbol, SymbolTable } from './dictionary-symbol.ts'
import type { Mentions } from './mentions.ts'
import { NativeWriter } from './native-writer.ts'
import type { PatternRows } from './pattern-rows.ts'
import type { RejectionReason } from './rejections.ts'
import type { Resource } from './resource-book.ts'
import { countCall, type OperationEntry, type Service, type ServiceBook } from './service-book.ts'
import {
  FIELD_DROPPED,
  FIELD_NAME,
  FIELD_STATEMENT,
  FIELD_STATUS_MESSAGE,
  FIELD_TRACE_STATE,
  type KeySet,
  OVERFLOW_KEY,
  type Scope,
  type ShapeBook,
} from './shape-book.ts'
import { SpanRows } from './span-rows.ts'

const role = (name: Role) => ROLES.indexOf(name)
const DB_SYSTEM = role('dbSystem')
const DB_STATEMENT = role('dbStatement')
const DB_OPERATION = role('dbOperation')
const DB_COLLECTION = role('dbCollection')
const DB_PARAMETER = role('dbParameter')
const HTTP_STATUS = role('httpStatus')
const HTTP_ROUTE = role('httpRoute')
const RPC_STATUS = role('rpcStatus')
const DB_RESULT = role('dbResult')
const DB_RESULT_ROWS = role('dbResultRows')
const ROW_COUNT = role('rowCount')
const BATCH_SIZE = role('batchSize')
const WRITES: ReadonlySet<string> = new Set(['INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'MERGE'])
const RESPONSE_BYTES = role('responseBytes')
const CODE_FILE = role('codeFile')
const CODE_LINE = role('codeLine')
const CODE_FUNCTION = role('codeFunction')

const CATEGORY_DB = SPAN_CATEGORIES.indexOf('db')
const STATUS_ERROR = 2
/** What servers answer when no route is for the path, or none for the method (RFC 9110, sections 15.5.5 and 15.5.6). */
const NOT_FOUND = 404
const METHOD_NOT_ALLOWED = 405
const MOST_CLASSIFIED = 65_536
const MOST_CODE_LOCATIONS = 20_000
const U32 = 0x1_0000_0000

export interface AssemblerLimits {
  readonly maxAttributesPerSpan: number
  readonly maxEventsPerSpan: number
  readonly maxAttributeValueBytes: number
  readonly patternCompression: boolean
}

export interface AssemblerParts {
  readonly cache: AttributeCache
  readonly json: AnyValueJson
  readonly services: ServiceBook
  readonly shapes: ShapeBook
  readonly statements: StatementBook
  readonly patterns: PatternRows
  readonly mentions: Mentions
  readonly keyedHash: KeyedHash
  readonly limits: AssemblerLimits
  onLimited(reason: string, count: number): void
}

interface Classified {
  readonly operation: OperationEntry
  readonly category: number
}

/** Event times a span may have, Unix milliseconds. */
export interface TimeWindow {
  readonly earliestMs: number
  readonly latestMs: number
}

/** Turns span messages into rows: enriched, redacted, split into shape and values. */
export class SpanAssembler implements SpanFacts {
  readonly rows = new SpanRows()
  readonly message = new SpanMessage()
  private readonly parts: AssemblerParts
  private readonly ancestry = new Ancestry()
  private readonly classified = new Map<number, Classified>()
  private readonly codeLocations = new Map<number, DictionarySymbol>()
  private readonly codeSymbols = new SymbolTable(MOST_CODE_LOCATIONS)
  private readonly noStatement = new DictionarySymbol('')
  private readonly noCode = new DictionarySymbol('')
  private readonly scratch = new NativeWriter(256)
  private readonly droppedKey
  private readonly overflowKey
  /** Operation of each row since the mark, for the counters. */
  private readonly operations: OperationEntry[] = []
  private readonly owners: Service[] = []

  // The span at hand.
  private readonly slots: AttributeRecord[] = []
  private slotCount = 0
  private keySet: KeySet | undefined = undefined
  private nameRecord: AttributeRecord | undefined = undefined
  kind = 0
  scope = ''
  isUnmatched = false
  isBeyondNames = false
  private parameterHashes: number[] = []
  private resultRecord: AttributeRecord | undefined = undefined
  private isStatementSent = false
  private weight = 1

  /** Where the resource at hand and all it sent are, and whether routes were looked for there. */
  private place: ExportPlace | undefined = undefined
  private isSearched = false

  constructor(parts: AssemblerParts) {
    this.parts = parts
    this.droppedKey = parts.cache.keys.own('@dropped')
    this.overflowKey = parts.cache.keys.own(OVERFLOW_KEY)
  }

  mark(): void {
    this.rows.mark()
    this.operations.length = 0
    this.owners.length = 0
  }

  rollBack(): void {
    this.rows.rollBack()
    this.operations.length = 0
    this.owners.length = 0
  }

  enterResource(place: ExportPlace): void {
    this.place = place
    this.isSearched = false
  }

  /** The Span message between the reader's place and `end`. Answers why it was refused, if it was. */
  add(
    reader: ProtobufReader,
    end: number,
    resource: Resource,
    scope: Scope,
    window: TimeWindow,
  ): RejectionReason | undefined {
    const { message, parts } = this
    message.read(reader, end, parts.cache, parts.limits.maxAttributesPerSpan)
    const reason = this.validate(reader, window)
    if (reason !== undefined) return reason
    this.append(reader, resource, scope)
    reader.at = end
    return undefined
  }

  private validate(reader: ProtobufReader, window: TimeWindow): RejectionReason | undefined {
    const { message } = this
    const { view } = reader
    if (message.traceIdSize !== 16 || message.spanIdSize !== 8) return 'invalid_id'
    if (message.parentIdSize !== 0 && message.parentIdSize !== 8) return 'invalid_id'
    if (isZero(view, message.spanId, 2) || isZero(view, message.traceId, 4)) return 'invalid_id'
    if (message.start < 0 || message.end < 0) return 'invalid_time'
    const startMs = unixMsAt(view, message.start)
    const endMs = unixMsAt(view, message.end)
    if (startMs === 0 || endMs === 0 || isLater(view, message.start, message.end)) {
      return 'invalid_time'
    }
    if (startMs < window.earliestMs) return 'too_old'
    if (endMs > window.latestMs) return 'too_new'
    return undefined
  }

  private append(reader: ProtobufReader, resource: Resource, scope: Scope): void {
    const { message, parts, rows } = this
    const { service } = resource
    this.kind = message.kind < SPAN_KINDS.length ? message.kind : 0
    this.scope = scope.name
    this.collectSlots()
    const keySet = parts.shapes.keySet(service, scope, this.kind, this.slots, this.slotCount)
    this.keySet = keySet
    const name = parts.cache.field(reader, parts.cache.nameKey, message.name, message.nameEnd)
    this.nameRecord = name

    const use = this.findStatement(keySet)
    const pattern = use === undefined ? undefined : this.admit(use.pattern, resource)
    const statusCode = this.statusCode(keySet)
    const { operation, category } = this.classify(
      reader,
      keySet,
      name,
      use?.pattern,
      resource,
      statusCode,
    )

    rows.reserveRow()
    const row = rows.rows
    rows.environments.set(row, service.environment)
    rows.services.set(row, service.name)
    rows.operations.set(row, operation.symbol)
    rows.resources.set(row, resource.symbol)
    rows.statements.set(row, pattern?.symbol ?? this.noStatement)
    rows.codeLocations.set(row, this.codeLocation(keySet))
    rows.kinds[row] = this.kind
    rows.categories[row] = category
    rows.statuses[row] = message.statusCode <= STATUS_ERROR ? message.statusCode : 0
    rows.statusCodes[row] = statusCode
    rows.parameters[row] = use === undefined ? 0 : this.parameters(use.literalsHash)
    this.setResult(row, keySet)
    this.setCount(rows.rowCounts, rows.rowCountNulls, row, keySet.slotOfRole[ROW_COUNT])
    if (use !== undefined) this.setWritten(row, use, keySet.slotOfRole[BATCH_SIZE])
    this.setCount(rows.responseBytes, rows.responseNulls, row, keySet.slotOfRole[RESPONSE_BYTES])
    rows.flags[row] = message.flags
    this.setIdsAndTimes(reader.view, row)

    const isCarried =
      !this.isStatementSent || pattern !== use?.pattern || !parts.limits.patternCompression
    this.replaceStatements(keySet, use, isCarried)
    const fieldBits = this.addFields(reader, operation, isCarried ? FIELD_STATEMENT : 0)
    rows.weights[row] = this.weight
    rows.valueCount += parts.shapes.assign(
      keySet,
      fieldBits,
      this.slots,
      this.slotCount,
      rows.values,
    )
    rows.shapes.set(row, parts.shapes.assigned)
    rows.valueEnds[row] = rows.valueCount
    this.addEvents(reader)
    this.addLinks(reader)
    rows.rows++
    this.operations.push(operation)
    this.owners.push(service)
    if (operation.isOther) parts.onLimited('operation_other', 1)
  }

  /** Attributes without those that privacy drops; hashes of database parameters and results are kept aside. */
  private collectSlots(): void {
    const { message, slots } = this
    let count = 0
    if (this.parameterHashes.length > 0) this.parameterHashes = []
    this.resultRecord = undefined
    for (let i = 0; i < message.attributeCount; i++) {
      const record = message.attributes[i] as AttributeRecord
      if (record.key.isDropped) {
        if (record.key.role === DB_PARAMETER) {
          this.parameterHashes.push(record.hashLow, record.hashHigh)
        } else if (record.key.role === DB_RESULT) this.resultRecord = record
      } else {
        slots[count++] = record
      }
    }
    this.slotCount = count
    const over = message.attributesSent - message.attributeCount
    if (over > 0) {
      this.parts.onLimited('attributes_over_limit', over)
      message.droppedAttributes += over
    }
  }

  // ── What enrichment asks ─────────────────────────────────────────────────

  get name(): string {
    return this.nameRecord?.text ?? ''
  }

  has(name: Role): boolean {
    return this.slotOf(ROLES.indexOf(name)) !== undefined
  }

  text(name: Role): string | undefined {
    const text = this.slotOf(ROLES.indexOf(name))?.text
    return text === '' ? undefined : text
  }

  private slotOf(roleIndex: number): AttributeRecord | undefined {
    const slot = this.keySet?.slotOfRole[roleIndex] ?? -1
    return slot < 0 ? undefined : this.slots[slot]
  }

  // ── Statement ────────────────────────────────────────────────────────────

  private findStatement(keySet: KeySet): StatementUse | undefined {
    const slot = keySet.slotOfRole[DB_STATEMENT] as number
    const record = slot < 0 ? undefined : this.slots[slot]
    this.isStatementSent =
      record !== undefined && record.type === TYPE_STRING && record.end > record.start
    const system = this.slotOf(DB_SYSTEM)?.text ?? ''
    const operation = this.slotOf(DB_OPERATION)?.text ?? ''
    const collection = this.slotOf(DB_COLLECTION)?.text ?? ''
    if (record === undefined || !this.isStatementSent) {
      return this.findCommand(system, operation, collection)
    }
    const known = record.statement
    if (known !== undefined && isSameContext(known.context, system, operation, collection)) {
      return known
    }
    const use = this.parts.statements.use(record, { system, operation, collection })
    record.statement = use
    return use
  }

  /** Calls of databases that tell their operation and collection, but not their text. */
  private findCommand(
    system: string,
    operation: string,
    collection: string,
  ): StatementUse | undefined {
    if (operation === '' || system === '') return undefined
    const pattern = this.parts.statements.command(system, operation, collection, false)
    return { pattern, literalsHash: 0, writtenRows: 0, context: { system, operation, collection } }
  }

  /** The pattern under the service's limit, with its row written when it is due. */
  private admit(pattern: Pattern, resource: Resource): Pattern {
    const { services, statements, mentions, patterns } = this.parts
    const { service } = resource
    let admitted = pattern
    if (pattern.admittedFor !== service) {
      if (services.admitsStatement(service, pattern.number)) {
        pattern.admittedFor = service
      } else {
        admitted = statements.other(OTHER)
        this.parts.onLimited('statement_other', 1)
      }
    }
    if (mentions.isDue(admitted)) {
      patterns.add(admitted)
      mentions.record(admitted)
    }
    return admitted
  }

  private parameters(literalsHash: number): number {
    const { parameterHashes } = this
    if (parameterHashes.length === 0) return literalsHash
    this.scratch.clear()
    this.scratch.u32(literalsHash)
    for (const hash of parameterHashes) this.scratch.u32(hash)
    return this.parts.keyedHash.of(this.scratch.bytes, 0, this.scratch.length)
  }

  /** A hash of what may be no more than a yes or a no is a secret like the parameters. */
  private setResult(row: number, keySet: KeySet): void {
    const { rows, scratch, resultRecord } = this
    if (resultRecord === undefined) {
      rows.results[row] = 0
      rows.partialResults[row] = 0
      return
    }
    scratch.clear()
    scratch.u32(resultRecord.hashLow)
    scratch.u32(resultRecord.hashHigh)
    rows.hasResults = true
    rows.results[row] = this.parts.keyedHash.of(scratch.bytes, 0, scratch.length)
    rows.partialResults[row] = (keySet.slotOfRole[DB_RESULT_ROWS] as number) >= 0 ? 1 : 0
  }

  /** In place of the statement as sent: a reference to its pattern, or its text without literals. */
  private replaceStatements(
    keySet: KeySet,
    use: StatementUse | undefined,
    isCarried: boolean,
  ): void {
    const { cache, limits, statements } = this.parts
    for (const slot of keySet.statementSlots) {
      const record = this.slots[slot] as AttributeRecord
      if (record.type !== TYPE_STRING) continue
      if (slot === keySet.slotOfRole[DB_STATEMENT] && !isCarried) {
        this.slots[slot] = cache.statementReference(record.key)
      } else {
        const system = use?.context.system ?? ''
        const context = { system, operation: '', collection: '' }
        const { text } = statements.use(record, context).pattern
        const cut = text.slice(0, limits.maxAttributeValueBytes)
        this.slots[slot] = cache.made(record.key, TYPE_STRING, cut)
      }
    }
  }

  // ── Operation and category ───────────────────────────────────────────────

  private classify(
    reader: ProtobufReader,
    keySet: KeySet,
    name: AttributeRecord,
    pattern: Pattern | undefined,
    resource: Resource,
    statusCode: number,
  ): Classified {
    const isEntryKind = this.kind === KIND_SERVER || this.kind === KIND_CONSUMER
    if (pattern !== undefined && pattern.summary !== '' && !isEntryKind) {
      return this.classifyStatement(pattern, resource)
    }

    const route = this.slotOf(HTTP_ROUTE)
    const isRouteEmpty = route !== undefined && route.start === route.end
    if (route !== undefined && !isRouteEmpty) this.parts.services.learnRoutes(resource.service)
    const isNothingThere = statusCode === NOT_FOUND || statusCode === METHOD_NOT_ALLOWED
    this.isUnmatched =
      isNothingThere && isWithoutRoute(this) && this.tellsRoutes(reader, resource.service)
    if (this.isUnmatched) return this.classifyAnew(resource)

    let isKept = name.isKept && !keySet.isOverflow && !isRouteEmpty
    let low = keySet.id ^ name.hashLow
    let high = name.hashHigh
    for (const slot of keySet.decisiveSlots) {
      const record = this.slots[slot] as AttributeRecord
      isKept &&= record.isKept
      low = Math.imul(low ^ record.hashLow, 0x85ebca6b)
      low ^= low >>> 15
      high = Math.imul(((high << 5) | (high >>> 27)) + record.hashHigh, 0xc2b2ae35)
    }
    if (!isKept) return this.classifyAnew(resource)

    const key = (high >>> 11) * U32 + (low >>> 0)
    let found = this.classified.get(key)
    if (found === undefined) {
      found = this.classifyAnew(resource)
      if (this.classified.size >= MOST_CLASSIFIED) this.classified.clear()
      this.classified.set(key, found)
    }
    return found
  }

  private classifyAnew({ service }: Resource): Classified {
    const { services } = this.parts
    this.isBeyondNames = false
    let name = operationName(this)
    const isNamed = hasGraphqlName(this)
    if (isNamed) {
      this.isBeyondNames = !services.admitsPath(service, this.kind, name)
      if (this.isBeyondNames) name = operationName(this)
    }
    const isAdmitted = isNamed && !this.isBeyondNames
    if (!isAdmitted && service.tellsRoutes && !this.isUnmatched && isWithoutRoute(this)) {
      this.isUnmatched = !services.admitsPath(service, this.kind, name)
      if (this.isUnmatched) name = operationName(this)
    }
    return {
      operation: services.operation(service, this.kind, name),
      category: spanCategory(this),
    }
  }

  /** Known of the service, or told by what it sends along: spans of one batch may come in any order. */
  private tellsRoutes(reader: ProtobufReader, service: Service): boolean {
    if (!service.tellsRoutes && !this.isSearched && this.place !== undefined) {
      this.isSearched = true
      const { resourceStart, resourceEnd } = this.place
      if (namesRoute(reader.bytes.subarray(resourceStart, resourceEnd))) {
        this.parts.services.learnRoutes(service)
      }
    }
    return service.tellsRoutes
  }

  private classifyStatement(pattern: Pattern, resource: Resource): Classified {
    const { service } = resource
    if (pattern.classifiedFor !== service || pattern.classifiedKind !== this.kind) {
      pattern.classifiedFor = service
      pattern.classifiedKind = this.kind
      pattern.classified = {
        operation: this.parts.services.operation(service, this.kind, pattern.summary.slice(0, 255)),
        category: CATEGORY_DB,
      }
    }
    return pattern.classified as Classified
  }

  // ── Numbers ──────────────────────────────────────────────────────────────

  private statusCode(keySet: KeySet): number {
    const http = keySet.slotOfRole[HTTP_STATUS] as number
    if (http >= 0) return clamp(numberOf(this.slots[http] as AttributeRecord), 0xffff)
    const rpc = keySet.slotOfRole[RPC_STATUS] as number
    if (rpc < 0) return 0
    const record = this.slots[rpc] as AttributeRecord
    return Number.isNaN(record.number) ? grpcStatus(record.text) : clamp(record.number, 0xffff)
  }

  private setCount(
    values: Uint32Array,
    nulls: Uint8Array,
    row: number,
    slot: number | undefined,
  ): void {
    const record = slot === undefined || slot < 0 ? undefined : this.slots[slot]
    const number = record === undefined ? Number.NaN : numberOf(record)
    nulls[row] = number >= 0 ? 0 : 1
    values[row] = number >= 0 ? clamp(number, 0xffff_ffff) : 0
  }

  /**
   * Where nobody told how many rows were written: those in the text of an INSERT, for each of the times it was sent at
   * once, unless it failed.
   */
  private setWritten(row: number, use: StatementUse, batchSlot: number | undefined): void {
    const batch = batchSlot === undefined || batchSlot < 0 ? undefined : this.slots[batchSlot]
    const sent = batch !== undefined && WRITES.has(use.pattern.verb) ? numberOf(batch) : 1
    const count = sent > 1 ? sent * Math.max(1, use.writtenRows) : use.writtenRows
    const { rows } = this
    if (count === 0 || rows.rowCountNulls[row] === 0 || rows.statuses[row] === STATUS_ERROR) return
    rows.rowCountNulls[row] = 0
    rows.rowCounts[row] = clamp(count, 0xffff_ffff)
  }

  private setIdsAndTimes(view: DataView, row: number): void {
    const { message, rows } = this
    for (let i = 0; i < 4; i++) {
      rows.traceIds[row * 4 + i] = view.getUint32(message.traceId + i * 4, true)
    }
    rows.spanIds[row * 2] = view.getUint32(message.spanId, true)
    rows.spanIds[row * 2 + 1] = view.getUint32(message.spanId + 4, true)
    const hasParent = message.parentIdSize === 8
    const parentLow = hasParent ? view.getUint32(message.parentId, true) : 0
    const parentHigh = hasParent ? view.getUint32(message.parentId + 4, true) : 0
    rows.parentIds[row * 2] = parentLow
    rows.parentIds[row * 2 + 1] = parentHigh
    const isRoot = parentLow === 0 && parentHigh === 0
    // A blocked event loop is nobody's work: without a request it starts no measurement.
    const isWork = isRoot && this.scope !== EVENT_LOOP_SCOPE
    const isEntry = isWork || this.kind === KIND_SERVER || this.kind === KIND_CONSUMER
    rows.entries[row] = isEntry ? 1 : 0

    const startLow = view.getUint32(message.start, true)
    const startHigh = view.getUint32(message.start + 4, true)
    const endLow = view.getUint32(message.end, true)
    const endHigh = view.getUint32(message.end + 4, true)
    rows.starts[row * 2] = startLow
    rows.starts[row * 2 + 1] = startHigh
    rows.durations[row * 2] = endLow - startLow
    rows.durations[row * 2 + 1] = endHigh - startHigh - (endLow < startLow ? 1 : 0)
  }

  private codeLocation(keySet: KeySet): DictionarySymbol {
    const file = this.slots[keySet.slotOfRole[CODE_FILE] as number]
    const hasFunction = (keySet.slotOfRole[CODE_FUNCTION] as number) >= 0
    if (file === undefined) {
      return hasFunction
        ? this.codeSymbols.get(this.slotOf(CODE_FUNCTION)?.text ?? '')
        : this.noCode
    }
    const line = this.slots[keySet.slotOfRole[CODE_LINE] as number]
    const lineHash = line?.hashLow ?? 0
    const key =
      ((file.hashHigh ^ lineHash) >>> 11) * U32 + ((Math.imul(file.hashLow, 31) + lineHash) >>> 0)
    let symbol = this.codeLocations.get(key)
    if (symbol === undefined) {
      symbol = this.codeSymbols.get(line === undefined ? file.text : `${file.text}:${line.text}`)
      if (this.codeLocations.size >= MOST_CODE_LOCATIONS) this.codeLocations.clear()
      this.codeLocations.set(key, symbol)
    }
    return symbol
  }

  // ── The span's own fields, events and links ──────────────────────────────

  /** Adds the span's own fields to the slots; answers which there are. */
  private addFields(reader: ProtobufReader, operation: OperationEntry, bits: number): number {
    const { message, slots } = this
    const { cache } = this.parts
    let fieldBits = bits
    this.weight = 1
    if (this.keySet?.isOverflow) this.foldSlots()
    if (this.nameRecord !== undefined && this.name !== operation.symbol.text) {
      fieldBits |= FIELD_NAME
      slots[this.slotCount++] = this.nameRecord
    }
    if (message.statusMessageEnd > message.statusMessage) {
      fieldBits |= FIELD_STATUS_MESSAGE
      slots[this.slotCount++] = cache.field(
        reader,
        cache.statusMessageKey,
        message.statusMessage,
        message.statusMessageEnd,
      )
    }
    if (message.traceStateEnd > message.traceState) {
      fieldBits |= FIELD_TRACE_STATE
      const record = cache.field(
        reader,
        cache.traceStateKey,
        message.traceState,
        message.traceStateEnd,
      )
      slots[this.slotCount++] = record
      this.weight = samplingWeight(record.text)
    }
    this.cutDetails()
    if (message.droppedAttributes + message.droppedEvents + message.droppedLinks > 0) {
      fieldBits |= FIELD_DROPPED
      const counts = {
        attributes: message.droppedAttributes,
        events: message.droppedEvents,
        links: message.droppedLinks,
      }
      slots[this.slotCount++] = cache.made(this.droppedKey, TYPE_JSON, JSON.stringify(counts))
    }
    return fieldBits
  }

  /** Beyond the bounds on key lists: all attributes as one document of [key, type, value]. */
  private foldSlots(): void {
    const { slots, slotCount } = this
    const list = slots
      .slice(0, slotCount)
      .map(record => [record.key.name, String.fromCharCode(record.type), record.text])
    slots[0] = this.parts.cache.made(this.overflowKey, TYPE_JSON, JSON.stringify(list))
    this.slotCount = 1
    this.parts.onLimited('shape_overflow', 1)
  }

  /** Events and links over the limit are dropped, and said to be. */
  private cutDetails(): void {
    const { message, parts } = this
    const most = parts.limits.maxEventsPerSpan * 2
    if (message.events.length > most) {
      const over = (message.events.length - most) / 2
      message.events.length = most
      message.droppedEvents += over
      parts.onLimited('events_over_limit', over)
    }
    if (message.links.length > most) {
      const over = (message.links.length - most) / 2
      message.links.length = most
      message.droppedLinks += over
      parts.onLimited('links_over_limit', over)
    }
  }

  private addEvents(reader: ProtobufReader): void {
    const { message, rows } = this
    if (message.events.length === 0) {
      rows.events.byte(0)
      return
    }
    message.part = 'events'
    rows.events.text(`[${this.details(reader, message.events, eventJson)}]`)
    message.part = ''
  }

  private addLinks(reader: ProtobufReader): void {
    const { message, rows } = this
    if (message.links.length === 0) {
      rows.links.byte(0)
      return
    }
    message.part = 'links'
    rows.links.text(`[${this.details(reader, message.links, linkJson)}]`)
    message.part = ''
  }

  private details(
    reader: ProtobufReader,
    bounds: readonly number[],
    render: typeof eventJson,
  ): string {
    const { json, limits } = this.parts
    let list = ''
    for (let i = 0; i < bounds.length; i += 2) {
      reader.at = bounds[i] as number
      const detail = render(reader, bounds[i + 1] as number, json, limits.maxAttributesPerSpan)
      list += i === 0 ? detail : `,${detail}`
    }
    return list
  }

  // ── The end of a request ─────────────────────────────────────────────────

  /** Relates the spans since the mark to each other and counts them. */
  finish(): void {
    const { rows, operations } = this
    const first = rows.firstMarkedRow
    this.ancestry.resolve(rows, first, rows.statements.indexOf(this.noStatement))
    for (let row = first; row < rows.rows; row++) {
      countCall(
        operations[row - first] as OperationEntry,
        durationNsAt(rows, row) / 1e9,
        this.hasFailed(row),
        rows.weights[row] as number,
      )
    }
  }

  private hasFailed(row: number): boolean {
    const { kinds, statuses, statusCodes } = this.rows
    return hasFailed(kinds[row] as number, statuses[row] as number, statusCodes[row] as number)
  }

  /** The spans since the mark, as the live view shows them. */
  live(entriesOnly: boolean, receivedUnixMs: number): LiveSpan[] {
    const { rows, operations, owners } = this
    const first = rows.firstMarkedRow
    const spans: LiveSpan[] = []
    for (let row = first; row < rows.rows; row++) {
      if (entriesOnly && rows.entries[row] !== 1) continue
      const service = owners[row - first]
      if (service === undefined) continue
      spans.push({
        traceId: hex(rows.traceIds, row, 16),
        spanId: hex(rows.spanIds, row, 8),
        environment: service.environment.text,
        service: service.name.text,
        operation: operations[row - first]?.symbol.text ?? OTHER,
        kind: SPAN_KINDS[rows.kinds[row] as number] ?? 'unspecified',
        category: SPAN_CATEGORIES[rows.categories[row] as number] ?? 'other',
        failed: this.hasFailed(row),
        isEntry: rows.entries[row] === 1,
        durationNs: durationNsAt(rows, row),
        receivedUnixMs,
      })
    }
    return spans
  }

  get cacheBytes(): number {
    return this.classified.size * 120 + this.codeLocations.size * 80 + this.codeSymbols.bytes
  }
}

function durationNsAt(rows: SpanRows, row: number): number {
  return (rows.durations[row * 2 + 1] as number) * U32 + (rows.durations[row * 2] as number)
}

function hex(words: Uint32Array, row: number, size: number): string {
  return Buffer.from(words.buffer, row * size, size).toString('hex')
}

function numberOf(record: AttributeRecord): number {
  if (!Number.isNaN(record.number)) return record.number
  return record.type === TYPE_STRING && record.end > record.start ? Number(record.text) : Number.NaN
}

function clamp(value: number, most: number): number {
  if (!(value >= 0)) return 0
  return value > most ? most : Math.trunc(value)
}

function unixMsAt(view: DataView, at: number): number {
  return (view.getUint32(at + 4, true) * U32 + view.getUint32(at, true)) / 1e6
}

function isLater(view: DataView, a: number, b: number): boolean {
  const highA = view.getUint32(a + 4, true)
  const highB = view.getUint32(b + 4, true)
  return highA > highB || (highA === highB && view.getUint32(a, true) > view.getUint32(b, true))
}

function isZero(view: DataView, at: number, words: number): boolean {
  for (let i = 0; i < words; i++) if (view.getUint32(at + i * 4, true) !== 0) return false
  return true
}
