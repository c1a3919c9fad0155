/** Splits a SQL file at the semicolons outside of strings and comments. */
export function splitStatements(sql: string): readonly string[] {
  const statements: string[] = []
  let current = ''
  for (const [token] of sql.matchAll(TOKEN)) {
    if (token === ';') {
      statements.push(current)
      current = ''
    } else if (!token.startsWith('--')) current += token
  }
  statements.push(current)
  return statements.map(statement => statement.trim()).filter(statement => statement !== '')
}

const TOKEN = /--[^\n]*|'(?:[^'\\]|\\.|'')*'|`[^`]*`|;|[^;'`-]+|-/gs
