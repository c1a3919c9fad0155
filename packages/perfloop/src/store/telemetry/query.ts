import type { z } from 'zod'

/**
 * A SQL statement as a value: no connection, no I/O. `TelemetryStore.run` is the only thing that
 * executes one. Parameters are bound by the engine (`{service:String}`), never glued in.
 */
export interface Query<Params extends z.ZodType = z.ZodType, Row extends z.ZodType = z.ZodType> {
  readonly name: string
  readonly sql: string
  readonly params: Params
  readonly row: Row
  /** Parameters that a test can EXPLAIN and run it with. */
  readonly example?: z.input<Params>
}

export type ParamsOf<Q extends Query> = z.input<Q['params']>
export type RowOf<Q extends Query> = z.output<Q['row']>

export function defineQuery<Params extends z.ZodType, Row extends z.ZodType>(
  query: Query<Params, Row>,
): Query<Params, Row> {
  return query
}
