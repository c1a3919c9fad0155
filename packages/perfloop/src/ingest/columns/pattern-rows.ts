import type { Pattern } from '../enrich/statement-book.ts'
import { ArrayColumn, LowCardinalityColumn, NumberColumn, TextColumn } from './table-columns.ts'
import { TableRows } from './table-rows.ts'

/** Rows of the table `patterns`. */
export class PatternRows {
  readonly rows = new TableRows('patterns', () => ({
    statement: new TextColumn(),
    dialect: new LowCardinalityColumn(),
    text: new TextColumn(),
    summary: new TextColumn(),
    verb: new LowCardinalityColumn(),
    models: new ArrayColumn(new LowCardinalityColumn()),
    last_seen: new NumberColumn("DateTime('UTC')"),
  }))

  add(pattern: Pattern): void {
    const { columns } = this.rows
    columns.statement.push(pattern.symbol.text)
    columns.dialect.push(pattern.dialect)
    columns.text.push(pattern.text)
    columns.summary.push(pattern.summary)
    columns.verb.push(pattern.verb)
    for (const model of pattern.models) columns.models.elements.push(model)
    columns.models.endRow()
    columns.last_seen.push(0)
    this.rows.rows++
  }
}
