import type { AttributeRecord } from '../decode/attribute-record.ts'
import { TYPE_STATEMENT } from '../decode/attribute-record.ts'
import { contentId } from '../enrich/resource-identity.ts'
import { ROLES, type Role } from '../enrich/semantic-keys.ts'
import { KIND_CLIENT, KIND_SERVER } from '../enrich/span-facts.ts'
import { DictionarySymbol } from './dictionary-symbol.ts'
import type { Mentioned, Mentions } from './mentions.ts'
import type { NativeWriter } from './native-writer.ts'
import type { Service } from './service-book.ts'
import { ArrayColumn, LowCardinalityColumn, NumberColumn, TextColumn } from './table-columns.ts'
import { TableRows } from './table-rows.ts'
import { findVaryingSlots } from './varying-slots.ts'

/** Key lists remembered; beyond, spans carry their attributes as one document until the next renewal. */
const MOST_KEY_SETS = 4_096
/** How long key lists beyond the bound must wait for a renewal: an attack makes so many shapes at most. */
const RENEW_SECONDS = 600
/** Shapes remembered in all. */
const MOST_SHAPES = 32_768
/** So many shapes of a group since its last demotion say that something in it varies. */
const SHAPES_BEFORE_DEMOTION = 512
export const OVERFLOW_KEY = '@attributes'

/** What spans with equal keys (and service, scope, kind) have in common before their values are looked at. */
export interface KeySet {
  readonly id: number
  readonly service: Service
  readonly scope: Scope
  readonly kind: number
  /** `keyCode` of each attribute. */
  readonly codes: Int32Array
  /** Which attribute plays a role; -1 for none. By place in ROLES. */
  readonly slotOfRole: Int16Array
  /** Attributes that are statements. */
  readonly statementSlots: readonly number[]
  /** Attributes beside the name that decide its operation. */
  readonly decisiveSlots: readonly number[]
  /** By which of the span's own fields it has: `SpanFieldBits`. */
  readonly groups: (Group | undefined)[]
  /** Beyond the bounds: its attributes go as one document. */
  readonly isOverflow: boolean
}

export interface Scope {
  readonly id: number
  readonly name: string
  readonly version: string
  readonly overflowGroups: (Group | undefined)[]
}

interface Shape extends Mentioned {
  readonly symbol: DictionarySymbol
}

interface Group {
  readonly scope: Scope
  readonly keys: readonly string[]
  readonly types: string
  readonly variable: Uint8Array
  /** Slots by whether they vary; rebuilt at each demotion. Statements are in neither: `patterns` has them. */
  constantSlots: readonly number[]
  variableSlots: readonly number[]
  readonly shapes: Map<number, Shape>
  /** Hashes of the constants of each shape made since the last demotion. */
  readonly samples: Int32Array[]
  epoch: number
}

export const FIELD_NAME = 1
export const FIELD_STATUS_MESSAGE = 2
export const FIELD_TRACE_STATE = 4
export const FIELD_DROPPED = 8
/** The statement's text is carried by the span, since no pattern row has it. */
export const FIELD_STATEMENT = 16

function keyCode(record: AttributeRecord): number {
  return (record.key.id << 8) | record.type
}

/**
 * Splits the attributes of spans into what many of them share (a shape, stored once) and what differs.
 * Each group of spans with equal keys begins with everything constant; a group that makes many shapes
 * finds out which attributes vary and carries those with each span from then on. So route, method and
 * server name cost nothing a span, and a user id costs its own bytes, without anybody naming either.
 */
export class ShapeBook {
  readonly rows = new TableRows('shapes', () => ({
    shape: new TextColumn(),
    scope_name: new LowCardinalityColumn(),
    scope_version: new LowCardinalityColumn(),
    keys: new ArrayColumn(new LowCardinalityColumn()),
    types: new TextColumn(),
    variable: new ArrayColumn(new NumberColumn('UInt8')),
    constants: new ArrayColumn(new TextColumn()),
    last_seen: new NumberColumn("DateTime('UTC')"),
  }))
  private readonly mentions: Mentions
  private readonly isCompressing: boolean
  private keySets = new Map<number, KeySet[]>()
  private keySetCount = 0
  private keySetIds = 0
  private renewedAt = 0
  private shapeCount = 0
  private epoch = 0
  evictions = 0

  constructor(mentions: Mentions, isCompressing: boolean) {
    this.mentions = mentions
    this.isCompressing = isCompressing
  }

  keySet(
    service: Service,
    scope: Scope,
    kind: number,
    records: readonly AttributeRecord[],
    count: number,
  ): KeySet {
    let hash = Math.imul(service.id, 0x9e3779b1) ^ Math.imul(scope.id * 8 + kind, 0x85ebca6b)
    let isKnownOnly = true
    for (let i = 0; i < count; i++) {
      const record = records[i] as AttributeRecord
      if (record.key.id === 0) isKnownOnly = false
      hash = Math.imul(hash ^ keyCode(record), 0xc2b2ae35)
      hash ^= hash >>> 15
    }
    const candidates = isKnownOnly ? this.keySets.get(hash) : undefined
    if (candidates !== undefined) {
      for (const candidate of candidates) {
        if (isSame(candidate, service, scope, kind, records, count)) return candidate
      }
    }
    return this.addKeySet(hash, service, scope, kind, records, count, isKnownOnly)
  }

  private addKeySet(
    hash: number,
    service: Service,
    scope: Scope,
    kind: number,
    records: readonly AttributeRecord[],
    count: number,
    isKnownOnly: boolean,
  ): KeySet {
    const isOverflow = !isKnownOnly || this.isFull()
    const keySet = makeKeySet(
      isOverflow ? 0 : ++this.keySetIds,
      service,
      scope,
      kind,
      records.slice(0, count),
      isOverflow,
    )
    if (!isOverflow) {
      const bucket = this.keySets.get(hash)
      if (bucket === undefined) this.keySets.set(hash, [keySet])
      else bucket.push(keySet)
      this.keySetCount++
    }
    return keySet
  }

  private isFull(): boolean {
    if (this.keySetCount < MOST_KEY_SETS) return false
    const now = this.mentions.nowUnixSeconds
    if (now - this.renewedAt < RENEW_SECONDS) return true
    this.renewedAt = now
    this.evictions += this.keySetCount
    this.keySets = new Map()
    this.keySetCount = 0
    this.shapeCount = 0
    this.epoch++
    return false
  }

  /**
   * The shape of a span: the attributes of its key set, then its own fields, in `records`. Writes the
   * values that vary, answers how many.
   */
  assign(
    keySet: KeySet,
    fieldBits: number,
    records: readonly AttributeRecord[],
    count: number,
    values: NativeWriter,
  ): number {
    const groups = keySet.isOverflow ? keySet.scope.overflowGroups : keySet.groups
    let group = groups[fieldBits]
    if (group === undefined || group.epoch !== this.epoch) {
      group = this.makeGroup(keySet, records, count)
      groups[fieldBits] = group
    }

    let low = 0x2545f491
    let high = 0
    for (const slot of group.constantSlots) {
      const record = records[slot] as AttributeRecord
      low = Math.imul(low ^ record.hashLow, 0x85ebca6b)
      low ^= low >>> 15
      high = Math.imul(((high << 5) | (high >>> 27)) + record.hashHigh, 0xc2b2ae35)
    }
    const key = (high >>> 11) * 0x1_0000_0000 + (low >>> 0)
    let shape = group.shapes.get(key)
    if (shape === undefined) {
      if (this.noteShape(group, records))
        return this.assign(keySet, fieldBits, records, count, values)
      shape = this.makeShape(group, records)
      group.shapes.set(key, shape)
    }
    if (this.mentions.isDue(shape)) this.writeRow(group, shape, records)
    this.assigned = shape.symbol

    const { variableSlots } = group
    for (let i = 0; i < variableSlots.length; i++) {
      const record = records[variableSlots[i] as number] as AttributeRecord
      values.prefixedPart(record.source, record.start, record.end)
    }
    return variableSlots.length
  }

  /** What `assign` found last. */
  assigned = new DictionarySymbol('')

  private makeGroup(keySet: KeySet, records: readonly AttributeRecord[], count: number): Group {
    const used = records.slice(0, count)
    const isVariable = keySet.isOverflow || !this.isCompressing ? 1 : 0
    const group: Group = {
      scope: keySet.scope,
      keys: used.map(record => record.key.name),
      types: used.map(record => String.fromCharCode(record.type)).join(''),
      variable: Uint8Array.from(used, record => (record.type === TYPE_STATEMENT ? 0 : isVariable)),
      constantSlots: [],
      variableSlots: [],
      shapes: new Map(),
      samples: [],
      epoch: this.epoch,
    }
    divideSlots(group)
    return group
  }

  /** Counts a new shape; answers true when that made a slot variable, so that the shape must be sought anew. */
  private noteShape(group: Group, records: readonly AttributeRecord[]): boolean {
    const { constantSlots, samples } = group
    if (constantSlots.length === 0) return false
    const isOutOfRoom = this.shapeCount >= MOST_SHAPES
    if (samples.length < SHAPES_BEFORE_DEMOTION && !isOutOfRoom) {
      samples.push(
        Int32Array.from(constantSlots, slot => (records[slot] as AttributeRecord).hashLow),
      )
      return false
    }
    const varying = isOutOfRoom ? [...constantSlots.keys()] : findVaryingSlots(samples)
    for (const place of varying) group.variable[constantSlots[place] as number] = 1
    this.shapeCount -= group.shapes.size
    this.evictions += group.shapes.size
    group.shapes.clear()
    samples.length = 0
    divideSlots(group)
    return true
  }

  private makeShape(group: Group, records: readonly AttributeRecord[]): Shape {
    this.shapeCount++
    const { scope, keys, types, variable } = group
    const constants = keys.map((_, slot) => constantOf(group, slot, records))
    const id = contentId([scope.name, scope.version, keys, types, [...variable], constants])
    return { symbol: new DictionarySymbol(id), mentionedAt: 0, mentionEpoch: -1 }
  }

  private writeRow(group: Group, shape: Shape, records: readonly AttributeRecord[]): void {
    const { columns } = this.rows
    columns.shape.push(shape.symbol.text)
    columns.scope_name.push(group.scope.name)
    columns.scope_version.push(group.scope.version)
    for (const key of group.keys) columns.keys.elements.push(key)
    columns.keys.endRow()
    columns.types.push(group.types)
    for (const flag of group.variable) columns.variable.elements.push(flag)
    columns.variable.endRow()
    for (let slot = 0; slot < group.keys.length; slot++) {
      columns.constants.elements.push(constantOf(group, slot, records))
    }
    columns.constants.endRow()
    columns.last_seen.push(0)
    this.rows.rows++
    this.mentions.record(shape)
  }

  get cacheBytes(): number {
    return this.keySetCount * 2_200 + this.shapeCount * 600
  }
}

function constantOf(group: Group, slot: number, records: readonly AttributeRecord[]): string {
  const record = records[slot]
  const isConstant = group.variable[slot] === 0 && record?.type !== TYPE_STATEMENT
  return isConstant && record !== undefined ? record.text : ''
}

function divideSlots(group: Group): void {
  const slots = [...group.variable.keys()]
  group.constantSlots = slots.filter(
    slot => group.variable[slot] === 0 && group.types.charCodeAt(slot) !== TYPE_STATEMENT,
  )
  group.variableSlots = slots.filter(slot => group.variable[slot] === 1)
}

function isSame(
  keySet: KeySet,
  service: Service,
  scope: Scope,
  kind: number,
  records: readonly AttributeRecord[],
  count: number,
): boolean {
  const { codes } = keySet
  if (keySet.service !== service || keySet.scope !== scope || keySet.kind !== kind) return false
  if (codes.length !== count) return false
  for (let i = 0; i < count; i++) {
    if (codes[i] !== keyCode(records[i] as AttributeRecord)) return false
  }
  return true
}

function makeKeySet(
  id: number,
  service: Service,
  scope: Scope,
  kind: number,
  records: readonly AttributeRecord[],
  isOverflow: boolean,
): KeySet {
  const slotOfRole = new Int16Array(ROLES.length).fill(-1)
  records.forEach((record, slot) => {
    const { role } = record.key
    const earlier = records[slotOfRole[role] ?? -1]
    if (role === 0) return
    if (earlier === undefined || earlier.key.meaning.rank < record.key.meaning.rank) {
      slotOfRole[role] = slot
    }
  })
  return {
    id,
    service,
    scope,
    kind,
    codes: Int32Array.from(records, keyCode),
    slotOfRole,
    statementSlots: [...records.keys()].filter(
      slot => records[slot]?.key.meaning.role === 'dbStatement',
    ),
    decisiveSlots: decisiveSlots(kind, slotOfRole),
    groups: [],
    isOverflow,
  }
}

/** What operations and categories are made of, besides name, scope, kind and statement. */
const DECISIVE_ROLES: readonly Role[] = [
  'httpMethod',
  'httpRoute',
  'urlTemplate',
  'serverAddress',
  'dbSystem',
  'dbOperation',
  'dbCollection',
  'rpcSystem',
  'rpcService',
  'rpcMethod',
  'messagingDestination',
  'messagingOperation',
  'graphqlType',
  'graphqlName',
]
/** Where there is no route; they vary so much that they are asked only then. */
const DECISIVE_WITHOUT_ROUTE: readonly Role[] = ['urlPath', 'httpTarget', 'urlFull']

function decisiveSlots(kind: number, slotOfRole: Int16Array): number[] {
  const slotOf = (role: Role) => slotOfRole[ROLES.indexOf(role)] ?? -1
  const hasPathIn = kind === KIND_CLIENT || (kind === KIND_SERVER && slotOf('httpRoute') < 0)
  const roles =
    hasPathIn && slotOf('httpMethod') >= 0
      ? [...DECISIVE_ROLES, ...DECISIVE_WITHOUT_ROUTE]
      : DECISIVE_ROLES
  return roles.map(slotOf).filter(slot => slot >= 0)
}
