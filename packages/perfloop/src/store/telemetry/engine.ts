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
  execute(sql: string, params?: Readonly<Record<string, BoundValue>>): Promise<void>
  /** Durable (synced) and deduplicated when it resolves. */
  insertNative(insert: NativeInsert): Promise<void>
  close(): Promise<void>
}

export interface QueryLimits {
  readonly maxRows?: number
  readonly maxMs?: number
  readonly maxMemoryBytes?: number
}
