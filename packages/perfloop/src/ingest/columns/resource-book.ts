import type { AnyValueJson } from '../decode/any-value.ts'
import { BYTES, fields, type ProtobufReader } from '../decode/protobuf-reader.ts'
import { identifyResource } from '../enrich/resource-identity.ts'
import { DictionarySymbol } from './dictionary-symbol.ts'
import type { Mentioned, Mentions } from './mentions.ts'
import type { Service, ServiceBook } from './service-book.ts'
import { LowCardinalityColumn, MapColumn, NumberColumn, TextColumn } from './table-columns.ts'
import { TableRows } from './table-rows.ts'

const MOST_RESOURCES = 1_000
const LONGEST_KEPT_BYTES = 4_096

/** A sender, found by the bytes of its Resource message. */
export interface Resource extends Mentioned {
  readonly symbol: DictionarySymbol
  readonly service: Service
  readonly instance: string
  readonly attributes: readonly (readonly [string, string])[]
}

/** Senders by the bytes of their Resource message; the one longest known goes first. */
export class ResourceBook {
  readonly rows = new TableRows('resources', () => ({
    resource: new TextColumn(),
    environment: new LowCardinalityColumn(),
    service: new LowCardinalityColumn(),
    instance: new TextColumn(),
    attributes: new MapColumn(),
    last_seen: new NumberColumn("DateTime('UTC')"),
  }))
  private readonly resources = new Map<string, Resource>()
  private readonly mentions: Mentions
  private readonly services: ServiceBook
  private readonly json: AnyValueJson
  private readonly defaultEnvironment: string
  private bytes = 0
  evictions = 0

  constructor(
    mentions: Mentions,
    services: ServiceBook,
    json: AnyValueJson,
    defaultEnvironment: string,
  ) {
    this.mentions = mentions
    this.services = services
    this.json = json
    this.defaultEnvironment = defaultEnvironment
  }

  /** The Resource message between the reader's place and `end`; its row is written when it is due. */
  read(reader: ProtobufReader, end: number, tokenEnvironment: string | undefined): Resource {
    const { at } = reader
    const sent = Buffer.from(reader.bytes.buffer, reader.bytes.byteOffset + at, end - at)
    const key = `${tokenEnvironment ?? ''}\0${sent.toString('latin1')}`
    const resource = this.resources.get(key) ?? this.parse(reader, end, tokenEnvironment, key)
    reader.at = end
    if (this.mentions.isDue(resource)) this.writeRow(resource)
    return resource
  }

  private parse(
    reader: ProtobufReader,
    end: number,
    tokenEnvironment: string | undefined,
    key: string,
  ): Resource {
    const attributes: (readonly [string, string])[] = []
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag !== ((1 << 3) | BYTES)) {
        reader.unexpected(tag, end, fields(1))
        continue
      }
      reader.enter(end)
      const entry = this.json.entry(reader, reader.fieldEnd, 'keep', 'plain', 0)
      if (entry !== undefined) attributes.push(entry)
    }
    const identity = identifyResource(attributes, tokenEnvironment, this.defaultEnvironment)
    const resource: Resource = {
      symbol: new DictionarySymbol(identity.id),
      service: this.services.service(identity.environment, identity.service),
      instance: identity.instance,
      attributes,
      mentionedAt: 0,
      mentionEpoch: -1,
    }
    this.keep(key, resource)
    return resource
  }

  private keep(key: string, resource: Resource): void {
    if (key.length > LONGEST_KEPT_BYTES) return
    if (this.resources.size >= MOST_RESOURCES) {
      const oldest = this.resources.keys().next().value
      if (oldest !== undefined) {
        this.resources.delete(oldest)
        this.bytes -= 600 + oldest.length * 3
        this.evictions++
      }
    }
    this.resources.set(key, resource)
    this.bytes += 600 + key.length * 3
  }

  private writeRow(resource: Resource): void {
    const { columns } = this.rows
    columns.resource.push(resource.symbol.text)
    columns.environment.push(resource.service.environment.text)
    columns.service.push(resource.service.name.text)
    columns.instance.push(resource.instance)
    columns.attributes.push(resource.attributes)
    columns.last_seen.push(0)
    this.rows.rows++
    this.mentions.record(resource)
  }

  get cacheBytes(): number {
    return this.bytes
  }
}
