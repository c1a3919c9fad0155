import type { Fingerprint } from '../../domain/fingerprint.ts'

export const DIALECTS = ['postgresql', 'mysql', 'mssql', 'oracle', 'sqlite'] as const
export type Dialect = (typeof DIALECTS)[number]

/** A database statement without its literals. */
export interface StatementPattern {
  readonly fingerprint: Fingerprint
  /** Literals as `?`, lists collapsed to one `?`, comments gone, white space folded. */
  readonly normalized: string
  /** Verb in upper case: SELECT, INSERT, …; CALL for procedures; empty when none is found. */
  readonly verb: string
  /** Tables it touches, in order of appearance, without duplicates; CTE names left out. */
  readonly tables: readonly string[]
  /** Short and low in cardinality: verb and tables, such as `SELECT orders customers`. */
  readonly summary: string
  /** The literals that were taken out, in order, as written: for the keyed parameter hash only, never stored. */
  readonly literals: readonly string[]
  /** Where they stand in the statement as sent: start and end of each in turn, in characters. */
  readonly literalPlaces: Int32Array
  /** Whether it leaves places for parameters (`$1`, `?`, `:id`): then its literals are not all it was asked with. */
  readonly hasPlaceholders: boolean
  /** Rows that its VALUES name; 0 where there are none. */
  readonly valueRows: number
}
