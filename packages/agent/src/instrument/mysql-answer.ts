import { codeOf } from './database-statement.ts'

/** Of what changes rows. */
export function affectedRowsOf(result: unknown): number | undefined {
  const { affectedRows } = (result ?? {}) as { affectedRows?: unknown }
  return typeof affectedRows === 'number' ? affectedRows : undefined
}

/** The server's number, as the conventions want it; the code of what never reached the server. */
export function errorCodeOf(error: unknown): string | undefined {
  const { errno } = (error ?? {}) as { errno?: unknown }
  return typeof errno === 'number' && errno > 0 ? String(errno) : codeOf(error)
}
