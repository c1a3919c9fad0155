import type { DatabaseConnection, Dialect } from 'kysely'
import { PerfloopError } from '../../domain/perfloop-error.ts'

/** https://www.sqlite.org/rescode.html: BUSY, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB. */
const SQLITE_CODES: ReadonlySet<unknown> = new Set([5, 8, 10, 11, 13, 14, 26])
/**
 * https://www.postgresql.org/docs/current/errcodes-appendix.html: no connection, no resources (a full disk is among
 * them), an operator or the system intervened, read only.
 */
const POSTGRES_CODE = /^(?:08|53|57|58)[0-9A-Z]{3}$|^25006$/
const NETWORK_CODE = /^E(?:CONN\w+|NOTFOUND|TIMEDOUT|PIPE|HOSTUNREACH|NETUNREACH|AI_AGAIN)$/

/**
 * The same dialect, whose errors say CONTROL_STORE_FAILED where the database is away, full or broken: that is no defect of
 * the statement, and whoever asked may ask again.
 */
export function nameFailures(dialect: Dialect): Dialect {
  return {
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: db => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createDriver() {
      const driver = dialect.createDriver()
      const named = new WeakSet<DatabaseConnection>()
      const acquire = driver.acquireConnection.bind(driver)
      driver.acquireConnection = async () => {
        const connection = await acquire().catch(rethrow)
        if (named.has(connection)) return connection
        named.add(connection)
        const execute = connection.executeQuery.bind(connection)
        connection.executeQuery = async query => {
          try {
            return await execute<never>(query)
          } catch (error) {
            return rethrow(error)
          }
        }
        return connection
      }
      return driver
    },
  }
}

function rethrow(error: unknown): never {
  if (!isDatabaseAway(error)) throw error
  throw new PerfloopError('CONTROL_STORE_FAILED', { reason: reasonOf(error) }, error)
}

function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  // The low byte is the code, the others say more precisely what it was.
  if (typeof errcode === 'number') return SQLITE_CODES.has(errcode & 0xff)
  if (typeof code === 'string') return POSTGRES_CODE.test(code) || NETWORK_CODE.test(code)
  return /^(?:Connection terminated|timeout expired|Client has encountered a connection error)/i.test(
    error.message,
  )
}

function reasonOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error)
}
