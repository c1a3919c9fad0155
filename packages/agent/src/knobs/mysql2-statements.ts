import type { Knobs } from '../control/knobs.ts'
import { offerPoolKnobs, type PoolKnob } from './pool-knobs.ts'

interface Connection {
  /** https://github.com/wellwelwel/lru.min */
  readonly _statements?: { readonly max: number; resize(max: number): unknown }
  readonly _closing?: unknown
  readonly _fatalError?: unknown
  execute(...args: never[]): unknown
}

type Cache = Record<'max', number>

const STATEMENT_KNOBS: readonly PoolKnob<Cache>[] = [
  {
    name: 'mysql2.statement_cache.max',
    unit: '{statement}',
    option: 'max',
    description: 'Statements of execute that each connection of mysql2 keeps prepared',
  },
]

/** `maxPreparedStatements` of each connection, open ones too: those beyond are closed, and prepared again when they come. */
export function offerMysql2StatementKnobs(knobs: Knobs, exports: object): void {
  const { prototype } = exports as { readonly prototype: Connection }
  offerPoolKnobs(knobs, STATEMENT_KNOBS, prototype, 'execute', cacheOf)
}

function cacheOf(connection: Connection): Cache {
  const { _statements: statements } = connection
  return {
    get max() {
      return statements?.max ?? Number.NaN
    },
    set max(value) {
      // What is closed on a connection that is gone would be an error of it.
      if (connection._closing || connection._fatalError) return
      statements?.resize(Math.max(1, Math.floor(value)))
    },
  }
}
