import { SPAN_CATEGORIES, SPAN_KINDS, SPAN_STATUSES } from '../../domain/span.ts'
import type { NativeBlock } from '../ingest-buffer.ts'
import { DictionaryColumn } from './dictionary-column.ts'
import { NativeWriter } from './native-writer.ts'

const FIRST_CAPACITY = 1024
const enumType = (names: readonly string[]) =>
  `Enum8(${names.map((name, value) => `'${name}' = ${value}`).join(', ')})`

/**
 * The columns of the table `spans`. One typed array a column and no code between: this is the inner loop
 * of the whole product, and a store into an array of a known kind is the cheapest thing JavaScript has.
 * 64-bit values are two 32-bit halves (low first), ids are kept in words.
 */
export class SpanRows {
  rows = 0
  private capacity = FIRST_CAPACITY
  private markedRows = 0
  private markedValues = 0
  private markedValueBytes = 0
  private markedEventBytes = 0
  private markedLinkBytes = 0

  readonly environments = new DictionaryColumn()
  readonly services = new DictionaryColumn()
  readonly operations = new DictionaryColumn()
  readonly statements = new DictionaryColumn()
  readonly codeLocations = new DictionaryColumn()
  readonly resources = new DictionaryColumn()
  readonly shapes = new DictionaryColumn()
  kinds = new Uint8Array(FIRST_CAPACITY)
  categories = new Uint8Array(FIRST_CAPACITY)
  statuses = new Uint8Array(FIRST_CAPACITY)
  statusCodes = new Uint16Array(FIRST_CAPACITY)
  entries = new Uint8Array(FIRST_CAPACITY)
  repeatedLayers = new Uint8Array(FIRST_CAPACITY)
  traceIds = new Uint32Array(FIRST_CAPACITY * 4)
  spanIds = new Uint32Array(FIRST_CAPACITY * 2)
  parentIds = new Uint32Array(FIRST_CAPACITY * 2)
  entryIds = new Uint32Array(FIRST_CAPACITY * 2)
  starts = new Uint32Array(FIRST_CAPACITY * 2)
  durations = new Uint32Array(FIRST_CAPACITY * 2)
  parameters = new Uint32Array(FIRST_CAPACITY)
  /** Few senders tell them: where none has, their columns are left out. */
  hasResults = false
  results = new Uint32Array(FIRST_CAPACITY)
  partialResults = new Uint8Array(FIRST_CAPACITY)
  rowCountNulls = new Uint8Array(FIRST_CAPACITY)
  rowCounts = new Uint32Array(FIRST_CAPACITY)
  responseNulls = new Uint8Array(FIRST_CAPACITY)
  responseBytes = new Uint32Array(FIRST_CAPACITY)
  weights = new Float64Array(FIRST_CAPACITY)
  flags = new Uint32Array(FIRST_CAPACITY)
  /** How many values of `attribute_values` there are up to and with each row. */
  valueEnds = new Uint32Array(FIRST_CAPACITY)
  valueCount = 0
  readonly values = new NativeWriter(FIRST_CAPACITY * 64)
  readonly events = new NativeWriter()
  readonly links = new NativeWriter()
  private readonly output = new NativeWriter(FIRST_CAPACITY * 128)

  private dictionaries(): readonly DictionaryColumn[] {
    return [
      this.environments,
      this.services,
      this.operations,
      this.statements,
      this.codeLocations,
      this.resources,
      this.shapes,
    ]
  }

  /** Makes room for one more row. */
  reserveRow(): void {
    if (this.rows < this.capacity) return
    this.capacity *= 2
    const rows = this.capacity
    for (const dictionary of this.dictionaries()) dictionary.reserve(rows)
    this.kinds = grown(this.kinds, new Uint8Array(rows))
    this.categories = grown(this.categories, new Uint8Array(rows))
    this.statuses = grown(this.statuses, new Uint8Array(rows))
    this.statusCodes = grown(this.statusCodes, new Uint16Array(rows))
    this.entries = grown(this.entries, new Uint8Array(rows))
    this.repeatedLayers = grown(this.repeatedLayers, new Uint8Array(rows))
    this.traceIds = grown(this.traceIds, new Uint32Array(rows * 4))
    this.spanIds = grown(this.spanIds, new Uint32Array(rows * 2))
    this.parentIds = grown(this.parentIds, new Uint32Array(rows * 2))
    this.entryIds = grown(this.entryIds, new Uint32Array(rows * 2))
    this.starts = grown(this.starts, new Uint32Array(rows * 2))
    this.durations = grown(this.durations, new Uint32Array(rows * 2))
    this.parameters = grown(this.parameters, new Uint32Array(rows))
    this.results = grown(this.results, new Uint32Array(rows))
    this.partialResults = grown(this.partialResults, new Uint8Array(rows))
    this.rowCountNulls = grown(this.rowCountNulls, new Uint8Array(rows))
    this.rowCounts = grown(this.rowCounts, new Uint32Array(rows))
    this.responseNulls = grown(this.responseNulls, new Uint8Array(rows))
    this.responseBytes = grown(this.responseBytes, new Uint32Array(rows))
    this.weights = grown(this.weights, new Float64Array(rows))
    this.flags = grown(this.flags, new Uint32Array(rows))
    this.valueEnds = grown(this.valueEnds, new Uint32Array(rows))
  }

  mark(): void {
    this.markedRows = this.rows
    this.markedValues = this.valueCount
    this.markedValueBytes = this.values.length
    this.markedEventBytes = this.events.length
    this.markedLinkBytes = this.links.length
    for (const dictionary of this.dictionaries()) dictionary.mark()
  }

  get firstMarkedRow(): number {
    return this.markedRows
  }

  rollBack(): void {
    this.rows = this.markedRows
    this.valueCount = this.markedValues
    this.values.length = this.markedValueBytes
    this.events.length = this.markedEventBytes
    this.links.length = this.markedLinkBytes
    for (const dictionary of this.dictionaries()) dictionary.rollBack()
  }

  take(receivedUnixSeconds: number, retentionDays: number): NativeBlock {
    const { output, rows } = this
    const columns: string[] = []
    const column = (name: string, type: string) => {
      columns.push(name)
      output.text(name)
      output.text(type)
    }
    const dictionary = (name: string, values: DictionaryColumn) => {
      column(name, 'LowCardinality(String)')
      values.write(output, rows)
    }
    const numbers = (name: string, type: string, values: ArrayBufferView, bytesPerRow: number) => {
      column(name, type)
      output.array(values, bytesPerRow, rows)
    }

    output.clear()
    output.varint(COLUMN_COUNT + (this.hasResults ? RESULT_COLUMN_COUNT : 0))
    output.varint(rows)
    dictionary('environment', this.environments)
    dictionary('service', this.services)
    dictionary('operation', this.operations)
    numbers('kind', enumType(SPAN_KINDS), this.kinds, 1)
    numbers('category', enumType(SPAN_CATEGORIES), this.categories, 1)
    numbers('status', enumType(SPAN_STATUSES), this.statuses, 1)
    numbers('status_code', 'UInt16', this.statusCodes, 2)
    numbers('is_entry', 'UInt8', this.entries, 1)
    numbers('is_repeated_layer', 'UInt8', this.repeatedLayers, 1)
    numbers('trace_id', 'FixedString(16)', this.traceIds, 16)
    numbers('ids', 'FixedString(24)', this.idsSideBySide(), 24)
    numbers('start_unix_ns', 'UInt64', this.starts, 8)
    numbers('duration_ns', 'UInt64', this.durations, 8)
    dictionary('statement', this.statements)
    numbers('parameters', 'UInt32', this.parameters, 4)
    if (this.hasResults) {
      numbers('result', 'UInt32', this.results, 4)
      numbers('is_partial_result', 'UInt8', this.partialResults, 1)
    }
    numbers('row_count', 'Nullable(UInt32)', this.rowCountNulls, 1)
    output.array(this.rowCounts, 4, rows)
    numbers('response_bytes', 'Nullable(UInt32)', this.responseNulls, 1)
    output.array(this.responseBytes, 4, rows)
    dictionary('code_location', this.codeLocations)
    dictionary('resource', this.resources)
    dictionary('shape', this.shapes)
    column('attribute_values', 'Array(String)')
    this.writeValueEnds()
    output.raw(this.values.bytes.subarray(0, this.values.length))
    column('events', 'String')
    output.raw(this.events.bytes.subarray(0, this.events.length))
    column('links', 'String')
    output.raw(this.links.bytes.subarray(0, this.links.length))
    numbers('weight', 'Float64', this.weights, 8)
    numbers('flags', 'UInt32', this.flags, 4)
    numbers('received_at', "DateTime('UTC')", filled(new Uint32Array(rows), receivedUnixSeconds), 4)
    numbers('retention_days', 'UInt16', filled(new Uint16Array(rows), retentionDays), 2)

    const block = { table: 'spans', columns, rows, bytes: output.copy() }
    this.clear()
    return block
  }

  private idsSideBySide(): Uint32Array {
    const { spanIds, parentIds, entryIds } = this
    const ids = new Uint32Array(this.rows * 6)
    for (let from = 0, to = 0; to < ids.length; from += 2) {
      ids[to++] = spanIds[from] as number
      ids[to++] = spanIds[from + 1] as number
      ids[to++] = parentIds[from] as number
      ids[to++] = parentIds[from + 1] as number
      ids[to++] = entryIds[from] as number
      ids[to++] = entryIds[from + 1] as number
    }
    return ids
  }

  private writeValueEnds(): void {
    const wide = new Uint32Array(this.rows * 2)
    for (let row = 0; row < this.rows; row++) wide[row * 2] = this.valueEnds[row] as number
    this.output.array(wide, 8, this.rows)
  }

  private clear(): void {
    this.rows = 0
    this.hasResults = false
    this.valueCount = 0
    this.values.clear()
    this.events.clear()
    this.links.clear()
    for (const dictionary of this.dictionaries()) dictionary.clear()
    this.mark()
  }
}

const COLUMN_COUNT = 27
const RESULT_COLUMN_COUNT = 2

function grown<Values extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(
  old: Values,
  larger: Values,
): Values {
  larger.set(old)
  return larger
}

function filled<Values extends Uint16Array | Uint32Array>(values: Values, value: number): Values {
  values.fill(value)
  return values
}
