import type { Agent } from '../agent.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, TEXT } from '../record/attribute-schema.ts'
import { randomWord } from '../record/random-ids.ts'
import { KIND_CLIENT, STATUS_ERROR, STATUS_UNSET } from '../record/span-recorder.ts'
import { issuingLine, type KnownText, knownText } from './issuing-line.ts'
import { wrapMethod } from './wrap-method.ts'

/** https://opentelemetry.io/docs/specs/semconv/database/postgresql/ */
const SCHEMA = attributeSchema(
  '@perfloop/agent/pg',
  { 'db.system.name': 'postgresql' },
  {
    'db.namespace': TEXT,
    'db.query.text': TEXT,
    'server.address': TEXT,
    'server.port': INTEGER,
    'db.response.returned_rows': INTEGER,
    'db.response.status_code': TEXT,
    'error.type': TEXT,
    'code.file.path': TEXT,
    'code.line.number': INTEGER,
  },
)

interface Connection {
  readonly database?: string
  readonly host?: string
  readonly port?: number
}

type Callback = (error: unknown, result: unknown) => void

interface Client extends Connection {
  query(...args: unknown[]): unknown
}

interface Pool {
  query(...args: unknown[]): unknown
  connect(callback?: (...args: unknown[]) => void): unknown
}

interface Statement {
  readonly client: Connection
  readonly known: KnownText
  readonly parent: ActiveSpan
  readonly startMs: number
}

/**
 * While a pool issues a statement of `pool.query`: for whom. Such a statement ends in a promise of the pool's, which
 * takes whoever waits for it back to where they were, so that no context has to be entered for it.
 */
let issuingFor: { readonly parent: ActiveSpan | undefined } | undefined
/** While `pool.query` asks its own pool for a client. */
let isAskingForQuery = false

/** Statements of `pg`, by promise, callback, cursor and stream. */
export function instrumentPg(agent: Agent, exports: object): void {
  const { Client } = exports as { readonly Client?: { readonly prototype: Client } }
  if (Client === undefined) return
  const trace = (query: Client['query']): Client['query'] =>
    function (this: Client, ...args) {
      const inner = issuingFor
      issuingFor = undefined
      const parent = inner === undefined ? activeSpan.getStore() : inner.parent
      let statement: Statement | undefined
      try {
        statement = parent?.isRecorded === true ? beginStatement(this, args[0], parent) : undefined
        bindCallbacks(agent, args, statement, parent, inner !== undefined)
      } catch (error) {
        agent.report('beginning a statement of pg', error)
      }
      const result = query.apply(this, args)
      if (statement === undefined || !isPromise(result)) return result
      const begun = statement
      // The application gets the promise that follows: one that fails and that nobody waits for is still told of.
      return result.then(
        value => {
          record(agent, begun, undefined, value)
          return value
        },
        (error: unknown) => {
          record(agent, begun, error, undefined)
          throw error
        },
      )
    }
  wrapMethod(Client.prototype, 'query', trace)
}

/** A pool calls back in the context of whoever gave the client back; bound here to whoever asked for it. */
export function instrumentPgPool(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Pool }
  const traceQuery = (query: Pool['query']): Pool['query'] =>
    function (this: Pool, ...args) {
      try {
        const parent = activeSpan.getStore()
        const text = parent?.isRecorded === true ? textOf(args[0]) : undefined
        // Who asks is on the stack only here: the statement itself is issued when a client is free.
        if (text !== undefined) issuingLine(knownText(text), parent?.place)
      } catch (error) {
        agent.report('finding the line of a statement', error)
      }
      isAskingForQuery = typeof args.at(-1) !== 'function'
      try {
        return query.apply(this, args)
      } finally {
        isAskingForQuery = false
      }
    }
  const traceConnect = (connect: Pool['connect']): Pool['connect'] =>
    function (this: Pool, callback) {
      const isForQuery = isAskingForQuery
      isAskingForQuery = false
      const parent = activeSpan.getStore()
      if (callback === undefined) return connect.call(this, callback)
      if (!isForQuery) return connect.call(this, (...args) => inContext(parent, callback, args))
      return connect.call(this, (...args) => {
        issuingFor = { parent }
        try {
          callback(...args)
        } finally {
          issuingFor = undefined
        }
      })
    }
  wrapMethod(prototype, 'query', traceQuery)
  wrapMethod(prototype, 'connect', traceConnect)
}

function beginStatement(
  client: Connection,
  asked: unknown,
  parent: ActiveSpan,
): Statement | undefined {
  const text = textOf(asked)
  if (text === undefined) return undefined
  const known = knownText(text)
  issuingLine(known, parent.place)
  return { client, known, parent, startMs: performance.now() }
}

/** Of a text, of a configuration, and of a cursor or stream, which has its text inside. */
function textOf(asked: unknown): string | undefined {
  if (typeof asked === 'string') return asked
  if (typeof asked !== 'object' || asked === null) return undefined
  const { text, cursor } = asked as { text?: unknown; cursor?: { text?: unknown } }
  if (typeof text === 'string') return text
  return typeof cursor?.text === 'string' ? cursor.text : undefined
}

/** Without a span too: a connection calls back in the context of whoever opened it. */
function inContext<Args extends unknown[]>(
  parent: ActiveSpan | undefined,
  callback: (...args: Args) => unknown,
  args: Args,
): unknown {
  return activeSpan.run(parent, callback, ...args)
}

/**
 * In place: the callback that is the last argument, the one in the configuration, or the end of a submittable. A
 * pool's own callback (`isInner`) is called as it is; one of the application is called in its context.
 */
function bindCallbacks(
  agent: Agent,
  args: unknown[],
  statement: Statement | undefined,
  parent: ActiveSpan | undefined,
  isInner: boolean,
): void {
  if (isInner && statement === undefined) return
  const bound = (callback: Callback): Callback =>
    function (this: unknown, error, result) {
      if (statement !== undefined) record(agent, statement, error, result)
      if (isInner) return callback.call(this, error, result)
      return inContext(parent, callback.bind(this), [error, result])
    }
  for (let i = args.length - 1; i > 0; i--) {
    const argument = args[i]
    if (typeof argument === 'function') {
      args[i] = bound(argument as Callback)
      return
    }
  }
  const asked = args[0] as { callback?: unknown; submit?: unknown } | string | null | undefined
  if (typeof asked !== 'object' || asked === null) return
  if (typeof asked.submit === 'function') {
    if (statement !== undefined) observeSubmittable(agent, asked as Submittable, statement)
  } else if (typeof asked.callback === 'function') {
    // The application's object is not ours to change.
    args[0] = Object.assign(Object.create(Object.getPrototypeOf(asked)), asked, {
      callback: bound(asked.callback as Callback),
    })
  }
}

interface Submittable {
  handleReadyForQuery?(...args: unknown[]): unknown
  handleError?(error: unknown, ...args: unknown[]): unknown
}

/** Cursors, streams and queries made by hand: they end with the connection being ready, or with an error. */
function observeSubmittable(agent: Agent, submittable: Submittable, statement: Statement): void {
  let isOver = false
  const finish = (error: unknown) => {
    if (isOver) return
    isOver = true
    record(agent, statement, error, undefined)
  }
  const { handleReadyForQuery, handleError } = submittable
  if (typeof handleReadyForQuery === 'function') {
    submittable.handleReadyForQuery = function (...args) {
      finish(undefined)
      return handleReadyForQuery.apply(this, args)
    }
  }
  if (typeof handleError === 'function') {
    submittable.handleError = function (error, ...args) {
      finish(error)
      return handleError.call(this, error, ...args)
    }
  }
}

function record(agent: Agent, statement: Statement, error: unknown, result: unknown): void {
  const endMs = performance.now()
  try {
    const { client, known, parent, startMs } = statement
    const failure = error as { code?: unknown; name?: unknown } | null | undefined
    const hasFailed = failure !== undefined && failure !== null
    const { recorder } = agent
    const isBegun = recorder.begin(
      SCHEMA,
      known.name,
      KIND_CLIENT,
      hasFailed ? STATUS_ERROR : STATUS_UNSET,
      parent,
      randomWord(),
      (randomWord() | 1) >>> 0,
      parent.id0,
      parent.id1,
      startMs,
      endMs,
    )
    if (!isBegun) return
    if (hasFailed) recorder.exception(error, endMs)
    recorder.text(client.database)
    recorder.text(known.text)
    recorder.text(client.host)
    recorder.integer(client.port ?? Number.NaN)
    const { rowCount } = (result ?? {}) as { rowCount?: unknown }
    recorder.integer(typeof rowCount === 'number' ? rowCount : Number.NaN)
    const code = hasFailed && typeof failure.code === 'string' ? failure.code : undefined
    recorder.text(code)
    recorder.text(hasFailed ? (code ?? String(failure.name ?? 'error')) : undefined)
    const { file, line } = issuingLine(known, parent.place)
    recorder.text(file)
    recorder.integer(line)
    recorder.end()
  } catch (failure) {
    agent.report('recording a statement of pg', failure)
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
