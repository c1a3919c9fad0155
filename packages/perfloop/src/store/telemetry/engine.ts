/** Values a query can be bound to. 64-bit integers are bigints; times are Unix nanoseconds. */
export type BoundValue = string | number | bigint | boolean | readonly (string | number | bigint)[]

export interface NativeInsert {
  /** Table without its database. */
  readonly table: string
  /** A file of ClickHouse Native blocks. Column names and order are those in the blocks. */
  readonly file: string
  readonly columns: readonly string[]
  /** An insert whose token was seen before changes nothing, in the table and in its rollups. */
  readonly deduplicationToken: string
}

/**
 * The one port to ClickHouse SQL, with two engines behind it: chDB in a supervised child process, and a
 * ClickHouse server. The same schema and the same queries run on both.
 */
export interface TelemetryEngine {
  /** Rows as objects; 64-bit integers as strings, exactly as the engine's JSONEachRow prints them. */
  query(
    sql: string,
    params: Readonly<Record<string, BoundValue>>,
    limits?: QueryLimits,
  ): Promise<readonly unknown[]>
  /** DDL, INSERT … SELECT, ALTER: statements without a result. */
  execute(
    sql: string,
    params?: Readonly<Record<string, BoundValue>>,
    options?: ExecuteOptions,
  ): Promise<void>
  /** Durable (synced) and deduplicated when it resolves. */
  insertNative(insert: NativeInsert): Promise<void>
  close(): Promise<void>
}

export interface QueryLimits {
  readonly maxRows?: number
  readonly maxMs?: number
  readonly maxMemoryBytes?: number
}

export interface ExecuteOptions {
  /** Of an INSERT … SELECT: repeated under the same token it changes nothing, in the table and in its rollups. */
  readonly deduplicationToken?: string
}

/**
 * Settings under which an insert with a token counts once however often it is made, in the table and in its
 * rollups, and is one block, so that it is there as a whole or not at all. Without a token nothing is
 * deduplicated: equal rows may be meant.
 */
export function insertSettings(deduplicationToken = ''): Readonly<Record<string, string | number>> {
  return {
    insert_deduplicate: deduplicationToken === '' ? 0 : 1,
    insert_deduplication_token: deduplicationToken,
    deduplicate_insert_select: 'enable_even_for_bad_queries',
    deduplicate_blocks_in_dependent_materialized_views: 1,
    // What is read may be read by several threads; what is written should leave a core to those who ask and send.
    max_threads: 1,
    max_insert_threads: 1,
    max_insert_block_size: MAX_BLOCK_ROWS,
    min_insert_block_size_rows: MAX_BLOCK_ROWS,
    min_insert_block_size_bytes: 0,
    // Rollups of one insert hardly meet in it; merging looks again anyway. It was a third of a small insert.
    optimize_on_insert: 0,
    // An import of old logs has days of many months in one block.
    max_partitions_per_insert_block: 0,
  }
}

const MAX_BLOCK_ROWS = 10_000_000

export function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}
