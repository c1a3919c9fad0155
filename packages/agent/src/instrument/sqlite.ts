import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import {
  codeOf,
  type DatabaseAddress,
  followedParent,
  recordStatement,
  type Statement,
  statementSchema,
} from './database-statement.ts'
import { type KnownText, knownText } from './issuing-line.ts'
import { hashParameters, type ParametersHash, resultHashes, UNKNOWN } from './result-hash.ts'
import { wrapMethod } from './wrap-method.ts'

/** What `better-sqlite3`, `libsql` and `node:sqlite` have in common. All of it is synchronous. */
interface Database {
  prepare(...args: unknown[]): object
  exec(...args: unknown[]): unknown
}

interface PreparedStatement {
  readonly [PREPARED]?: Prepared
  get(...args: unknown[]): unknown
  all(...args: unknown[]): unknown
  run(...args: unknown[]): unknown
  iterate(...args: unknown[]): unknown
  /** Not of `node:sqlite`: values for all its uses to come. */
  bind?(...args: unknown[]): unknown
}

/** What is known of a prepared statement from its first use on. */
interface Prepared {
  readonly known: KnownText
  readonly address: DatabaseAddress
  /** Of the values that it was bound to. */
  bound: ParametersHash
}

interface Driver {
  /** The text of a statement, and the name of its database, where the driver tells them. */
  textOf(statement: object): unknown
  nameOf(statement: object): unknown
}

const PREPARED = Symbol('perfloop.prepared')
const NOWHERE: DatabaseAddress = { namespace: undefined, host: undefined, port: undefined }
const SCHEMA = statementSchema('sqlite', 'sqlite')

export function instrumentBetterSqlite(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Database }
  instrumentDatabase(agent, prototype, {
    textOf: statement => (statement as { readonly source?: unknown }).source,
    nameOf: statement =>
      (statement as { readonly database?: { readonly name?: unknown } }).database?.name,
  })
}

/** Has the interface of better-sqlite3, but its statements do not know their text. */
export function instrumentLibsql(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Database }
  instrumentDatabase(agent, prototype, {
    textOf: () => undefined,
    nameOf: () => undefined,
  })
}

export function instrumentNodeSqlite(agent: Agent, exports: object): void {
  const { DatabaseSync, StatementSync } = exports as {
    readonly DatabaseSync: { readonly prototype: Database }
    readonly StatementSync: { readonly prototype: PreparedStatement }
  }
  const driver: Driver = {
    textOf: statement => (statement as { readonly sourceSQL?: unknown }).sourceSQL,
    nameOf: () => undefined,
  }
  // What the application has prepared so far is of this class already.
  instrumentStatements(agent, StatementSync.prototype, driver)
  instrumentExec(agent, DatabaseSync.prototype)
}

function instrumentDatabase(agent: Agent, prototype: Database, driver: Driver): void {
  const statements = new WeakSet<object>()
  wrapMethod(
    prototype,
    'prepare',
    prepare =>
      function (this: Database, ...args) {
        const statement = prepare.apply(this, args)
        try {
          if (driver.textOf(statement) === undefined && typeof args[0] === 'string') {
            remember(statement, args[0], undefined)
          }
          // Not every driver exports the class of its statements.
          const methods = Object.getPrototypeOf(statement) as PreparedStatement
          if (!statements.has(methods)) {
            statements.add(methods)
            instrumentStatements(agent, methods, driver)
          }
        } catch (error) {
          agent.report('preparing a statement of SQLite', error)
        }
        return statement
      },
  )
  instrumentExec(agent, prototype)
}

function instrumentExec(agent: Agent, prototype: Database): void {
  wrapMethod(
    prototype,
    'exec',
    exec =>
      function (this: Database, ...args) {
        const [text] = args
        const statement = typeof text === 'string' ? begin(agent, text) : undefined
        return statement === undefined
          ? exec.apply(this, args)
          : run(agent, statement, NOWHERE, nothing, () => exec.apply(this, args))
      },
  )
}

function instrumentStatements(agent: Agent, methods: PreparedStatement, driver: Driver): void {
  const trace = (
    name: 'get' | 'all' | 'run',
    rowsOf: (result: unknown) => number,
    allOf: (result: unknown) => unknown = nothingOf,
  ) =>
    wrapMethod(
      methods,
      name,
      method =>
        function (this: PreparedStatement, ...args: unknown[]) {
          const prepared = isInside ? undefined : preparedOf(agent, this, driver)
          const statement = prepared && begin(agent, prepared.known, args, prepared.bound)
          if (prepared === undefined || statement === undefined) return method.apply(this, args)
          return run(
            agent,
            statement,
            prepared.address,
            rowsOf,
            () => method.apply(this, args),
            allOf,
          )
        },
    )
  trace(
    'get',
    row => (row === undefined || row === null ? 0 : 1),
    row => [row],
  )
  trace(
    'all',
    rows => (Array.isArray(rows) ? rows.length : Number.NaN),
    rows => rows,
  )
  trace('run', changesOf)
  instrumentBind(agent, methods, driver)
  wrapMethod(
    methods,
    'iterate',
    iterate =>
      function (this: PreparedStatement, ...args) {
        const prepared = isInside ? undefined : preparedOf(agent, this, driver)
        const statement = prepared && begin(agent, prepared.known)
        const rows = iterate.apply(this, args)
        if (prepared !== undefined && statement !== undefined) {
          follow(agent, statement, prepared.address, rows as Iterator<unknown>)
        }
        return rows
      },
  )
}

function instrumentBind(agent: Agent, methods: PreparedStatement, driver: Driver): void {
  if (typeof methods.bind !== 'function') return
  wrapMethod(
    methods,
    'bind',
    bind =>
      function (this: PreparedStatement, ...args) {
        const answer = bind.apply(this, args)
        const prepared = preparedOf(agent, this, driver)
        // Its values may be changed later, and have been taken now.
        if (prepared !== undefined && args.length > 0) {
          prepared.bound = resultHashes.areTold ? parametersOf(prepared.known, args) : UNKNOWN
        }
        return answer
      },
  )
}

/** What was bound is not given again. */
function parametersOf(
  known: KnownText,
  values: readonly unknown[],
  bound: ParametersHash = undefined,
): ParametersHash {
  return values.length === 0 ? bound : hashParameters(known, values)
}

const NO_VALUES: readonly unknown[] = []

function nothingOf(): undefined {
  return undefined
}

/** While a driver runs a statement: what it does for that by its own methods is no other one. */
let isInside = false

function run<Result>(
  agent: Agent,
  statement: Statement,
  address: DatabaseAddress,
  rowsOf: (result: Result) => number,
  execute: () => Result,
  allOf: (result: Result) => unknown = nothingOf,
): Result {
  isInside = true
  let result: Result
  try {
    result = execute()
  } catch (error) {
    isInside = false
    recordStatement(agent, SCHEMA, statement, address, error, resultCodeOf(error), Number.NaN)
    throw error
  }
  isInside = false
  recordStatement(
    agent,
    SCHEMA,
    statement,
    address,
    undefined,
    undefined,
    rowsOf(result),
    allOf(result),
  )
  return result
}

/** A statement whose rows are taken one by one is over with the last one, or when no more are wanted. */
function follow(
  agent: Agent,
  statement: Statement,
  address: DatabaseAddress,
  iterator: Iterator<unknown>,
): void {
  let rows = 0
  let isOver = false
  const finish = (error: unknown) => {
    if (isOver) return
    isOver = true
    recordStatement(agent, SCHEMA, statement, address, error, resultCodeOf(error), rows)
  }
  const observe = (name: 'next' | 'return') => {
    // Without a `return` nobody would be told that no more rows are wanted.
    const method =
      iterator[name] ?? ((value?: unknown): IteratorResult<unknown> => ({ done: true, value }))
    Object.defineProperty(iterator, name, {
      configurable: true,
      writable: true,
      value(this: unknown, ...args: [unknown?]) {
        let result: IteratorResult<unknown>
        try {
          result = method.apply(iterator, args as [])
        } catch (error) {
          finish(error)
          throw error
        }
        if (name === 'return' || result.done === true) finish(undefined)
        else rows++
        return result
      },
    })
  }
  try {
    observe('next')
    observe('return')
  } catch (error) {
    agent.report('following the rows of a statement', error)
  }
}

function begin(
  agent: Agent,
  given: string | KnownText,
  values: readonly unknown[] = NO_VALUES,
  bound: ParametersHash = undefined,
): Statement | undefined {
  try {
    const parent = followedParent()
    if (parent === undefined || isInside) return undefined
    const known = typeof given === 'string' ? knownText(given) : given
    const parameters =
      resultHashes.areTold && parent.isRecorded ? parametersOf(known, values, bound) : UNKNOWN
    return { known, parent, startMs: clockMs(), parameters }
  } catch (error) {
    agent.report('beginning a statement of SQLite', error)
    return undefined
  }
}

/** Found out once, also of the statements that a driver has prepared for its transactions. */
function preparedOf(
  agent: Agent,
  statement: PreparedStatement,
  driver: Driver,
): Prepared | undefined {
  const prepared = statement[PREPARED]
  if (prepared !== undefined) return prepared
  try {
    const text = driver.textOf(statement)
    const name = driver.nameOf(statement)
    if (typeof text !== 'string') return undefined
    return remember(statement, text, typeof name === 'string' ? name : undefined)
  } catch (error) {
    agent.report('reading a statement of SQLite', error)
    return undefined
  }
}

function remember(statement: object, text: string, name: string | undefined): Prepared {
  const address = name === undefined ? NOWHERE : { ...NOWHERE, namespace: name }
  const prepared: Prepared = { known: knownText(text), address, bound: undefined }
  Object.defineProperty(statement, PREPARED, { value: prepared, configurable: true })
  return prepared
}

function changesOf(result: unknown): number {
  return Number((result as { readonly changes?: unknown } | undefined)?.changes ?? Number.NaN)
}

function nothing(): number {
  return Number.NaN
}

/** The name or the number of SQLite's result code: https://www.sqlite.org/rescode.html */
function resultCodeOf(error: unknown): string | undefined {
  const { errcode } = (error ?? {}) as { errcode?: unknown }
  return typeof errcode === 'number' ? String(errcode) : codeOf(error)
}
