import { textOf } from '../decode/any-value.ts'
import { BYTES, fields, type ProtobufReader } from '../decode/protobuf-reader.ts'
import type { Scope } from './shape-book.ts'

const MOST_SCOPES = 2_000
const LONGEST_NAME = 255
const SCOPE_FIELDS = fields(1, 2)

/** Instrumentation scopes by name and version. When there are too many, it begins anew. */
export class ScopeBook {
  private readonly scopes = new Map<string, Scope>()
  private ids = 0

  /** The InstrumentationScope message between the reader's place and `end`. */
  read(reader: ProtobufReader, end: number): Scope {
    let name = ''
    let version = ''
    while (reader.at < end) {
      const tag = reader.tag(end)
      if (tag === ((1 << 3) | BYTES)) name = readText(reader, end)
      else if (tag === ((2 << 3) | BYTES)) version = readText(reader, end)
      else reader.unexpected(tag, end, SCOPE_FIELDS)
    }
    return this.get(name, version)
  }

  private get(name: string, version: string): Scope {
    const key = `${name}\0${version}`
    let scope = this.scopes.get(key)
    if (scope === undefined) {
      if (this.scopes.size >= MOST_SCOPES) this.scopes.clear()
      scope = { id: ++this.ids, name, version, overflowGroups: [] }
      this.scopes.set(key, scope)
    }
    return scope
  }

  get cacheBytes(): number {
    return this.scopes.size * 400
  }
}

function readText(reader: ProtobufReader, end: number): string {
  reader.enter(end)
  const text = textOf(reader.bytes, reader.at, reader.fieldEnd)
  reader.at = reader.fieldEnd
  return text.slice(0, LONGEST_NAME)
}
