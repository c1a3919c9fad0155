import type { DictionarySymbol } from './dictionary-symbol.ts'
import type { NativeWriter } from './native-writer.ts'

/** KeysSerializationVersion::SharedDictionariesWithAdditionalKeys of ClickHouse. */
const VERSION = 1
/** The block brings its own keys; the low byte says how wide the indexes are. */
const HAS_ADDITIONAL_KEYS = 0x200

let blocks = 0

/** A LowCardinality(String) column filled with symbols: a dictionary per block and an index per row. */
export class DictionaryColumn {
  indexes = new Uint32Array(1024)
  private keys: DictionarySymbol[] = []
  private block = blocks++
  private markedKeys = 0

  /** The caller has reserved the row. */
  set(row: number, symbol: DictionarySymbol): void {
    if (symbol.block !== this.block) this.define(symbol)
    this.indexes[row] = symbol.index
  }

  private define(symbol: DictionarySymbol): void {
    symbol.block = this.block
    symbol.index = this.keys.length
    this.keys.push(symbol)
  }

  /** Where the symbol is in this block's dictionary; -1 when no row has it. */
  indexOf(symbol: DictionarySymbol): number {
    return symbol.block === this.block ? symbol.index : -1
  }

  reserve(rows: number): void {
    if (rows <= this.indexes.length) return
    const grown = new Uint32Array(Math.max(rows, this.indexes.length * 2))
    grown.set(this.indexes)
    this.indexes = grown
  }

  mark(): void {
    this.markedKeys = this.keys.length
  }

  /** Forgets what was defined since the mark. */
  rollBack(): void {
    for (let i = this.markedKeys; i < this.keys.length; i++) {
      const symbol = this.keys[i]
      if (symbol !== undefined) symbol.block = -1
    }
    this.keys.length = this.markedKeys
  }

  clear(): void {
    this.keys = []
    this.block = blocks++
    this.markedKeys = 0
  }

  /** A whole column of `rows` rows. */
  write(writer: NativeWriter, rows: number): void {
    writeDictionaryPrefix(writer)
    writeDictionary(
      writer,
      this.keys.map(key => key.prefixed),
      this.indexes,
      rows,
    )
  }
}

export function writeDictionaryPrefix(writer: NativeWriter): void {
  writer.u64(VERSION)
}

/** Keys and indexes; nothing at all for no rows, which is what the engine expects inside empty arrays. */
export function writeDictionary(
  writer: NativeWriter,
  keys: readonly Uint8Array[],
  indexes: ArrayLike<number>,
  rows: number,
): void {
  if (rows === 0) return
  const width = keys.length <= 0x100 ? 0 : keys.length <= 0x1_0000 ? 1 : 2
  writer.u64(HAS_ADDITIONAL_KEYS + width)
  writer.u64(keys.length)
  for (const key of keys) writer.raw(key)
  writer.u64(rows)

  const size = 1 << width
  writer.reserve(rows * size)
  const { bytes } = writer
  let at = writer.length
  for (let row = 0; row < rows; row++) {
    const index = indexes[row] as number
    bytes[at++] = index & 0xff
    if (width > 0) bytes[at++] = (index >>> 8) & 0xff
    if (width > 1) {
      bytes[at++] = (index >>> 16) & 0xff
      bytes[at++] = index >>> 24
    }
  }
  writer.length = at
}
