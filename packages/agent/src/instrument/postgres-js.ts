import { executionAsyncResource } from 'node:async_hooks'
import type { Agent } from '../agent.ts'
import { clockMs } from '../own-clock.ts'
import { type ActiveSpan, activeSpan } from '../record/active-span.ts'
import { RepeatedText } from '../record/text-table.ts'
import {
  codeOf,
  type DatabaseAddress,
  noteIssuingLine,
  recordStatement,
  type Statement,
  statementSchema,
} from './database-statement.ts'
import { type CodeLine, giveLine, knownText, lineOfStack } from './issuing-line.ts'
import { UNKNOWN } from './result-hash.ts'
import { wrapMethod } from './wrap-method.ts'

const SCHEMA = statementSchema('postgres', 'postgresql')
const NOWHERE: DatabaseAddress = { namespace: undefined, host: undefined, port: undefined }

type Settle = (value: unknown) => unknown

/** https://github.com/porsager/postgres/blob/master/src/query.js: a promise that begins when somebody waits for it. */
interface Query {
  readonly executed: boolean
  readonly tagged: boolean
  /** Of a tagged template its parts, else the text. */
  readonly strings: readonly string[]
  /** As it is sent, once it is. */
  readonly string?: unknown
  resolve: Settle
  reject: Settle
  forEachFn?: unknown
  cursorFn?: unknown
  handle(): unknown
  then(...handlers: unknown[]): unknown
}

/** What is to be told when a query has its answer, while its line was not found. */
const lineNotes = new WeakMap<object, () => void>()

/** Statements of `postgres`, each where its promise is settled. `exports` are those of `src/query.js`. */
export function instrumentPostgresJs(agent: Agent, exports: object): void {
  const { prototype } = (exports as { readonly Query: { readonly prototype: Query } }).Query
  wrapMethod(
    prototype,
    'handle',
    handle =>
      function (this: Query) {
        if (!this.executed) begin(agent, this)
        return handle.call(this)
      },
  )
  wrapMethod(
    prototype,
    'then',
    then =>
      function (this: Query, ...handlers) {
        this.handle()
        const note = lineNotes.get(this)
        if (note === undefined) return then.apply(this, handlers)
        lineNotes.delete(this)
        const answered = then.call(
          this,
          (value: unknown) => {
            note()
            return value
          },
          (error: unknown) => {
            note()
            throw error
          },
        ) as Query
        return answered.then(...handlers)
      },
  )
}

function begin(agent: Agent, query: Query): void {
  try {
    const parent = activeSpan.getStore()
    bindRows(query, parent)
    if (parent?.isFollowed !== true) return
    const startMs = clockMs()
    const line = parent.isRecorded && query.tagged ? lineOfTemplate(query) : undefined
    if (line === undefined && parent.isRecorded) {
      const note = noteIssuingLine(agent, query.strings[0])
      if (note !== undefined) lineNotes.set(query, note)
    }
    let isOver = false
    const finish = (error: unknown, result: unknown) => {
      if (isOver) return
      isOver = true
      try {
        const { string, strings } = query
        const known = knownText(typeof string === 'string' ? string : strings.join('?'))
        if (line !== undefined) giveLine(known, parent.place, line)
        const statement: Statement = { known, parent, startMs, parameters: UNKNOWN }
        const rows = query.cursorFn === undefined ? rowsOf(result) : Number.NaN
        recordStatement(agent, SCHEMA, statement, addressOfAnswer(), error, codeOf(error), rows)
      } catch (failure) {
        agent.report('recording a statement of postgres', failure)
      }
    }
    follow(query, 'resolve', value => finish(undefined, value))
    follow(query, 'reject', error => finish(error, undefined))
  } catch (error) {
    agent.report('beginning a statement of postgres', error)
  }
}

/** By the handle of its connection. */
const addresses = new WeakMap<object, DatabaseAddress>()

/**
 * Where a query goes is known to the functions that are around it, and to nobody else. But it is settled while its
 * connection is read, and on the socket of that the driver has noted whom it called. The database it does not note.
 */
function addressOfAnswer(): DatabaseAddress {
  const handle = executionAsyncResource() as Record<symbol, unknown>
  const known = addresses.get(handle)
  if (known !== undefined) return known
  const owner = Object.getOwnPropertySymbols(handle).find(
    ({ description }) => description === 'owner_symbol',
  )
  const socket = (owner && handle[owner]) as CalledSocket | undefined
  const { host, port } = socket?._parent ?? socket ?? {}
  if (typeof host !== 'string' || typeof port !== 'number') return NOWHERE
  const address = { namespace: undefined, host: new RepeatedText(host), port }
  addresses.set(handle, address)
  return address
}

/** With TLS, around another one. */
interface CalledSocket {
  readonly host?: unknown
  readonly port?: unknown
  readonly _parent?: CalledSocket | null
}

/** A cursor that is read by `for await` settles another promise with each part, by functions that it puts here. */
function follow(query: Query, name: 'resolve' | 'reject', note: (value: unknown) => void): void {
  let own = query[name]
  const settle: Settle = value => {
    note(value)
    return own(value)
  }
  Object.defineProperty(query, name, {
    configurable: true,
    enumerable: true,
    get: () => settle,
    set: (given: Settle) => {
      own = given
    },
  })
}

/** What is called with rows is called when they come over the connection, in the context of whoever opened it. */
function bindRows(query: Query, parent: ActiveSpan | undefined): void {
  for (const name of ['forEachFn', 'cursorFn'] as const) {
    const call = query[name]
    if (typeof call !== 'function') continue
    const bound = (...args: unknown[]) =>
      activeSpan.run(parent, () => Reflect.apply(call, undefined, args))
    query[name] = bound
  }
}

/** Of several statements at once, all of them. */
function rowsOf(result: unknown): number {
  const { count } = (result ?? {}) as { count?: unknown }
  if (typeof count === 'number') return count
  if (!Array.isArray(result)) return Number.NaN
  return result.reduce<number>((sum, one) => sum + rowsOf(one), 0)
}

const lines = new WeakMap<object, CodeLine | { readonly file: undefined }>()

/** The driver itself notes where each of its templates is. */
function lineOfTemplate(query: Query): CodeLine | undefined {
  const { strings } = query
  const known = lines.get(strings)
  if (known !== undefined) return known.file === undefined ? undefined : known
  const symbol = Object.getOwnPropertySymbols(query).find(
    ({ description }) => description === 'OriginError',
  )
  const { stack } = ((symbol && (query as unknown as Record<symbol, unknown>)[symbol]) ?? {}) as {
    readonly stack?: unknown
  }
  const line = lineOfStack(stack)
  lines.set(strings, line ?? { file: undefined })
  return line
}
