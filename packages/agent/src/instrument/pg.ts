import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { RepeatedText } from '../record/text-table.ts'
import { numbersOf, type PoolNumbers, type PoolState, recordPoolWait } from './connection-pool.ts'
import {
  beginStatement,
  bindCallback,
  codeOf,
  type DatabaseAddress,
  followPromise,
  isPromise,
  noteIssuingLine,
  recordStatement,
  type Statement,
  statementSchema,
} from './database-statement.ts'
import { wrapMethod } from './wrap-method.ts'

const SCHEMA = statementSchema('pg', 'postgresql')

type Callback = (error: unknown, result: unknown) => void

/** What is known of a pool and of a client. */
const KNOWN = Symbol('perfloop.pool')
const ADDRESS = Symbol('perfloop.address')

interface Client {
  readonly [ADDRESS]?: DatabaseAddress
  readonly database?: string
  readonly host?: string
  readonly port?: number
  query(...args: unknown[]): unknown
}

interface Pool {
  readonly [KNOWN]?: KnownPool
  readonly idleCount: number
  readonly totalCount: number
  readonly waitingCount: number
  readonly options: {
    readonly host?: string
    readonly port?: number
    readonly database?: string
    readonly connectionString?: string
    readonly max?: number
  }
  on?(event: string, listener: (...args: never[]) => void): unknown
  query(...args: unknown[]): unknown
  connect(callback?: (...args: unknown[]) => void): unknown
}

const NOBODY = Symbol('nobody')
type Issuer = ActiveSpan | undefined | typeof NOBODY

/**
 * While a pool issues a statement of `pool.query`: for whom. Such a statement ends in a promise of the pool's, which
 * takes whoever waits for it back to where they were, so that no context has to be entered for it.
 */
let issuingFor: Issuer = NOBODY
/** Whose client it then uses, where that is not told by the pool's events. */
let issuingBy: PoolNumbers | undefined
/** While `pool.query` asks its own pool for a client: for whom. */
let askingFor: Issuer = NOBODY

/** `NODE_PG_FORCE_NATIVE` makes one of the two clients the other one. */
const instrumented = new WeakSet<object>()

/** Statements of `pg`, by promise, callback, cursor and stream. */
export function instrumentPg(agent: Agent, exports: object): void {
  const { Client } = exports as { readonly Client?: { readonly prototype: Client } }
  if (Client === undefined || instrumented.has(Client)) return
  instrumented.add(Client)
  const trace = (query: Client['query']): Client['query'] =>
    function (this: Client, ...args) {
      if (issuingFor === NOBODY) return traceIssued(agent, query, this, args, activeSpan.getStore())
      const parent = issuingFor
      const pool = issuingBy
      issuingFor = NOBODY
      issuingBy = undefined
      // What a pool gives. One by one: a list would be made anew for each statement.
      if (args.length !== 3) return traceIssued(agent, query, this, args, parent)
      const callback = notingEnd(agent, this, args[0], args[1], args[2], parent, pool)
      return query.call(this, args[0], args[1], callback)
    }
  wrapMethod(Client.prototype, 'query', trace)
}

function traceIssued(
  agent: Agent,
  query: Client['query'],
  client: Client,
  args: unknown[],
  parent: ActiveSpan | undefined,
): unknown {
  const statement = begin(agent, parent, args[0], args[1])
  try {
    bindCallbacks(agent, client, args, statement, parent)
  } catch (error) {
    agent.report('beginning a statement of pg', error)
  }
  const result = query.apply(client, args)
  return statement === undefined || !isPromise(result)
    ? result
    : followPromise(result, (error, value) => record(agent, client, statement, error, value))
}

function begin(
  agent: Agent,
  parent: ActiveSpan | undefined,
  asked: unknown,
  values: unknown,
): Statement | undefined {
  try {
    if (parent?.isFollowed !== true) return undefined
    const text = textOf(asked)
    return text === undefined ? undefined : beginStatement(text, parent, asked, values)
  } catch (error) {
    agent.report('beginning a statement of pg', error)
    return undefined
  }
}

/** A pool calls back in the context of whoever gave the client back; bound here to whoever asked for it. */
export function instrumentPgPool(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Pool }
  const traceQuery = (query: Pool['query']): Pool['query'] =>
    function (this: Pool, ...args) {
      const parent = activeSpan.getStore()
      const noteLine = noteIssuingLine(agent, safeTextOf(args[0]), parent)
      askingFor = typeof args[args.length - 1] === 'function' ? NOBODY : parent
      try {
        const result = query.apply(this, args)
        return noteLine !== undefined && isPromise(result)
          ? followPromise(result, noteLine)
          : result
      } finally {
        askingFor = NOBODY
      }
    }
  const traceConnect = (connect: Pool['connect']): Pool['connect'] =>
    function (this: Pool, callback) {
      const isForQuery = askingFor !== NOBODY
      const parent = askingFor === NOBODY ? activeSpan.getStore() : askingFor
      askingFor = NOBODY
      const known = knownPool(agent, this)
      const waited = known && whenWaiting(agent, this, known.numbers, parent)
      if (known !== undefined && !isForQuery) watchClients(agent, this, known)
      if (callback === undefined) {
        const result = connect.call(this, callback)
        return waited !== undefined && isPromise(result) ? followPromise(result, waited) : result
      }
      if (!isForQuery) return connect.call(this, bindCallback(parent, callback, waited))
      return connect.call(this, (error, client, release) => {
        waited?.(error)
        issuingFor = parent
        issuingBy = known?.areClientsWatched === true ? undefined : known?.numbers
        try {
          callback(error, client, release)
        } finally {
          issuingFor = NOBODY
          issuingBy = undefined
        }
      })
    }
  wrapMethod(prototype, 'query', traceQuery)
  wrapMethod(prototype, 'connect', traceConnect)
}

/** What to call when a client is there; undefined where one is free now. */
function whenWaiting(
  agent: Agent,
  pool: Pool,
  numbers: PoolNumbers,
  parent: ActiveSpan | undefined,
): ((error: unknown) => void) | undefined {
  try {
    if (pool.idleCount > pool.waitingCount) {
      numbers.waited(0)
      return undefined
    }
    const startMs = clockMs()
    return error => {
      if (error instanceof Error && /timeout/i.test(error.message)) numbers.timeouts++
      recordPoolWait(agent, numbers, parent, startMs, error)
    }
  } catch (error) {
    agent.report('watching a pool of pg', error)
    return undefined
  }
}

interface KnownPool {
  readonly numbers: PoolNumbers
  areClientsWatched: boolean
}

function knownPool(agent: Agent, pool: Pool): KnownPool | undefined {
  try {
    const found = pool[KNOWN]
    if (found !== undefined) return found
    const numbers = numbersOf(agent, pool, nameOfPool, stateOf)
    const known = { numbers, areClientsWatched: false }
    Object.defineProperty(pool, KNOWN, { value: known })
    return known
  } catch (error) {
    agent.report('watching a pool of pg', error)
    return undefined
  }
}

/** Only of a pool that gives its clients away: how long `pool.query` uses one is known without its events. */
function watchClients(agent: Agent, pool: Pool, known: KnownPool): void {
  if (known.areClientsWatched) return
  known.areClientsWatched = true
  const { numbers } = known
  try {
    pool.on?.('acquire', (client: object) => numbers.acquired(client))
    pool.on?.('release', (_error: unknown, client: object) => numbers.released(client))
  } catch (error) {
    agent.report('watching a pool of pg', error)
  }
}

function stateOf({ idleCount, totalCount, waitingCount, options }: Pool): PoolState {
  return {
    idle: idleCount,
    used: totalCount - idleCount,
    pending: waitingCount,
    max: options.max ?? 10,
  }
}

/** `db.client.connection.pool.name`, as the conventions make it where the application gives none. */
function nameOfPool({ options }: Pool): string {
  const { connectionString } = options
  if (typeof connectionString === 'string' && URL.canParse(connectionString)) {
    const { hostname, port, pathname } = new URL(connectionString)
    return `${hostname || 'localhost'}:${port || 5432}${pathname}`
  }
  return `${options.host ?? 'localhost'}:${options.port ?? 5432}/${options.database ?? ''}`
}

/** Of a text, of a configuration, and of a cursor or stream, which has its text inside. */
function textOf(asked: unknown): string | undefined {
  if (typeof asked === 'string') return asked
  if (typeof asked !== 'object' || asked === null) return undefined
  const { text, cursor } = asked as { text?: unknown; cursor?: { text?: unknown } }
  if (typeof text === 'string') return text
  return typeof cursor?.text === 'string' ? cursor.text : undefined
}

/** A configuration of the application may have getters, and these may throw. */
function safeTextOf(asked: unknown): string | undefined {
  try {
    return textOf(asked)
  } catch {
    return undefined
  }
}

/**
 * In place: the callback that is the last argument, the one in the configuration, or the end of a submittable, is
 * called in the application's context.
 */
function bindCallbacks(
  agent: Agent,
  client: Client,
  args: unknown[],
  statement: Statement | undefined,
  parent: ActiveSpan | undefined,
): void {
  for (let i = args.length - 1; i > 0; i--) {
    const argument = args[i]
    if (typeof argument === 'function') {
      args[i] = boundCallback(agent, client, statement, parent, argument as Callback)
      return
    }
  }
  const asked = args[0] as { callback?: unknown; submit?: unknown } | string | null | undefined
  if (typeof asked !== 'object' || asked === null) return
  if (typeof asked.submit === 'function') {
    if (statement !== undefined) observeSubmittable(agent, client, statement, asked as Submittable)
  } else if (typeof asked.callback === 'function') {
    // The application's object is not ours to change.
    args[0] = Object.assign(Object.create(Object.getPrototypeOf(asked)), asked, {
      callback: boundCallback(agent, client, statement, parent, asked.callback as Callback),
    })
  }
}

/** Of a statement of `pool.query`: the callback is the pool's own, which then takes its client back. */
function notingEnd(
  agent: Agent,
  client: Client,
  asked: unknown,
  values: unknown,
  callback: unknown,
  parent: ActiveSpan | undefined,
  pool: PoolNumbers | undefined,
): unknown {
  const statement = begin(agent, parent, asked, values)
  if (typeof callback !== 'function' || (statement === undefined && pool === undefined)) {
    return callback
  }
  const unfollowedMs = statement === undefined ? clockMs() : 0
  // By a name: see decision 0022.
  const noting: Callback = function (this: unknown, error, result) {
    const endMs =
      statement === undefined ? clockMs() : record(agent, client, statement, error, result)
    pool?.used(endMs - (statement?.startMs ?? unfollowedMs))
    return callback.call(this, error, result)
  }
  return noting
}

function boundCallback(
  agent: Agent,
  client: Client,
  statement: Statement | undefined,
  parent: ActiveSpan | undefined,
  callback: Callback,
): Callback {
  const note: Callback | undefined =
    statement && ((error, result) => record(agent, client, statement, error, result))
  return bindCallback(parent, callback, note)
}

interface Submittable {
  /** Of a cursor, and of the cursor that a stream has inside: the rows of the batch that is under way. */
  readonly _rows?: unknown
  readonly cursor?: { readonly _rows?: unknown }
  handlePortalSuspended?(...args: unknown[]): unknown
  handleCommandComplete?(message: unknown, ...args: unknown[]): unknown
  handleReadyForQuery?(...args: unknown[]): unknown
  handleError?(error: unknown, ...args: unknown[]): unknown
}

/** Cursors, streams and queries made by hand: they end with the connection being ready, or with an error. */
function observeSubmittable(
  agent: Agent,
  client: Client,
  statement: Statement,
  submittable: Submittable,
): void {
  let rowCount = Number.NaN
  let isOver = false
  const count = (message: unknown) => {
    try {
      const rows = rowsOfBatch(submittable, message)
      rowCount = Number.isNaN(rowCount) ? rows : rowCount + rows
    } catch (error) {
      agent.report('counting the rows of a batch of pg', error)
    }
  }
  const finish = (error: unknown) => {
    if (isOver) return
    isOver = true
    record(agent, client, statement, error, { rowCount })
  }
  const { handlePortalSuspended, handleCommandComplete } = submittable
  const { handleReadyForQuery, handleError } = submittable
  if (typeof handlePortalSuspended === 'function') {
    const noting: typeof handlePortalSuspended = function (this: unknown, ...args) {
      count(undefined)
      return handlePortalSuspended.apply(this, args)
    }
    submittable.handlePortalSuspended = noting
  }
  if (typeof handleCommandComplete === 'function') {
    const noting: typeof handleCommandComplete = function (this: unknown, message, ...args) {
      count(message)
      return handleCommandComplete.call(this, message, ...args)
    }
    submittable.handleCommandComplete = noting
  }
  if (typeof handleReadyForQuery === 'function') {
    const noting: typeof handleReadyForQuery = function (this: unknown, ...args) {
      finish(undefined)
      return handleReadyForQuery.apply(this, args)
    }
    submittable.handleReadyForQuery = noting
  }
  if (typeof handleError === 'function') {
    const noting: typeof handleError = function (this: unknown, error, ...args) {
      finish(error)
      return handleError.call(this, error, ...args)
    }
    submittable.handleError = noting
  }
}

/** Without a cursor the database tells all of them at the end: `SELECT 3`, `COPY 20`. */
function rowsOfBatch({ _rows, cursor }: Submittable, message: unknown): number {
  const rows = cursor?._rows ?? _rows
  if (Array.isArray(rows)) return rows.length
  const { text } = (message ?? {}) as { text?: unknown }
  return typeof text === 'string' ? Number(/ (\d+)$/.exec(text)?.[1] ?? 0) : Number.NaN
}

function record(
  agent: Agent,
  client: Client,
  statement: Statement,
  error: unknown,
  result: unknown,
): number {
  try {
    const { rowCount, rows: all } = (result ?? {}) as { rowCount?: unknown; rows?: unknown }
    const rows = typeof rowCount === 'number' ? rowCount : rowsOfSeveral(result)
    const address = client[ADDRESS] ?? readAddress(client)
    return recordStatement(agent, SCHEMA, statement, address, error, codeOf(error), rows, all)
  } catch (failure) {
    agent.report('recording a statement of pg', failure)
    return clockMs()
  }
}

/** A text of several statements has a result of each. */
function rowsOfSeveral(result: unknown): number {
  if (!Array.isArray(result)) return Number.NaN
  let rows = 0
  for (const { rowCount } of result as { rowCount?: unknown }[]) {
    if (typeof rowCount === 'number') rows += rowCount
  }
  return rows
}

/** Of a client, which keeps it all its life. */
function readAddress(client: Client): DatabaseAddress {
  const { database, host, port } = client
  const address = { namespace: repeated(database), host: repeated(host), port }
  Object.defineProperty(client, ADDRESS, { value: address })
  return address
}

function repeated(text: unknown): RepeatedText | undefined {
  return typeof text === 'string' ? new RepeatedText(text) : undefined
}
