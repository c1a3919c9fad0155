import type { NativeBlock } from '../ingest-buffer.ts'
import { NativeWriter } from './native-writer.ts'
import type { TableColumn } from './table-columns.ts'

/** Rows of one table, column by column, that can be taken back to a mark and given out as a block. */
export class TableRows<Columns extends Readonly<Record<string, TableColumn>>> {
  readonly table: string
  columns: Columns
  private readonly makeColumns: () => Columns
  private marked = 0
  rows = 0

  constructor(table: string, makeColumns: () => Columns) {
    this.table = table
    this.makeColumns = makeColumns
    this.columns = makeColumns()
  }

  mark(): void {
    this.marked = this.rows
  }

  /** Also what a row left half-written goes. */
  rollBack(): void {
    for (const column of Object.values(this.columns)) column.truncate(this.marked)
    this.rows = this.marked
  }

  take(): NativeBlock {
    const block = toNativeBlock(this.table, Object.entries(this.columns), this.rows)
    this.columns = this.makeColumns()
    this.rows = 0
    this.marked = 0
    return block
  }
}

function toNativeBlock(
  table: string,
  columns: readonly (readonly [string, TableColumn])[],
  rows: number,
): NativeBlock {
  const writer = new NativeWriter(16_384)
  writer.varint(columns.length)
  writer.varint(rows)
  for (const [name, column] of columns) {
    writer.text(name)
    writer.text(column.type)
    column.writePrefix(writer)
    column.writeData(writer)
  }
  return { table, columns: columns.map(([name]) => name), rows, bytes: writer.copy() }
}
