import type { Agent } from '../agent.ts'
import { wrapMethod } from '../instrument/wrap-method.ts'

const NAME = 'better_sqlite3.statement_cache.max'
/** A longer text is one of many that differ in their literals. */
const LONGEST_TEXT = 16_384
/** What is asked again and again; everything else may change what these mean. */
const REPEATED = /^\s*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|VALUES|WITH)\b/i

/** A statement of better-sqlite3, in its own words: https://github.com/WiseLibs/better-sqlite3/blob/master/docs/api.md */
interface Statement {
  readonly database: unknown
  readonly source: string
  readonly reader: boolean
  readonly readonly: boolean
  readonly busy: boolean
  run(...values: unknown[]): unknown
  get(...values: unknown[]): unknown
  all(...values: unknown[]): unknown
  iterate(...values: unknown[]): unknown
  columns(): unknown
  bind(...values: unknown[]): Statement
  pluck(...toggle: unknown[]): Statement
  expand(...toggle: unknown[]): Statement
  raw(...toggle: unknown[]): Statement
  safeIntegers(...toggle: unknown[]): Statement
  toString(): string
}

interface Database {
  prepare(text: unknown): Statement
}

/** What changes how the statements that are prepared from here on behave. */
const CHANGING = [
  'exec',
  'close',
  'defaultSafeIntegers',
  'unsafeMode',
  'function',
  'aggregate',
  'table',
  'loadExtension',
]

/**
 * Statements of one text share what was prepared, so that code which prepares again and again does so once. Off until it
 * is turned; put back, each is prepared again.
 */
export function offerSqliteStatementCache({ knobs }: Pick<Agent, 'knobs'>, exports: object): void {
  if (!knobs.isEnabled(NAME)) return
  let max = 0
  let caches = new WeakMap<Database, Map<string, Statement>>()
  knobs.offer({
    name: NAME,
    unit: '{statement}',
    description: 'Statements that each database of better-sqlite3 keeps prepared; 0 for none',
    read: () => max,
    apply(value) {
      max = Math.floor(value)
      caches = new WeakMap()
    },
  })
  const { prototype } = exports as { readonly prototype: Database }
  wrapMethod(
    prototype,
    'prepare',
    prepare =>
      function (this: Database, text) {
        if (max === 0 || typeof text !== 'string' || text.length > LONGEST_TEXT) {
          return prepare.call(this, text)
        }
        if (!REPEATED.test(text)) {
          caches.delete(this)
          return prepare.call(this, text)
        }
        const cache = caches.get(this) ?? new Map<string, Statement>()
        caches.set(this, cache)
        const shared = cache.get(text) ?? prepare.call(this, text)
        cache.delete(text)
        cache.set(text, shared)
        for (const [oldest] of cache) {
          if (cache.size <= max) break
          cache.delete(oldest)
        }
        const statement = new SharingStatement(shared, () => prepare.call(this, text))
        // It is an instance of the driver's own class, which is not exported.
        const own = Object.getPrototypeOf(shared) as object
        if (Object.getPrototypeOf(SharingStatement.prototype) !== own) {
          Object.setPrototypeOf(SharingStatement.prototype, own)
        }
        return statement
      },
  )
  const methods = prototype as unknown as Record<string, (...args: unknown[]) => unknown>
  for (const name of CHANGING) {
    if (typeof methods[name] !== 'function') continue
    wrapMethod(
      methods,
      name,
      method =>
        function (this: Database, ...args: unknown[]) {
          caches.delete(this)
          return method.apply(this, args)
        },
    )
  }
}

/** Looks and behaves as one of its own; what would be seen by the others who share it makes it one of its own. */
class SharingStatement {
  readonly #shared: Statement
  readonly #prepare: () => Statement
  #own: Statement | undefined

  constructor(shared: Statement, prepare: () => Statement) {
    this.#shared = shared
    this.#prepare = prepare
  }

  #alone(): Statement {
    this.#own ??= this.#prepare()
    return this.#own
  }

  /** One that runs, since a function of the application's within it asks the same, cannot run again. */
  #free(): Statement {
    return this.#own ?? (this.#shared.busy ? this.#alone() : this.#shared)
  }

  get database(): unknown {
    return this.#shared.database
  }

  get source(): string {
    return this.#shared.source
  }

  get reader(): boolean {
    return this.#shared.reader
  }

  get readonly(): boolean {
    return this.#shared.readonly
  }

  get busy(): boolean {
    return this.#own?.busy ?? false
  }

  run(...values: unknown[]): unknown {
    return this.#free().run(...values)
  }

  get(...values: unknown[]): unknown {
    return this.#free().get(...values)
  }

  all(...values: unknown[]): unknown {
    return this.#free().all(...values)
  }

  columns(): unknown {
    return this.#free().columns()
  }

  iterate(...values: unknown[]): unknown {
    return this.#alone().iterate(...values)
  }

  bind(...values: unknown[]): this {
    this.#alone().bind(...values)
    return this
  }

  pluck(...toggle: unknown[]): this {
    this.#alone().pluck(...toggle)
    return this
  }

  expand(...toggle: unknown[]): this {
    this.#alone().expand(...toggle)
    return this
  }

  raw(...toggle: unknown[]): this {
    this.#alone().raw(...toggle)
    return this
  }

  safeIntegers(...toggle: unknown[]): this {
    this.#alone().safeIntegers(...toggle)
    return this
  }

  toString(): string {
    return this.#shared.toString()
  }
}
