import { z } from 'zod'
import type { IndexFact, TableFact } from '../../store/telemetry/target-facts.ts'
import type { Session } from './open-session.ts'

export interface Catalog {
  readonly tables: readonly TableFact[]
  readonly indexes: readonly IndexFact[]
}

const number = () => z.coerce.number()

const TableRow = z.object({
  subject: z.string(),
  rows: number(),
  size_bytes: number(),
  sequential_scans: number().nullable(),
})
const ColumnRow = z.object({
  subject: z.string(),
  name: z.string(),
  type: z.string(),
  nullable: z.boolean(),
  distinct_values: number().nullable(),
  null_ratio: number().nullable(),
  correlation: number().nullable(),
})
const IndexRow = z.object({
  subject: z.string(),
  table: z.string(),
  definition: z.string(),
  columns: z.array(z.string()),
  unique: z.boolean(),
  partial: z.string().nullable(),
  valid: z.boolean(),
  scans: number().nullable(),
  size_bytes: number().nullable(),
})

const OF_USERS = `
  n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND ($1::text[] IS NULL OR n.nspname = ANY($1))`

/** A table never analyzed has −1 rows in pg_class (0 before version 14): then the counters know better. */
const TABLES = `
  SELECT
    n.nspname || '.' || c.relname                       AS subject,
    CASE WHEN c.reltuples > 0 THEN c.reltuples ELSE coalesce(s.n_live_tup, 0) END::float8 AS rows,
    c.relpages::float8 * current_setting('block_size')::float8 AS size_bytes,
    s.seq_scan::float8                                  AS sequential_scans
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
  WHERE c.relkind = 'r' AND ${OF_USERS}
  ORDER BY c.relpages DESC, c.oid
  LIMIT $2`

/** Of the statistics only what says nothing of anybody's data: no common values, no histogram. */
const COLUMNS = `
  SELECT
    n.nspname || '.' || c.relname       AS subject,
    a.attname                           AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    NOT a.attnotnull                    AS nullable,
    s.n_distinct::float8                AS distinct_values,
    s.null_frac::float8                 AS null_ratio,
    s.correlation::float8               AS correlation
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_stats s
    ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
  WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname || '.' || c.relname = ANY($1)
  ORDER BY a.attrelid, a.attnum`

const INDEXES = `
  SELECT
    n.nspname || '.' || x.relname       AS subject,
    tn.nspname || '.' || c.relname      AS table,
    pg_get_indexdef(i.indexrelid)       AS definition,
    ARRAY(
      SELECT coalesce(a.attname, pg_get_indexdef(i.indexrelid, k, true))
      FROM generate_series(1, i.indnkeyatts) AS k
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[k - 1] AND a.attnum > 0
      ORDER BY k
    )::text[]                           AS columns,
    i.indisunique                       AS unique,
    pg_get_expr(i.indpred, i.indrelid)  AS partial,
    i.indisvalid                        AS valid,
    s.idx_scan::float8                  AS scans,
    x.relpages::float8 * current_setting('block_size')::float8 AS size_bytes
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = x.relnamespace
  JOIN pg_class c ON c.oid = i.indrelid
  JOIN pg_namespace tn ON tn.oid = c.relnamespace
  LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = i.indexrelid
  WHERE tn.nspname || '.' || c.relname = ANY($1)
  ORDER BY i.indrelid, i.indexrelid`

export async function readCatalog(
  session: Session,
  schemas: readonly string[] | undefined,
  maxTables: number,
): Promise<Catalog> {
  const tables = await session.rows(TableRow, TABLES, [schemas ?? null, maxTables])
  const subjects = tables.map(table => table.subject)
  const columns = await session.rows(ColumnRow, COLUMNS, [subjects])
  const indexes = await session.rows(IndexRow, INDEXES, [subjects])

  const columnsOf = groupBySubject(columns)
  return {
    tables: tables.map(table => ({
      fact: 'table',
      subject: table.subject,
      rows: table.rows,
      sizeBytes: table.size_bytes,
      sequentialScans: table.sequential_scans,
      columns: (columnsOf.get(table.subject) ?? []).map(column => ({
        name: column.name,
        type: column.type,
        nullable: column.nullable,
        distinctValues: column.distinct_values,
        nullRatio: column.null_ratio,
        correlation: column.correlation,
      })),
    })),
    indexes: indexes.map(({ size_bytes: sizeBytes, ...index }) => ({
      fact: 'index',
      ...index,
      sizeBytes,
    })),
  }
}

function groupBySubject<Row extends { readonly subject: string }>(
  rows: readonly Row[],
): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(row.subject)
    if (group === undefined) groups.set(row.subject, [row])
    else group.push(row)
  }
  return groups
}
