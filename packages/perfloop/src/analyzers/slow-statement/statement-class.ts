import { isRead } from '../statement-text.ts'

/** What a statement is for, as far as its text tells: each class has its own limit. */
export const STATEMENT_CLASSES = ['lookup', 'list', 'join', 'aggregate', 'write', 'other'] as const
export type StatementClass = (typeof STATEMENT_CLASSES)[number]

const AGGREGATE =
  /\bgroup\s+by\b|\b(count|sum|avg|min|max|total|group_concat|string_agg|array_agg|json_agg|jsonb_agg)\s*\(/i
const JOIN = /\bjoin\b|\bfrom\s+[^\s,()]+(\s+(as\s+)?\w+)?\s*,\s*[^\s,()]+/i
/** A key compared for equality, alone: `WHERE id = ?`, `WHERE "t"."uuid" = $1 LIMIT ?`. */
const BY_KEY =
  /\bwhere\s+\(*\s*([\w"`[\]]+\.)*["`[]?\w*(id|uuid|guid|key|slug|token|email)["`\]]?\s*=\s*(\?|\$\d+|:\w+|%s|@\w+)\s*\)*\s*(limit\b|fetch\b|for\b|;|$)/i
const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'REPLACE', 'UPSERT', 'COPY'])

export function statementClass(statement: {
  readonly verb: string
  readonly text: string
  readonly rowsMedian: number | null
}): StatementClass {
  const verb = statement.verb.toUpperCase()
  if (WRITES.has(verb)) return 'write'
  if (!isRead(verb)) return 'other'
  if (AGGREGATE.test(statement.text)) return JOIN.test(statement.text) ? 'join' : 'aggregate'
  if (JOIN.test(statement.text)) return 'join'
  if (statement.rowsMedian !== null && statement.rowsMedian > 1) return 'list'
  return BY_KEY.test(statement.text) ? 'lookup' : 'list'
}
