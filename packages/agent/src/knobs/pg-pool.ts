import type { Knobs } from '../control/knobs.ts'
import { offerPoolKnobs, type PoolKnob } from './pool-knobs.ts'

/** What pg-pool reads anew each time it decides: https://node-postgres.com/apis/pool */
type PoolOptions = Record<'max' | 'idleTimeoutMillis' | 'connectionTimeoutMillis', number>

interface Pool {
  readonly options: PoolOptions
  connect(...args: never[]): unknown
}

const POOL_KNOBS: readonly PoolKnob<PoolOptions>[] = [
  {
    name: 'pg.pool.max',
    unit: '{connection}',
    option: 'max',
    description: 'Connections of each pool of pg; the largest pool is told',
  },
  {
    name: 'pg.pool.idle_timeout',
    unit: 'ms',
    option: 'idleTimeoutMillis',
    description: 'How long a connection of pg may be idle before it is closed',
  },
  {
    name: 'pg.pool.connection_timeout',
    unit: 'ms',
    option: 'connectionTimeoutMillis',
    description: 'How long pg waits for a connection of its pool; 0 for ever',
  },
]

export function offerPgPoolKnobs(knobs: Knobs, exports: object): void {
  const { prototype } = exports as { readonly prototype: Pool }
  offerPoolKnobs(knobs, POOL_KNOBS, prototype, 'connect', ({ options }) => options)
}
