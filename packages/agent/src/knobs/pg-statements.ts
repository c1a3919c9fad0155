import { createHash } from 'node:crypto'
import type { Agent } from '../agent.ts'
import { wrapMethod } from '../instrument/wrap-method.ts'

const NAME = 'pg.statement_cache.max'
/** A longer text is one of many that differ in their literals. */
const LONGEST_TEXT = 16_384
/** `ReadyForQuery` outside of a transaction: https://www.postgresql.org/docs/current/protocol-message-formats.html */
const IDLE = 'I'
/** Its columns are others now: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const CHANGED_CODE = '0A000'
/** What a prepared statement can meet before it is executed; the others: somebody has forgotten it, or has it already. */
const STALE_CODES = new Set([CHANGED_CODE, '26000', '42P05'])

interface Connection {
  readonly parsedStatements: Record<string, string | undefined>
  readonly submittedNamedStatements?: Record<string, string | undefined>
  close(statement: { readonly type: 'S'; readonly name: string }): unknown
}

interface Query {
  name?: unknown
  readonly text?: unknown
  readonly values?: unknown
  readonly rows?: unknown
  submit(connection: Connection): unknown
}

interface Client {
  readonly connection: Connection
  _activeQuery?: Query | null
  readonly _queryQueue?: Query[]
  readonly pipeline?: boolean
  _handleReadyForQuery(message: { readonly status?: unknown }): unknown
  _handleErrorMessage(message: { readonly code?: unknown }): unknown
}

/** What one connection keeps prepared. */
interface Kept {
  /** By text, the least recently used first. */
  readonly names: Map<string, string>
  /** Whether the server has said that no transaction is open. */
  isIdle: boolean
  /** Somebody else forgets its statements, or has it in turns, as behind a pool of connections outside of this process. */
  isShared: boolean
}

/**
 * Statements with parameters that the application gave no name get one, so that each connection parses them once and the
 * server may keep their plans. Only outside of transactions, where a statement that became stale can be issued again
 * without its name, so that the application never hears of it. Off until it is turned; put back, each connection closes
 * what it keeps with its next statement.
 */
export class PgStatementCache {
  readonly #report: Agent['report']
  readonly #kept = new WeakMap<Connection, Kept>()
  readonly #named = new WeakSet<Query>()
  readonly #nameless = new WeakSet<Query>()
  #max = 0

  constructor({ knobs, report }: Pick<Agent, 'knobs' | 'report'>) {
    this.#report = report
    knobs.offer({
      name: NAME,
      unit: '{statement}',
      description:
        'Statements without a name that each connection of pg keeps prepared; 0 for none',
      read: () => this.#max,
      apply: value => {
        this.#max = Math.floor(value)
      },
    })
  }

  /** `lib/query.js` of `pg`. */
  patchQuery(exports: object): void {
    const { prototype } = exports as { readonly prototype: Query }
    const name = (query: Query, connection: Connection) => this.#name(query, connection)
    wrapMethod(
      prototype,
      'submit',
      submit =>
        function (this: Query, connection) {
          name(this, connection)
          return submit.call(this, connection)
        },
    )
  }

  /** `lib/client.js` of `pg`. */
  patchClient(exports: object): void {
    const { prototype } = exports as { readonly prototype: Client }
    const noteStatus = ({ connection, _queryQueue: queue, pipeline }: Client, status: unknown) => {
      // Of a client that sends one after the other, and whose queue is where it can be put back into.
      this.#of(connection).isIdle = status === IDLE && Array.isArray(queue) && pipeline !== true
    }
    const issueAgain = (client: Client, code: unknown) => this.#issueAgain(client, code)
    wrapMethod(
      prototype,
      '_handleReadyForQuery',
      handle =>
        function (this: Client, message) {
          noteStatus(this, message?.status)
          return handle.call(this, message)
        },
    )
    wrapMethod(
      prototype,
      '_handleErrorMessage',
      handle =>
        function (this: Client, message) {
          return issueAgain(this, message?.code) ? undefined : handle.call(this, message)
        },
    )
  }

  #of(connection: Connection): Kept {
    const known = this.#kept.get(connection)
    if (known !== undefined) return known
    const made: Kept = { names: new Map(), isIdle: false, isShared: false }
    this.#kept.set(connection, made)
    return made
  }

  #name(query: Query, connection: Connection): void {
    try {
      const kept = this.#of(connection)
      this.#forgetBeyond(this.#max, kept, connection)
      if (this.#max === 0 || kept.isShared || !kept.isIdle || !this.#canBeNamed(query)) return
      const text = query.text as string
      let name = kept.names.get(text)
      if (name === undefined) {
        this.#forgetBeyond(this.#max - 1, kept, connection)
        // Whoever else may come upon it means the same statement by it.
        name = `perfloop_${createHash('sha1').update(text).digest('hex')}`
      }
      kept.names.delete(text)
      kept.names.set(text, name)
      query.name = name
      this.#named.add(query)
    } catch (error) {
      this.#report('naming a statement of pg', error)
    }
  }

  #canBeNamed(query: Query): boolean {
    const { name, text, values, rows } = query
    if (name || rows || this.#nameless.has(query)) return false
    if (typeof text !== 'string' || text.length > LONGEST_TEXT) return false
    return Array.isArray(values) && values.length > 0
  }

  #forgetBeyond(most: number, kept: Kept, connection: Connection): void {
    for (const [text, name] of kept.names) {
      if (kept.names.size <= most) return
      kept.names.delete(text)
      if (connection.parsedStatements[name] === undefined) continue
      delete connection.parsedStatements[name]
      connection.close({ type: 'S', name })
    }
  }

  /** True where the error is nobody's but ours. */
  #issueAgain(client: Client, code: unknown): boolean {
    try {
      const { _activeQuery: query, _queryQueue: queue, connection } = client
      if (typeof code !== 'string' || !STALE_CODES.has(code)) return false
      if (!query || queue === undefined || !this.#named.has(query)) return false
      const kept = this.#of(connection)
      const name = String(query.name)
      this.#named.delete(query)
      this.#nameless.add(query)
      query.name = undefined
      kept.names.delete(query.text as string)
      kept.isShared = code !== CHANGED_CODE
      if (connection.submittedNamedStatements !== undefined) {
        delete connection.submittedNamedStatements[name]
      }
      if (connection.parsedStatements[name] !== undefined) {
        delete connection.parsedStatements[name]
        connection.close({ type: 'S', name })
      }
      // As the client itself does with one that has failed; the next one to be sent is this one again. Another reason for
      // the same code is told the second time.
      client._activeQuery = null
      queue.unshift(query)
      return true
    } catch (error) {
      this.#report('issuing a statement of pg again', error)
      return false
    }
  }
}

/** Undefined where the host has not enabled it. */
export function pgStatementCache(agent: Agent): PgStatementCache | undefined {
  return agent.knobs.isEnabled(NAME) ? new PgStatementCache(agent) : undefined
}
