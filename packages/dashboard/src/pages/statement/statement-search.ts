/** Whose statement, in the address (`?of=shop&in=production`): one text may be of several services. */
export interface StatementSearch {
  readonly of?: string | undefined
  readonly in?: string | undefined
}

/** Not the filters above the pages: who goes back to the list finds it as it was. */
export function statementSearch(of: {
  readonly service: string
  readonly environment: string
}): Record<keyof StatementSearch, string> {
  return { of: of.service, in: of.environment }
}

export function readStatementSearch(search: Readonly<Record<string, unknown>>): StatementSearch {
  return {
    ...(typeof search.of === 'string' ? { of: search.of } : {}),
    ...(typeof search.in === 'string' ? { in: search.in } : {}),
  }
}
