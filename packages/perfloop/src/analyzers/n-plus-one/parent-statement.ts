import type { repeatedStatements } from '../../store/telemetry/queries/repeated-statements.query.ts'
import type { RowOf } from '../../store/telemetry/query.ts'

export type RepeatedStatement = RowOf<typeof repeatedStatements>
export type Neighbour = RepeatedStatement['neighbours'][number]

/**
 * The statement whose rows were looped over. Spans do not say it, so it is inferred within the exemplar
 * execution: it began earlier and was called fewer times. Of those that qualify the best is the one
 *
 * 1. that returned as many rows as there are repeated calls, where rows are told;
 * 2. whose table the repeated statement's key is named after (`invoice_id` … `invoices`), as ORMs and
 *    people name foreign keys;
 * 3. that came last before the loop.
 */
export function parentStatement(row: RepeatedStatement): Neighbour | undefined {
  const candidates = row.neighbours.filter(
    neighbour =>
      neighbour.statement !== row.statement &&
      // Some SDKs know beginnings to the millisecond only: then both may begin at once.
      neighbour.firstStartUnixNs <= row.exemplar_first_start_unix_ns &&
      neighbour.calls < row.exemplar_calls &&
      isRead(neighbour),
  )
  let best: { readonly neighbour: Neighbour; readonly score: number } | undefined
  for (const neighbour of candidates) {
    const score =
      (returnedTheRows(neighbour, row) ? 2 : 0) + (isNamedInKey(neighbour, row.text) ? 1 : 0)
    // Neighbours come in order of their start, so of equals the latest stays.
    if (best === undefined || score >= best.score) best = { neighbour, score }
  }
  return best?.neighbour
}

/** Up to this share of the rows may have been skipped by the loop, or have had nothing to load. */
const ROWS_TOLERANCE = 0.1

export function returnedTheRows(neighbour: Neighbour, row: RepeatedStatement): boolean {
  if (neighbour.rows === null || neighbour.rows === 0) return false
  return Math.abs(neighbour.rows - row.exemplar_calls) <= row.exemplar_calls * ROWS_TOLERANCE
}

const READ =
  /^\s*(select|with|show|find|aggregate|get|scan|query|hgetall|smembers|lrange|zrange|keys|mget)\b/i

function isRead({ summary, text }: Neighbour): boolean {
  return READ.test(summary) || READ.test(text)
}

/** The table of `summary` (`SELECT invoices`) as the beginning of a column of `text` (`invoice_id = ?`). */
export function isNamedInKey({ summary }: Neighbour, text: string): boolean {
  const columns = text.toLowerCase()
  return tablesOf(summary).some(table =>
    singulars(table).some(name => columns.includes(`${name}_`) || columns.includes(`${name}id`)),
  )
}

function tablesOf(summary: string): readonly string[] {
  return summary
    .toLowerCase()
    .split(/\s+/)
    .slice(1)
    .map(table => table.slice(table.lastIndexOf('.') + 1).replaceAll(/["`[\]]/g, ''))
    .filter(table => table !== '')
}

function singulars(table: string): readonly string[] {
  if (table.endsWith('ies')) return [`${table.slice(0, -3)}y`, table]
  if (/(s|x|z|ch|sh)es$/.test(table)) return [table.slice(0, -2), table.slice(0, -1), table]
  return table.endsWith('s') ? [table.slice(0, -1), table] : [table]
}
