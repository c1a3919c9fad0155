import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { numbersOf, type PoolState, recordPoolWait } from './connection-pool.ts'
import {
  beginStatement,
  bindCallback,
  followPromise,
  isPromise,
  noteIssuingLine,
  recordStatement,
  type Statement,
  statementSchema,
} from './database-statement.ts'
import { affectedRowsOf, errorCodeOf } from './mysql-answer.ts'
import { wrapMethod } from './wrap-method.ts'

const MYSQL = statementSchema('mysql2', 'mysql')
const MARIADB = statementSchema('mysql2', 'mariadb')

interface ConnectionConfig {
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly database?: string
}

interface Connection {
  readonly config?: ConnectionConfig
  readonly _isMariaDB?: boolean
  query(...args: unknown[]): unknown
  execute(...args: unknown[]): unknown
  addCommand(command: Command): unknown
}

interface Pool {
  readonly config: {
    readonly connectionConfig: ConnectionConfig
    readonly connectionLimit?: number
  }
  readonly _allConnections?: { readonly length: number }
  readonly _freeConnections?: { readonly length: number }
  readonly _connectionQueue?: { readonly length: number }
  query(...args: unknown[]): unknown
  execute(...args: unknown[]): unknown
  getConnection(callback: GotConnection): unknown
}

interface PoolCluster {
  of(...args: unknown[]): object
}

/** A command that is waiting or running: `onResult` is its callback; without one it tells by events. */
interface Command {
  readonly sql?: unknown
  readonly values?: unknown
  readonly statement?: { readonly query?: unknown }
  onResult?: OnResult | undefined
  emit(event: string | symbol, ...args: unknown[]): boolean
}

type OnResult = (error: unknown, result: unknown, fields: unknown) => void
type GotConnection = ((error: unknown, connection: unknown) => void) & { [BOUND]?: true }

const BOUND = Symbol('perfloop.bound')

/** While `query` or `execute` add their own commands. */
let isIssuing = false

/** Statements of `mysql2`, by callback, promise (which calls back), events, stream, and of a prepared statement. */
export function instrumentMysql2(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Connection }
  const connection = ownerOf(prototype, 'query')
  for (const name of ['query', 'execute'] as const) {
    wrapMethod(
      connection,
      name,
      method =>
        function (this: Connection, ...args: unknown[]) {
          const parent = activeSpan.getStore()
          let issued: Issued = NOT_ISSUED
          let isBound = false
          try {
            const statement = begin(textOf(args[0]), parent, args)
            issued = { connection: this, parent, statement }
            isBound = bindArguments(agent, args, issued)
          } catch (error) {
            agent.report('beginning a statement of mysql2', error)
          }
          isIssuing = true
          try {
            const command = method.apply(this, args)
            if (!isBound) bindEvents(agent, command, issued)
            return command
          } finally {
            isIssuing = false
          }
        },
    )
  }
  // Where a prepared statement is executed, later than it was prepared.
  wrapMethod(
    connection,
    'addCommand',
    addCommand =>
      function (this: Connection, command) {
        if (!isIssuing) {
          try {
            const text = command.statement?.query
            if (typeof text === 'string') {
              const parent = activeSpan.getStore()
              const statement = begin(text, parent, [command])
              const issued = { connection: this, parent, statement }
              if (!bindCommand(agent, command, issued)) bindEvents(agent, command, issued)
            }
          } catch (error) {
            agent.report('beginning a prepared statement of mysql2', error)
          }
        }
        return addCommand.call(this, command)
      },
  )
}

/** A pool calls back in the context of whoever gave the connection back; bound here to whoever asked for it. */
export function instrumentMysql2Pool(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Pool }
  const pool = ownerOf(prototype, 'getConnection')
  wrapMethod(
    pool,
    'getConnection',
    getConnection =>
      function (this: Pool, callback) {
        if (typeof callback !== 'function' || callback[BOUND]) {
          return getConnection.call(this, callback)
        }
        const parent = activeSpan.getStore()
        const bound = bindCallback(parent, callback, whenWaiting(agent, this, parent))
        // A connection that is lost on its way is asked for again, with the same callback.
        bound[BOUND] = true
        return getConnection.call(this, bound)
      },
  )
  instrumentPooledStatements(agent, pool)
}

export function instrumentMysql2Cluster(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: PoolCluster }
  const namespaces = new WeakSet<object>()
  wrapMethod(
    prototype,
    'of',
    of =>
      function (this: PoolCluster, ...args) {
        const namespace = of.apply(this, args)
        try {
          const methods = Object.getPrototypeOf(namespace) as Pool
          if (!namespaces.has(methods)) {
            namespaces.add(methods)
            instrumentPooledStatements(agent, methods)
          }
        } catch (error) {
          agent.report('instrumenting a cluster of mysql2', error)
        }
        return namespace
      },
  )
}

function instrumentPooledStatements(agent: Agent, pool: Pick<Pool, 'query' | 'execute'>): void {
  for (const name of ['query', 'execute'] as const) {
    wrapMethod(
      pool,
      name,
      method =>
        function (this: Pool, ...args: unknown[]) {
          noteIssuingLine(agent, textOf(args[0]))
          return method.apply(this, args)
        },
    )
  }
}

/** The pool or the connection that answers by promise. It calls the other one back; only lines are found here. */
export function instrumentMysql2Promises(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Pick<Pool, 'query' | 'execute'> }
  for (const name of ['query', 'execute'] as const) {
    wrapMethod(
      prototype,
      name,
      method =>
        function (this: Pool, ...args: unknown[]) {
          const noteLine = noteIssuingLine(agent, textOf(args[0]))
          const result = method.apply(this, args)
          return noteLine !== undefined && isPromise(result)
            ? followPromise(result, noteLine)
            : result
        },
    )
  }
}

/** What to call with the connection, when it is there. */
function whenWaiting(
  agent: Agent,
  pool: Pool,
  parent: ActiveSpan | undefined,
): GotConnection | undefined {
  try {
    const numbers = numbersOf(agent, pool, nameOfPool, stateOf)
    const startMs = clockMs()
    return (error, connection) => {
      if (typeof connection === 'object' && connection !== null) numbers.acquired(connection)
      recordPoolWait(agent, numbers, parent, startMs, error)
    }
  } catch (error) {
    agent.report('watching a pool of mysql2', error)
    return undefined
  }
}

/** A connection of a pool, which is given back by its own method. */
export function instrumentMysql2PoolConnection(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: PoolConnection }
  wrapMethod(
    prototype,
    'release',
    release =>
      function (this: PoolConnection) {
        try {
          if (this._pool) numbersOf(agent, this._pool, nameOfPool, stateOf).released(this)
        } catch (error) {
          agent.report('watching a connection of mysql2', error)
        }
        return release.call(this)
      },
  )
}

interface PoolConnection {
  readonly _pool?: Pool | null
  release(): unknown
}

function stateOf(pool: Pool): PoolState {
  const idle = pool._freeConnections?.length ?? 0
  return {
    idle,
    used: (pool._allConnections?.length ?? 0) - idle,
    pending: pool._connectionQueue?.length ?? 0,
    max: pool.config.connectionLimit ?? 10,
  }
}

function nameOfPool({ config }: Pool): string {
  const { host, port, database } = config.connectionConfig
  return `${host ?? 'localhost'}:${port ?? 3306}/${database ?? ''}`
}

/** A statement on its way, and whom its end is told. Without a span too, contexts are those of whoever issued it. */
interface Issued {
  readonly connection: Connection | undefined
  readonly parent: ActiveSpan | undefined
  readonly statement: Statement | undefined
}

const NOT_ISSUED: Issued = { connection: undefined, parent: undefined, statement: undefined }

function begin(
  text: string | undefined,
  parent: ActiveSpan | undefined,
  asked: readonly unknown[],
): Statement | undefined {
  return text !== undefined && parent?.isFollowed === true
    ? beginStatement(text, parent, asked[0], asked[1])
    : undefined
}

/** With its placeholders: values are put into a text later. */
function textOf(asked: unknown): string | undefined {
  if (typeof asked === 'string') return asked
  try {
    const { sql } = (asked ?? {}) as { sql?: unknown }
    return typeof sql === 'string' ? sql : undefined
  } catch {
    return undefined
  }
}

/** The callback among the arguments, or that of a command which a pool has made. */
function bindArguments(agent: Agent, args: unknown[], issued: Issued): boolean {
  for (let i = args.length - 1; i > 0; i--) {
    const argument = args[i]
    if (typeof argument === 'function') {
      args[i] = bindCallback(issued.parent, argument as OnResult, noting(agent, issued))
      return true
    }
  }
  const [asked] = args
  return typeof asked === 'object' && asked !== null && bindCommand(agent, asked, issued)
}

function bindCommand(agent: Agent, asked: object, issued: Issued): boolean {
  const command = asked as Command
  if (typeof command.onResult !== 'function' || typeof command.emit !== 'function') return false
  command.onResult = bindCallback(issued.parent, command.onResult, noting(agent, issued))
  return true
}

function noting(agent: Agent, issued: Issued): OnResult | undefined {
  if (issued.statement === undefined) return undefined
  let isOver = false
  return (error, result, fields) => {
    if (isOver) return
    isOver = true
    const rows = error ? Number.NaN : rowsOf(result, fields)
    record(agent, issued, error, rows, hasSeveral(fields) ? undefined : result)
  }
}

/** Of a command without a callback. A listener for its errors would keep them from being thrown. */
function bindEvents(agent: Agent, asked: unknown, issued: Issued): void {
  try {
    const command = asked as Command | undefined
    if (typeof command?.emit !== 'function') return
    const { emit } = command
    let rows = 0
    let failure: unknown
    let isOver = false
    Object.defineProperty(command, 'emit', {
      configurable: true,
      writable: true,
      value(this: Command, ...args: Parameters<Command['emit']>) {
        const [event, told] = args
        if (event === 'result') rows += affectedRowsOf(told) ?? 1
        else if (event === 'error') failure = told
        else if (event === 'end' && !isOver) {
          isOver = true
          record(agent, issued, failure, failure === undefined ? rows : Number.NaN)
        }
        return activeSpan.run(issued.parent, () => emit.apply(this, args))
      },
    })
  } catch (error) {
    agent.report('following a statement of mysql2', error)
  }
}

function record(
  agent: Agent,
  issued: Issued,
  error: unknown,
  rows: number,
  result?: unknown,
): void {
  const { connection, statement } = issued
  if (connection === undefined || statement === undefined) return
  try {
    const { database, socketPath, host, port } = connection.config ?? {}
    const address =
      socketPath === undefined
        ? { namespace: database, host, port }
        : { namespace: database, host: socketPath, port: undefined }
    const schema = connection._isMariaDB === true ? MARIADB : MYSQL
    recordStatement(agent, schema, statement, address, error, errorCodeOf(error), rows, result)
  } catch (failure) {
    agent.report('recording a statement of mysql2', failure)
  }
}

/** Several statements at once have several results, each with fields of its own or none. */
function rowsOf(result: unknown, fields: unknown): number {
  if (!Array.isArray(result)) return affectedRowsOf(result) ?? Number.NaN
  if (!hasSeveral(fields)) return result.length
  return result.reduce<number>((sum, one) => sum + rowsOf(one, null), 0)
}

function hasSeveral(fields: unknown): boolean {
  const [first] = Array.isArray(fields) ? fields : [null]
  return first === undefined || Array.isArray(first)
}

/** Where in a chain of classes a method is: it differs between versions. */
function ownerOf<Methods extends object>(prototype: Methods, method: keyof Methods): Methods {
  let owner: Methods | null = prototype
  while (owner !== null && !Object.hasOwn(owner, method)) owner = Object.getPrototypeOf(owner)
  return owner ?? prototype
}
