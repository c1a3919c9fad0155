import { z } from 'zod'
import type { Session } from '../../../targets/postgres/open-session.ts'

/**
 * What the planner of a target knows of some tables, complete: also the common values and histograms, which
 * are people's data. They go from the target into a scratch copy and nowhere else: never into the store.
 */
export interface PlannerStatistics {
  readonly relations: readonly z.output<typeof RelationRow>[]
  readonly columns: readonly z.output<typeof ColumnRow>[]
  readonly attributes: readonly z.output<typeof AttributeRow>[]
  readonly enums: readonly z.output<typeof EnumRow>[]
  readonly settings: readonly z.output<typeof SettingRow>[]
}

const number = () => z.coerce.number()

const RelationRow = z.object({
  schema: z.string(),
  name: z.string(),
  kind: z.enum(['r', 'i']),
  definition: z.string().nullable(),
  pages: number(),
  tuples: number(),
  all_visible: number(),
  /** Of the file now: what the planner multiplies the density of the last ANALYZE with. */
  blocks: number(),
})
const ColumnRow = z.object({
  schema: z.string(),
  table: z.string(),
  name: z.string(),
  type: z.string(),
  fallback_type: z.string(),
  not_null: z.boolean(),
})
const AttributeRow = z.object({
  schema: z.string(),
  table: z.string(),
  name: z.string(),
  null_frac: number(),
  avg_width: number(),
  n_distinct: number(),
  most_common_vals: z.string().nullable(),
  most_common_freqs: z.string().nullable(),
  histogram_bounds: z.string().nullable(),
  correlation: number().nullable(),
})
const EnumRow = z.object({ schema: z.string(), name: z.string(), labels: z.array(z.string()) })
const SettingRow = z.object({ name: z.string(), setting: z.string() })

const RELATIONS = `
  WITH tables AS (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname || '.' || c.relname = ANY($1)
  )
  SELECT
    n.nspname        AS schema,
    c.relname        AS name,
    c.relkind        AS kind,
    CASE WHEN c.relkind = 'i' THEN pg_get_indexdef(c.oid) END AS definition,
    c.relpages       AS pages,
    c.reltuples      AS tuples,
    c.relallvisible  AS all_visible,
    pg_relation_size(c.oid) / current_setting('block_size')::int AS blocks
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid IN (SELECT oid FROM tables)
     OR c.oid IN (
       SELECT indexrelid FROM pg_index WHERE indisvalid AND indrelid IN (SELECT oid FROM tables)
     )
  ORDER BY c.relkind DESC, c.oid`

/** A type of the user's own that is neither an enum nor a domain is stood in for by text: its statistics are not. */
const COLUMNS = `
  SELECT
    n.nspname  AS schema,
    c.relname  AS table,
    a.attname  AS name,
    format_type(a.atttypid, a.atttypmod) AS type,
    CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE 'text' END AS fallback_type,
    a.attnotnull AS not_null
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
  WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname || '.' || c.relname = ANY($1)
  ORDER BY a.attrelid, a.attnum`

const ATTRIBUTES = `
  SELECT
    schemaname              AS schema,
    tablename               AS table,
    attname                 AS name,
    null_frac, avg_width, n_distinct,
    most_common_vals::text  AS most_common_vals,
    most_common_freqs::text AS most_common_freqs,
    histogram_bounds::text  AS histogram_bounds,
    correlation
  FROM pg_stats
  WHERE NOT inherited AND schemaname || '.' || tablename = ANY($1)`

const ENUMS = `
  SELECT n.nspname AS schema, t.typname AS name,
         array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
  FROM pg_enum e
  JOIN pg_type t ON t.oid = e.enumtypid
  JOIN pg_namespace n ON n.oid = t.typnamespace
  GROUP BY n.nspname, t.typname`

/** What costs are made of: a proof with other prices proves nothing. */
const SETTINGS = `
  SELECT name, current_setting(name) AS setting
  FROM pg_settings
  WHERE name ~ '^(enable_|cpu_.*_cost$|.*_page_cost$|parallel_.*_cost$|jit)'
     OR name IN ('effective_cache_size', 'work_mem', 'hash_mem_multiplier', 'effective_io_concurrency',
                 'max_parallel_workers_per_gather', 'min_parallel_table_scan_size',
                 'min_parallel_index_scan_size', 'from_collapse_limit', 'join_collapse_limit',
                 'cursor_tuple_fraction')`

export async function readPlannerStatistics(
  session: Session,
  tables: readonly string[],
): Promise<PlannerStatistics> {
  return {
    relations: await session.rows(RelationRow, RELATIONS, [tables]),
    columns: await session.rows(ColumnRow, COLUMNS, [tables]),
    attributes: await session.rows(AttributeRow, ATTRIBUTES, [tables]),
    enums: await session.rows(EnumRow, ENUMS),
    settings: await session.rows(SettingRow, SETTINGS),
  }
}
