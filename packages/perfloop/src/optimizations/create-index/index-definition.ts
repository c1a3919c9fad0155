import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type CandidateIndex, columnList } from '../../targets/candidate-indexes.ts'
import { quoteName, tableName } from '../../targets/table-access.ts'

/** What a change owns: the index by its name and by what it is. Undo touches nothing else. */
export const OwnedIndex = z.object({
  schema: z.string().nullable(),
  table: z.string(),
  name: z.string(),
  definition: z.string(),
})
export type OwnedIndex = z.output<typeof OwnedIndex>

const OwnedIndexes = z.union([
  OwnedIndex.transform(index => [index]),
  z.object({ indexes: z.array(OwnedIndex).min(1) }).transform(({ indexes }) => indexes),
])

/** One, or several that help only together. */
export function readOwned(owns: unknown): readonly OwnedIndex[] {
  return OwnedIndexes.parse(owns)
}

export function writeOwned(indexes: readonly OwnedIndex[]): Readonly<Record<string, unknown>> {
  const [only, ...others] = indexes
  return only !== undefined && others.length === 0 ? only : { indexes }
}

/** PostgreSQL cuts names at 63 bytes; a name that is cut is no longer ours. */
const MAX_NAME_LENGTH = 63
const HASH_LENGTH = 6

/** The same columns have the same name everywhere, so that a second proposal meets the first. */
function indexName(candidate: CandidateIndex): string {
  const columns = candidate.columns.map(
    ({ name, within, descending }) =>
      `${within === undefined ? '' : `${within}_`}${name}${descending ? '_desc' : ''}`,
  )
  const words = [tableName(candidate.table), ...columns].join('_').replaceAll(/[^A-Za-z0-9_]/g, '_')
  const hash = createHash('sha256').update(changeOf(candidate)).digest('hex').slice(0, HASH_LENGTH)
  const room = MAX_NAME_LENGTH - `perfloop__${hash}`.length
  return `perfloop_${words.toLowerCase().slice(0, room)}_${hash}`
}

/** Table, columns and predicate: what makes it that index and no other. */
export function changeOf(candidate: CandidateIndex): string {
  const where = candidate.predicate === null ? '' : ` WHERE ${candidate.predicate}`
  return `${candidate.table} (${columnList(candidate)})${where}`
}

export function ownedInPostgres(candidate: CandidateIndex): OwnedIndex {
  const schema = candidate.table.slice(0, candidate.table.indexOf('.'))
  const table = tableName(candidate.table)
  const name = indexName(candidate)
  const where = candidate.predicate === null ? '' : ` WHERE (${candidate.predicate})`
  return {
    schema,
    table,
    name,
    // As pg_get_indexdef writes it.
    definition: `CREATE INDEX ${name} ON ${quoteName(schema)}.${quoteName(table)} USING btree (${columnList(candidate)})${where}`,
  }
}

export function ownedInSqlite(candidate: CandidateIndex): OwnedIndex {
  const name = indexName(candidate)
  const where = candidate.predicate === null ? '' : ` WHERE ${candidate.predicate}`
  return {
    schema: null,
    table: candidate.table,
    name,
    // As sqlite_schema keeps it.
    definition: `CREATE INDEX ${name} ON ${quoteName(candidate.table)} (${columnList(candidate)})${where}`,
  }
}

/**
 * Quotes, spaces and case differ between those who write a definition, and PostgreSQL tells the cast to text that it
 * puts into `lower(…)`; what it says does not.
 */
export function isSameDefinition(a: string, b: string): boolean {
  return withoutStyle(a) === withoutStyle(b)
}

function withoutStyle(definition: string): string {
  return definition
    .replaceAll(/["`\s]/g, '')
    .toLowerCase()
    .replaceAll(/\((\w+)\)::text\b/g, '$1')
}
