import { type Dialect, PostgresDialect } from 'kysely'
import pg from 'pg'

const { builtins } = pg.types

/** PostgreSQL's types as our tables describe them: instants as ISO 8601, documents as text, counts as numbers. */
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [builtins.TIMESTAMPTZ]: text => new Date(text).toISOString(),
  [builtins.JSONB]: text => text,
  [builtins.INT8]: Number,
}

export function postgresDialect(url: string): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    max: 5,
    application_name: 'perfloop',
    types: {
      getTypeParser: (id: number, format?: 'text' | 'binary') =>
        PARSERS[id] ?? pg.types.getTypeParser(id, format as 'text'),
    },
  })
  // A connection that is lost while idle is replaced at its next use; without this it would end the process.
  pool.on('error', () => {})
  // The pool no longer listens to a connection that it is closing, and a server that stops meanwhile says so on it.
  pool.on('connect', client => client.on('error', () => {}))
  return new PostgresDialect({ pool })
}
