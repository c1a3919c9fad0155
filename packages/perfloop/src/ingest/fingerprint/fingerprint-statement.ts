import { fingerprint } from '../../domain/fingerprint.ts'
import { renderStatement } from './render-statement.ts'
import { PLACEHOLDER, SqlTokens } from './sql-tokens.ts'
import { StatementIdentity } from './statement-identity.ts'
import type { Dialect, StatementPattern } from './statement-pattern.ts'
import { TableFinder } from './statement-tables.ts'

// Working memory, used again for every statement: the function is synchronous and keeps nothing.
const tokens = new SqlTokens()
const finder = new TableFinder()
const identity = new StatementIdentity()

/**
 * A database statement's identity, readable text, tables and summary, without its literals. Never throws,
 * whatever the text; linear in its length; `fingerprintStatement(pattern.normalized)` has the same
 * fingerprint. `dialect` is one of ours or a `db.system.name`; an unknown one is read by common rules.
 *
 * @example
 * fingerprintStatement("select * from orders where id in (1, 2, 3) -- page 1", 'postgresql')
 * // normalized: 'SELECT * FROM orders WHERE id IN (?)', tables: ['orders'], summary: 'SELECT orders'
 */
export function fingerprintStatement(text: string, dialect: Dialect | string): StatementPattern {
  tokens.read(text, dialect)
  const { verb, tables, summary } = finder.find(tokens)
  const rendered = renderStatement(tokens)
  return {
    fingerprint: fingerprint(identity.of(tokens, finder, rendered.tokens)),
    normalized: rendered.normalized,
    verb,
    tables,
    summary,
    literals: tokens.literals(),
    literalPlaces: tokens.literalPlaces(),
    valueRows: tokens.valueRows,
    hasPlaceholders: tokens.kind.subarray(0, tokens.count).includes(PLACEHOLDER),
  }
}
