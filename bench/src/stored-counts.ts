import { Session } from 'chdb'

/** What is really in a stopped server's store, read with the engine itself and not through Perfloop. */
export async function storedCounts(dataDirectory: string): Promise<{
  readonly spans: number
  readonly rolledUp: number
}> {
  const session = new Session(`${dataDirectory}/telemetry`)
  try {
    const count = async (sql: string) =>
      Number((await session.queryAsync(sql, { format: 'TSV' })).text().trim())
    return {
      spans: await count('SELECT count() FROM spans'),
      rolledUp: await count('SELECT round(sum(calls)) FROM operations_minute'),
    }
  } finally {
    session.close()
  }
}
