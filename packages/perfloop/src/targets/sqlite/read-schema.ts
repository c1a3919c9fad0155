import { z } from 'zod'
import type { IndexFact, TableFact } from '../../store/telemetry/target-facts.ts'
import { quoteName } from '../table-access.ts'
import { type Database, readRows } from './open-database.ts'

export interface SqliteSchema {
  readonly tables: readonly TableFact[]
  readonly indexes: readonly IndexFact[]
  readonly hasStatistics: boolean
}

const TableRow = z.object({ name: z.string(), withoutRowid: z.number() })
const ColumnRow = z.object({
  name: z.string(),
  type: z.string(),
  notnull: z.number(),
  pk: z.number(),
})
const IndexRow = z.object({
  name: z.string(),
  unique: z.number(),
  partial: z.number(),
  origin: z.string(),
  sql: z.string().nullable(),
})
const KeyRow = z.object({ name: z.string().nullable(), key: z.number() })
const StatRow = z.object({ tbl: z.string(), idx: z.string().nullable(), stat: z.string() })
const NumberRow = z.object({ value: z.number().nullable() })

export function readSchema(
  database: Database,
  limits: { readonly maxTables: number; readonly sampledRows: number },
): SqliteSchema {
  const names = readRows(
    database,
    TableRow,
    `SELECT name, wr AS withoutRowid FROM pragma_table_list
     WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
     ORDER BY name LIMIT ?`,
    limits.maxTables,
  )
  const statistics = readStatistics(database)
  const pageBytes = readRows(database, NumberRow, 'SELECT page_size AS value FROM pragma_page_size')
  const tables = names.map(({ name, withoutRowid }) =>
    readTable(database, name, withoutRowid === 1, statistics, limits.sampledRows),
  )
  return {
    tables: spreadFileSize(tables, database, pageBytes[0]?.value ?? 0),
    indexes: names.flatMap(({ name }) => readIndexes(database, name)),
    hasStatistics: statistics.length > 0,
  }
}

function readTable(
  database: Database,
  name: string,
  isWithoutRowid: boolean,
  statistics: readonly z.output<typeof StatRow>[],
  sampledRows: number,
): TableFact {
  const columns = readRows(
    database,
    ColumnRow,
    'SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?) WHERE hidden <> 1',
    name,
  )
  const rows = estimateRows(database, name, isWithoutRowid, statistics)
  const sample = sampleColumns(
    database,
    name,
    columns.map(column => column.name),
    sampledRows,
  )
  return {
    fact: 'table',
    subject: name,
    rows,
    sizeBytes: 0,
    sequentialScans: null,
    columns: columns.map((column, at) => ({
      name: column.name,
      type: column.type,
      nullable: column.notnull === 0 && column.pk === 0,
      distinctValues: distinctFromSample(sample, at, rows),
      nullRatio: sample.rows === 0 ? null : 1 - (sample.filled[at] ?? 0) / sample.rows,
      correlation: null,
    })),
  }
}

/** ANALYZE's own count where there is one; else the highest rowid, an upper bound that costs one lookup. */
function estimateRows(
  database: Database,
  name: string,
  isWithoutRowid: boolean,
  statistics: readonly z.output<typeof StatRow>[],
): number {
  const stat = statistics.find(({ tbl }) => tbl === name)?.stat
  const counted = stat === undefined ? Number.NaN : Number.parseInt(stat, 10)
  if (Number.isFinite(counted)) return counted
  const table = quoteName(name)
  const [found] = readRows(
    database,
    NumberRow,
    isWithoutRowid
      ? `SELECT count(*) AS value FROM (SELECT 1 FROM ${table} LIMIT ${WITHOUT_ROWID_COUNTED})`
      : `SELECT max(rowid) AS value FROM ${table}`,
  )
  return Math.max(0, found?.value ?? 0)
}

/** A table without rowids has no cheap upper bound: counted so far, which takes milliseconds. */
const WITHOUT_ROWID_COUNTED = 100_000

interface Sample {
  readonly rows: number
  readonly distinct: readonly number[]
  readonly filled: readonly number[]
}

/** The first rows of a table: numbers of values only, the values stay where they are. */
function sampleColumns(
  database: Database,
  name: string,
  columns: readonly string[],
  sampledRows: number,
): Sample {
  const counts = columns.flatMap((column, at) => [
    `count(DISTINCT ${quoteName(column)}) AS d${at}`,
    `count(${quoteName(column)}) AS f${at}`,
  ])
  const [row] = readRows(
    database,
    z.record(z.string(), z.number()),
    `SELECT count(*) AS n${counts.map(item => `, ${item}`).join('')}
     FROM (SELECT * FROM ${quoteName(name)} LIMIT ${sampledRows})`,
  )
  return {
    rows: row?.n ?? 0,
    distinct: columns.map((_, at) => row?.[`d${at}`] ?? 0),
    filled: columns.map((_, at) => row?.[`f${at}`] ?? 0),
  }
}

/**
 * How many values a column has, from how many a sample has. Few values that come again and again are all
 * there are; values that hardly ever come twice grow with the table (negative: a share of the rows).
 */
function distinctFromSample(sample: Sample, at: number, rows: number): number | null {
  const distinct = sample.distinct[at] ?? 0
  if (sample.rows === 0 || rows === 0) return null
  if (sample.rows >= rows) return distinct
  // Duj1 estimator of Haas and Stokes (JASA 93, 1998) as used by PostgreSQL needs the singletons; their
  // upper bound from counts alone is 2d − n, exact when no value comes three times.
  const singletons = Math.max(0, 2 * distinct - sample.rows)
  const denominator = sample.rows - singletons + (singletons * sample.rows) / rows
  const estimate = Math.min(rows, (sample.rows * distinct) / Math.max(1, denominator))
  return estimate > rows * GROWS_WITH_TABLE ? -estimate / rows : Math.round(estimate)
}

/** As PostgreSQL decides it: more than a tenth of the rows distinct, and the number is taken to grow. */
const GROWS_WITH_TABLE = 0.1

function readStatistics(database: Database): readonly z.output<typeof StatRow>[] {
  const [found] = readRows(
    database,
    NumberRow,
    "SELECT count(*) AS value FROM sqlite_schema WHERE name = 'sqlite_stat1'",
  )
  return found?.value === 1
    ? readRows(database, StatRow, 'SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY tbl, idx')
    : []
}

function readIndexes(database: Database, table: string): readonly IndexFact[] {
  const indexes = readRows(
    database,
    IndexRow,
    `SELECT l.name, l."unique", l.partial, l.origin, s.sql
     FROM pragma_index_list(?) l LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = l.name
     ORDER BY l.seq`,
    table,
  )
  return [
    ...rowidIndex(database, table),
    ...indexes.map((index): IndexFact => {
      const keys = readRows(
        database,
        KeyRow,
        'SELECT name, "key" FROM pragma_index_xinfo(?) WHERE "key" = 1 ORDER BY seqno',
        index.name,
      )
      return {
        fact: 'index',
        subject: index.name,
        table,
        definition: index.sql ?? `${index.origin === 'pk' ? 'PRIMARY KEY' : 'UNIQUE'} of ${table}`,
        columns: keys.map(key => key.name ?? '(expression)'),
        unique: index.unique === 1,
        partial: index.partial === 1 ? predicateOf(index.sql) : null,
        valid: true,
        scans: null,
        sizeBytes: null,
      }
    }),
  ]
}

/** An INTEGER PRIMARY KEY is the table's own order and no index of the list, but serves like one. */
function rowidIndex(database: Database, table: string): readonly IndexFact[] {
  const keys = readRows(
    database,
    ColumnRow,
    'SELECT name, type, "notnull", pk FROM pragma_table_info(?) WHERE pk > 0',
    table,
  )
  const [key] = keys
  if (keys.length !== 1 || key?.type.toUpperCase() !== 'INTEGER') return []
  return [
    {
      fact: 'index',
      subject: `${table} (rowid)`,
      table,
      definition: `INTEGER PRIMARY KEY of ${table}`,
      columns: [key.name],
      unique: true,
      partial: null,
      valid: true,
      scans: null,
      sizeBytes: null,
    },
  ]
}

function predicateOf(sql: string | null): string {
  return /\)\s*WHERE\s+(.*)$/is.exec(sql ?? '')?.[1]?.trim() ?? 'unknown'
}

/** SQLite does not tell the size of a table cheaply: the file's pages are shared out by rows and columns. */
function spreadFileSize(
  tables: readonly TableFact[],
  database: Database,
  pageBytes: number,
): readonly TableFact[] {
  const [pages] = readRows(database, NumberRow, 'SELECT page_count AS value FROM pragma_page_count')
  const cells = tables.map(table => table.rows * table.columns.length)
  const all = cells.reduce((sum, value) => sum + value, 0)
  const fileBytes = (pages?.value ?? 0) * pageBytes
  return tables.map((table, at) => ({
    ...table,
    sizeBytes: all === 0 ? 0 : Math.round((fileBytes * (cells[at] ?? 0)) / all),
  }))
}
