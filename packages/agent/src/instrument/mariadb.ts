import { EventEmitter } from 'node:events'
import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { numbersOf, type PoolNumbers, type PoolState, recordPoolWait } from './connection-pool.ts'
import {
  beginStatement,
  bindCallback,
  isPromise,
  noteIssuingLine,
  recordStatement,
  type Statement,
  statementSchema,
} from './database-statement.ts'
import { affectedRowsOf, errorCodeOf } from './mysql-answer.ts'
import { wrapMethod } from './wrap-method.ts'

const MARIADB = statementSchema('mariadb', 'mariadb')
const MYSQL = statementSchema('mariadb', 'mysql')

interface ConnectionOptions {
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly database?: string
}

/** https://github.com/mariadb-corporation/mariadb-connector-nodejs/blob/main/lib/connection.js */
interface Connection {
  readonly opts?: ConnectionOptions
  readonly info?: { readonly database?: string; isMariaDB?(): boolean }
  addCommandQueue(command: Command, expectsResponse: unknown): unknown
  addCommandEnable(command: Command, expectsResponse: unknown): unknown
  addCommandEnablePipeline(command: Command, expectsResponse: unknown): unknown
}

interface Command {
  readonly sql?: unknown
  /** False for a text, with its values inside. */
  readonly binary?: boolean
  /** Of one that executes what was prepared. */
  readonly prepare?: unknown
  readonly opts?: { readonly metaAsArray?: boolean }
  resolve?: ((value: unknown) => unknown) | null
  reject?: ((error: unknown) => unknown) | null
  /** Of one whose rows are a stream. */
  readonly inStream?: Emitter
  handleNewRows?(row: unknown): unknown
  once(event: string, listener: (error: unknown) => void): unknown
}

interface Emitter {
  emit(event: string | symbol, ...args: unknown[]): boolean
}

type GotConnection = (error: unknown, connection: unknown) => void

interface Pool {
  readonly opts: { readonly connectionLimit?: number; readonly connOptions?: ConnectionOptions }
  totalConnections(): number
  idleConnections(): number
  taskQueueSize(): number
  on(event: string, listener: (connection: object) => void): unknown
  getConnection(asked: unknown, callback?: unknown): unknown
}

/** Files of one copy of the package share its classes. */
const instrumented = new WeakSet<object>()
/** One that waits for its connection to be open comes again when it is. */
const seen = new WeakSet<object>()

/** Statements of `mariadb`: all that a connection sends are commands, which are settled or end. */
export function instrumentMariadbConnection(agent: Agent, prototype: object): void {
  if (instrumented.has(prototype)) return
  instrumented.add(prototype)
  for (const name of ['addCommandQueue', 'addCommandEnable', 'addCommandEnablePipeline'] as const) {
    if (typeof (prototype as Connection)[name] !== 'function') continue
    wrapMethod(
      prototype as Connection,
      name,
      add =>
        function (this: Connection, command, expectsResponse) {
          try {
            if (isStatement(command) && !seen.has(command)) {
              seen.add(command)
              follow(agent, this, command)
            }
          } catch (error) {
            agent.report('beginning a statement of mariadb', error)
          }
          return add.call(this, command, expectsResponse)
        },
    )
  }
}

/** A question whether something could be executed is none. */
function isStatement(command: Command): boolean {
  if (typeof command?.sql !== 'string') return false
  return command.binary === false || 'prepare' in command
}

function follow(agent: Agent, connection: Connection, command: Command): void {
  const parent = activeSpan.getStore()
  const text = command.sql as string
  const statement = parent?.isFollowed === true ? beginStatement(text, parent) : undefined
  if (command.inStream !== undefined) {
    followStream(agent, connection, command, command.inStream, parent, statement)
    return
  }
  const { resolve, reject } = command
  if (typeof resolve !== 'function' || typeof reject !== 'function') return
  const { metaAsArray } = command.opts ?? {}
  // Who has given a callback goes on where it was given.
  command.resolve = bindCallback(parent, resolve, value => {
    if (statement === undefined) return
    const result = metaAsArray === true && Array.isArray(value) ? value[0] : value
    record(agent, connection, statement, undefined, rowsOf(result))
  })
  command.reject = bindCallback(parent, reject, error => {
    if (statement !== undefined) record(agent, connection, statement, error, Number.NaN)
  })
}

function followStream(
  agent: Agent,
  connection: Connection,
  command: Command,
  stream: Emitter,
  parent: ActiveSpan | undefined,
  statement: Statement | undefined,
): void {
  const { emit } = stream
  Object.defineProperty(stream, 'emit', {
    configurable: true,
    writable: true,
    value(this: Emitter, ...args: Parameters<Emitter['emit']>) {
      return activeSpan.run(parent, () => emit.apply(this, args))
    },
  })
  if (statement === undefined) return
  let rows = 0
  const { handleNewRows } = command
  if (handleNewRows !== undefined) {
    const counting: typeof handleNewRows = function (this: Command, row) {
      rows++
      return handleNewRows.call(this, row)
    }
    command.handleNewRows = counting
  }
  command.once('end', error => {
    record(agent, connection, statement, error, error === undefined ? rows : Number.NaN)
  })
}

function record(
  agent: Agent,
  connection: Connection,
  statement: Statement,
  error: unknown,
  rows: number,
): void {
  try {
    const { opts = {}, info } = connection
    const isLocal = typeof opts.socketPath === 'string'
    const address = {
      namespace: info?.database ?? opts.database,
      host: isLocal ? opts.socketPath : opts.host,
      port: isLocal ? undefined : opts.port,
    }
    const schema = info?.isMariaDB?.() === false ? MYSQL : MARIADB
    recordStatement(agent, schema, statement, address, error, errorCodeOf(error), rows)
  } catch (failure) {
    agent.report('recording a statement of mariadb', failure)
  }
}

/** Several statements at once have several results; what changes rows tells how many. */
function rowsOf(result: unknown): number {
  const affected = affectedRowsOf(result)
  if (affected !== undefined) return affected
  if (!Array.isArray(result)) return Number.NaN
  const hasSeveral = result.some(one => isResult(one))
  return hasSeveral ? result.reduce<number>((sum, one) => sum + rowsOf(one), 0) : result.length
}

/** Rows that were asked for as arrays have no description of their own. */
function isResult(value: unknown): boolean {
  return affectedRowsOf(value) !== undefined || (Array.isArray(value) && 'meta' in value)
}

/** A pool calls back in the context of whoever gave the connection back; bound here to whoever asked for it. */
export function instrumentMariadbPool(agent: Agent, prototype: object): void {
  if (instrumented.has(prototype)) return
  instrumented.add(prototype)
  wrapMethod(
    prototype as Pool,
    'getConnection',
    getConnection =>
      function (this: Pool, asked, given) {
        const callback = typeof asked === 'function' ? asked : given
        // Up to version 3.4 it answers by promise, which keeps the context.
        if (typeof callback !== 'function') return getConnection.call(this, asked, given)
        const { sql } = (asked ?? {}) as { readonly sql?: unknown }
        noteIssuingLine(agent, typeof sql === 'string' ? sql : undefined)
        const parent = activeSpan.getStore()
        const bound = bindCallback(
          parent,
          callback as GotConnection,
          whenWaiting(agent, this, parent),
        )
        return callback === asked
          ? getConnection.call(this, bound)
          : getConnection.call(this, asked, bound)
      },
  )
}

function whenWaiting(
  agent: Agent,
  pool: Pool,
  parent: ActiveSpan | undefined,
): GotConnection | undefined {
  try {
    const numbers = watchedPools.get(pool) ?? watch(agent, pool)
    const startMs = clockMs()
    return error => {
      const { code } = (error ?? {}) as { readonly code?: unknown }
      if (code === 'ER_GET_CONNECTION_TIMEOUT') numbers.timeouts++
      recordPoolWait(agent, numbers, parent, startMs, error)
    }
  } catch (error) {
    agent.report('watching a pool of mariadb', error)
    return undefined
  }
}

const watchedPools = new WeakMap<Pool, PoolNumbers>()

function watch(agent: Agent, pool: Pool): PoolNumbers {
  const numbers = numbersOf(agent, pool, nameOfPool, stateOf)
  watchedPools.set(pool, numbers)
  pool.on('acquire', connection => numbers.acquired(connection))
  pool.on('release', connection => numbers.released(connection))
  return numbers
}

function stateOf(pool: Pool): PoolState {
  const idle = pool.idleConnections()
  return {
    idle,
    used: pool.totalConnections() - idle,
    pending: pool.taskQueueSize(),
    max: pool.opts.connectionLimit ?? 10,
  }
}

function nameOfPool({ opts }: Pool): string {
  const { host, port, database } = opts.connOptions ?? {}
  return `${host ?? 'localhost'}:${port ?? 3306}/${database ?? ''}`
}

interface Bundle {
  createConnection(options: object): unknown
  createPool(options: object): unknown
}

/**
 * From version 3.5 on its CommonJS is one file that exports no class. Each is met while one of its objects is made: that
 * object is given up as soon as it has shown itself, before it opens anything.
 */
export function instrumentMariadbBundle(agent: Agent, exports: object): void {
  // Before, the classes are in files of their own.
  if (Object.getOwnPropertyDescriptor(exports, 'createPool')?.get === undefined) return
  const { createConnection, createPool } = exports as Bundle
  const connection = madeBy(() => createConnection(NOWHERE), 'executePromise')
  const pool = madeBy(() => createPool(NOWHERE), '_acquireIdleConnection')
  if (connection !== undefined) instrumentMariadbConnection(agent, connection)
  if (pool !== undefined) instrumentMariadbPool(agent, pool)
}

/** Should one that is made not show itself, it has nowhere to connect to. */
const NOWHERE = {
  stream: () => {
    throw new Error('it is given up')
  },
}

/** The prototype of the first one that listens to itself and has the method. */
function madeBy(make: () => unknown, method: string): object | undefined {
  const prototype = EventEmitter.prototype
  const { on } = prototype
  let met: object | undefined
  prototype.on = function (this: EventEmitter, ...args) {
    if (typeof (this as unknown as Record<string, unknown>)[method] !== 'function') {
      return on.apply(this, args)
    }
    met = Object.getPrototypeOf(this) as object
    throw new Error('it is given up')
  }
  try {
    const made = make()
    const ended = isPromise(made) ? made : (made as { end?(): unknown } | undefined)?.end?.()
    if (isPromise(ended)) ended.catch(() => {})
  } catch {
    // As it is meant to.
  } finally {
    prototype.on = on
  }
  return met
}
