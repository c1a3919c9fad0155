import type { Agent } from '../agent.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { attributeSchema, INTEGER, TEXT } from '../record/attribute-schema.ts'
import { randomWord } from '../record/random-ids.ts'
import { KIND_CLIENT, STATUS_ERROR, STATUS_UNSET } from '../record/span-recorder.ts'
import { codeLocation } from './code-location.ts'
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
  readonly text: string
  readonly parent: ActiveSpan
  readonly location: string
  readonly startMs: number
}

/** Statements of `pg`, by promise, callback, cursor and stream. */
export function instrumentPg(agent: Agent, exports: object): void {
  const { Client } = exports as { readonly Client?: { readonly prototype: Client } }
  if (Client === undefined) return
  wrapMethod(
    Client.prototype,
    'query',
    query =>
      function (this: Client, ...args) {
        const parent = activeSpan.getStore()
        if (parent?.isRecorded !== true) return query.apply(this, args)
        let statement: Statement | undefined
        try {
          statement = beginStatement(this, args[0], parent)
          if (statement !== undefined) wrapCallbacks(agent, args, statement)
        } catch (error) {
          agent.report('beginning a statement of pg', error)
        }
        const result = query.apply(this, args)
        if (statement !== undefined && isPromise(result)) {
          const begun = statement
          // Both ends are handled here, so that this promise of ours never rejects; the application has its own.
          result.then(
            value => record(agent, begun, undefined, value),
            (error: unknown) => record(agent, begun, error, undefined),
          )
        }
        return result
      },
  )
}

/** A pool calls back in the context of whoever gave the client back; bound here to whoever asked for it. */
export function instrumentPgPool(agent: Agent, exports: object): void {
  const { prototype } = exports as { readonly prototype: Pool }
  // Who asks is on the stack only here: the statement itself is issued when a client is free.
  wrapMethod(
    prototype,
    'query',
    query =>
      function (this: Pool, ...args) {
        try {
          const parent = activeSpan.getStore()
          const text = parent?.isRecorded === true ? textOf(args[0]) : undefined
          if (text !== undefined) codeLocation(text, parent?.place)
        } catch (error) {
          agent.report('finding the line of a statement', error)
        }
        return query.apply(this, args)
      },
  )
  wrapMethod(
    prototype,
    'connect',
    connect =>
      function (this: Pool, callback) {
        const parent = activeSpan.getStore()
        if (callback === undefined || parent === undefined) return connect.call(this, callback)
        return connect.call(this, (...args) => activeSpan.run(parent, callback, ...args))
      },
  )
}

function beginStatement(client: Connection, asked: unknown, parent: ActiveSpan) {
  const text = textOf(asked)
  if (text === undefined) return undefined
  const location = codeLocation(text, parent.place)
  return { client, text, parent, location, startMs: performance.now() }
}

/** Of a text, of a configuration, and of a cursor or stream, which has its text inside. */
function textOf(asked: unknown): string | undefined {
  if (typeof asked === 'string') return asked
  if (typeof asked !== 'object' || asked === null) return undefined
  const { text, cursor } = asked as { text?: unknown; cursor?: { text?: unknown } }
  if (typeof text === 'string') return text
  return typeof cursor?.text === 'string' ? cursor.text : undefined
}

/** In place: the callback that is the last argument, the one in the configuration, or the end of a submittable. */
function wrapCallbacks(agent: Agent, args: unknown[], statement: Statement): void {
  const bound = (callback: Callback): Callback =>
    function (this: unknown, error, result) {
      record(agent, statement, error, result)
      return activeSpan.run(statement.parent, () => callback.call(this, error, result))
    }
  for (let i = args.length - 1; i > 0; i--) {
    const argument = args[i]
    if (typeof argument === 'function') {
      args[i] = bound(argument as Callback)
      return
    }
  }
  const asked = args[0] as { callback?: unknown; submit?: unknown } | string
  if (typeof asked === 'string') return
  if (typeof asked.submit === 'function') observeSubmittable(agent, asked as Submittable, statement)
  else if (typeof asked.callback === 'function') {
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
    const { client, text, parent, location, startMs } = statement
    const failure = error as { code?: unknown; name?: unknown } | null | undefined
    const hasFailed = failure !== undefined && failure !== null
    const { recorder } = agent
    const status = hasFailed ? STATUS_ERROR : STATUS_UNSET
    const name = summaryOf(text)
    const { id0, id1 } = parent
    if (
      !recorder.begin(
        SCHEMA,
        name,
        KIND_CLIENT,
        status,
        parent,
        randomWord(),
        (randomWord() | 1) >>> 0,
        id0,
        id1,
        startMs,
        endMs,
      )
    )
      return
    if (hasFailed) recorder.exception(error, endMs)
    recorder.text(client.database)
    recorder.text(text)
    recorder.text(client.host)
    recorder.integer(client.port ?? Number.NaN)
    const { rowCount } = (result ?? {}) as { rowCount?: unknown }
    recorder.integer(typeof rowCount === 'number' ? rowCount : Number.NaN)
    const code = hasFailed && typeof failure.code === 'string' ? failure.code : undefined
    recorder.text(code)
    recorder.text(hasFailed ? (code ?? String(failure.name ?? 'error')) : undefined)
    const colon = location.lastIndexOf(':')
    recorder.text(colon > 0 ? location.slice(0, colon) : undefined)
    recorder.integer(colon > 0 ? Number(location.slice(colon + 1)) : Number.NaN)
    recorder.end()
  } catch (failure) {
    agent.report('recording a statement of pg', failure)
  }
}

/** The verb, which is all that can be told without reading the statement; the server finds its tables. */
function summaryOf(text: string): string {
  let start = 0
  while (start < text.length && text.charCodeAt(start) <= 32) start++
  let end = start
  while (end < text.length && end - start < 16 && isLetter(text.charCodeAt(end))) end++
  return end > start ? text.slice(start, end).toUpperCase() : 'SQL'
}

function isLetter(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
}

function isPromise(value: unknown): value is Promise<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
