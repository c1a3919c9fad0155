import { writeDictionary, writeDictionaryPrefix } from './dictionary-column.ts'
import { NativeWriter, prefixedText } from './native-writer.ts'

/**
 * Columns of the tables that get a row now and then (resources, shapes, patterns, metrics, logs).
 * Spans have columns of their own, written for speed (`span-rows.ts`).
 */
export interface TableColumn {
  readonly type: string
  /** Rows so far. */
  readonly length: number
  truncate(length: number): void
  writePrefix(writer: NativeWriter): void
  writeData(writer: NativeWriter): void
}

export type NumberType = 'UInt8' | 'UInt32' | "DateTime('UTC')" | 'Float64'

export class NumberColumn implements TableColumn {
  readonly type: NumberType
  private values: number[] = []

  constructor(type: NumberType) {
    this.type = type
  }

  get length(): number {
    return this.values.length
  }

  push(value: number): void {
    this.values.push(value)
  }

  fill(value: number, rows: number): void {
    this.values = new Array<number>(rows).fill(value)
  }

  truncate(length: number): void {
    this.values.length = length
  }

  writePrefix(): void {}

  writeData(writer: NativeWriter): void {
    if (this.type === 'UInt8') writer.raw(Uint8Array.from(this.values))
    else if (this.type === 'Float64') writer.array(Float64Array.from(this.values), 8, this.length)
    else writer.array(Uint32Array.from(this.values), 4, this.length)
  }
}

/** 64-bit integers as two halves, exact. `type` may be any type that is stored so. */
export class WideColumn implements TableColumn {
  readonly type: string
  private readonly halves: number[] = []

  constructor(type: 'UInt64' | "DateTime64(9, 'UTC')") {
    this.type = type
  }

  get length(): number {
    return this.halves.length / 2
  }

  push(low: number, high: number): void {
    this.halves.push(low, high)
  }

  truncate(length: number): void {
    this.halves.length = length * 2
  }

  writePrefix(): void {}

  writeData(writer: NativeWriter): void {
    writer.array(Uint32Array.from(this.halves), 4, this.halves.length)
  }
}

/** FixedString(n) from bytes; what is shorter is filled with zeros. */
export class FixedBytesColumn implements TableColumn {
  readonly type: string
  private readonly size: number
  private readonly data = new NativeWriter(256)

  constructor(size: number) {
    this.size = size
    this.type = `FixedString(${size})`
  }

  get length(): number {
    return this.data.length / this.size
  }

  push(bytes: Uint8Array): void {
    this.data.reserve(this.size)
    this.data.bytes.fill(0, this.data.length, this.data.length + this.size)
    this.data.bytes.set(bytes.subarray(0, this.size), this.data.length)
    this.data.length += this.size
  }

  truncate(length: number): void {
    this.data.length = length * this.size
  }

  writePrefix(): void {}

  writeData(writer: NativeWriter): void {
    writer.raw(this.data.bytes.subarray(0, this.data.length))
  }
}

export class TextColumn implements TableColumn {
  readonly type = 'String'
  private readonly data = new NativeWriter(1024)
  private readonly ends: number[] = []

  get length(): number {
    return this.ends.length
  }

  push(value: string): void {
    this.data.text(value)
    this.ends.push(this.data.length)
  }

  truncate(length: number): void {
    this.ends.length = length
    this.data.length = this.ends[length - 1] ?? 0
  }

  writePrefix(): void {}

  writeData(writer: NativeWriter): void {
    writer.raw(this.data.bytes.subarray(0, this.data.length))
  }
}

/** LowCardinality(String). */
export class LowCardinalityColumn implements TableColumn {
  readonly type = 'LowCardinality(String)'
  private readonly indexes: number[] = []
  private readonly places = new Map<string, number>()

  get length(): number {
    return this.indexes.length
  }

  push(value: string): void {
    let place = this.places.get(value)
    if (place === undefined) {
      place = this.places.size
      this.places.set(value, place)
    }
    this.indexes.push(place)
  }

  truncate(length: number): void {
    this.indexes.length = length
    let used = 0
    for (const index of this.indexes) used = Math.max(used, index + 1)
    for (const [value, place] of this.places) if (place >= used) this.places.delete(value)
  }

  writePrefix(writer: NativeWriter): void {
    writeDictionaryPrefix(writer)
  }

  writeData(writer: NativeWriter): void {
    writeDictionary(writer, [...this.places.keys()].map(prefixedText), this.indexes, this.length)
  }
}

export class NullableColumn implements TableColumn {
  readonly type: string
  private readonly nulls: number[] = []
  private readonly inner: NumberColumn

  constructor(inner: NumberType) {
    this.inner = new NumberColumn(inner)
    this.type = `Nullable(${inner})`
  }

  get length(): number {
    return this.nulls.length
  }

  push(value: number | undefined): void {
    this.nulls.push(value === undefined ? 1 : 0)
    this.inner.push(value ?? 0)
  }

  truncate(length: number): void {
    this.nulls.length = length
    this.inner.truncate(length)
  }

  writePrefix(): void {}

  writeData(writer: NativeWriter): void {
    writer.raw(Uint8Array.from(this.nulls))
    this.inner.writeData(writer)
  }
}

/** Ends of the arrays of each row; the elements are in columns of their own. */
class Offsets {
  private readonly ends: number[] = []

  get length(): number {
    return this.ends.length
  }

  push(end: number): void {
    this.ends.push(end)
  }

  /** Answers how many elements remain. */
  truncate(length: number): number {
    this.ends.length = length
    return this.ends[length - 1] ?? 0
  }

  write(writer: NativeWriter): void {
    for (const end of this.ends) writer.u64(end)
  }
}

export class ArrayColumn<Element extends TableColumn> implements TableColumn {
  readonly type: string
  readonly elements: Element
  private readonly offsets = new Offsets()

  constructor(elements: Element) {
    this.elements = elements
    this.type = `Array(${elements.type})`
  }

  get length(): number {
    return this.offsets.length
  }

  /** Closes the row: what was pushed to `elements` since the last is its array. */
  endRow(): void {
    this.offsets.push(this.elements.length)
  }

  truncate(length: number): void {
    this.elements.truncate(this.offsets.truncate(length))
  }

  writePrefix(writer: NativeWriter): void {
    this.elements.writePrefix(writer)
  }

  writeData(writer: NativeWriter): void {
    this.offsets.write(writer)
    this.elements.writeData(writer)
  }
}

/** Map(LowCardinality(String), String). */
export class MapColumn implements TableColumn {
  readonly type = 'Map(LowCardinality(String), String)'
  private readonly keys = new LowCardinalityColumn()
  private readonly values = new TextColumn()
  private readonly offsets = new Offsets()

  get length(): number {
    return this.offsets.length
  }

  push(entries: Iterable<readonly [string, string]>): void {
    for (const [key, value] of entries) {
      this.keys.push(key)
      this.values.push(value)
    }
    this.offsets.push(this.keys.length)
  }

  truncate(length: number): void {
    const elements = this.offsets.truncate(length)
    this.keys.truncate(elements)
    this.values.truncate(elements)
  }

  writePrefix(writer: NativeWriter): void {
    this.keys.writePrefix(writer)
  }

  writeData(writer: NativeWriter): void {
    this.offsets.write(writer)
    this.keys.writeData(writer)
    this.values.writeData(writer)
  }
}
